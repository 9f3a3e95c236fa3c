"""Clicks as sent by the pages."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CAMPAIGN = r"[?&]utm_campaign=(cmp-[a-z]+-[0-9]+)(?:[&#]|$)"


def transform(clicks: DataFrame) -> DataFrame:
    """Each click with its UTC day and the campaign that its address names, null if none."""
    campaign_id = F.nullif(F.regexp_extract("url", CAMPAIGN, 1), F.lit(""))
    return clicks.withColumns({"click_date": F.to_date("clicked_at"), "campaign_id": campaign_id})
