"""The contacts of the CRM as they are now."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(crm_contacts: DataFrame) -> DataFrame:
    """Each contact under the platform's own names; which version is kept is the load's business."""
    return crm_contacts.select(
        F.col("Id").alias("contact_id"),
        F.lower("Email").alias("email"),
        F.col("Name").alias("full_name"),
        F.col("LifecycleStage__c").alias("lifecycle_stage"),
        F.col("CustomerId__c").alias("customer_id"),
        F.col("SystemModstamp").alias("system_modstamp"),
        "_row",
    )
