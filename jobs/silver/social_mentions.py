"""Social mentions as posted."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(social_mentions: DataFrame) -> DataFrame:
    """Each mention with the UTC day it was posted on."""
    return social_mentions.withColumn("mention_date", F.to_date("mentioned_at"))
