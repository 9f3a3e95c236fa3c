"""The reports of five ad platforms in one shape.

Money becomes whole cents: millionths are divided by 10,000, decimal texts multiplied by 100. Both
are exact for what the platforms send; a fraction of a cent is rounded half up. What is no number
or no day becomes null, which sends the row to quarantine.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

MICROS_PER_CENT = 10_000
LATEST_MS = 253_402_300_799_999  # the end of the year 9999
URN = "urn:li:sponsoredCampaign:"


def transform(
    ads_google: DataFrame,
    ads_meta: DataFrame,
    ads_tiktok: DataFrame,
    ads_linkedin: DataFrame,
    ads_x: DataFrame,
) -> DataFrame:
    """Every report with its platform, spend in cents."""
    shaped = [
        _google(ads_google),
        _meta(ads_meta),
        _tiktok(ads_tiktok),
        _linkedin(ads_linkedin),
        _x(ads_x),
    ]
    return reduce(DataFrame.unionByName, shaped)


def _google(reports: DataFrame) -> DataFrame:
    return reports.select(
        F.lit("google").alias("platform"),
        F.col("campaign.id").alias("campaign_id"),
        F.col("segments.date").try_cast("date").alias("spend_date"),
        F.col("metrics.impressions").try_cast("bigint").alias("impressions"),
        F.col("metrics.clicks").try_cast("bigint").alias("clicks"),
        _from_micros(F.col("metrics.costMicros")).alias("spend_cents"),
        F.col("customer.currencyCode").alias("currency"),
        F.col("updatedAt").alias("updated_at"),
        "_row",
    )


def _meta(reports: DataFrame) -> DataFrame:
    return reports.select(
        F.lit("meta").alias("platform"),
        "campaign_id",
        F.col("date_start").alias("spend_date"),
        F.col("impressions").try_cast("bigint").alias("impressions"),
        F.col("clicks").try_cast("bigint").alias("clicks"),
        _from_decimal(F.col("spend")).alias("spend_cents"),
        F.col("account_currency").alias("currency"),
        F.col("updated_time").alias("updated_at"),
        "_row",
    )


def _tiktok(reports: DataFrame) -> DataFrame:
    return reports.select(
        F.lit("tiktok").alias("platform"),
        F.col("dimensions.campaign_id").alias("campaign_id"),
        F.col("dimensions.stat_time_day").try_cast("date").alias("spend_date"),
        F.col("metrics.impressions").try_cast("bigint").alias("impressions"),
        F.col("metrics.clicks").try_cast("bigint").alias("clicks"),
        _from_decimal(F.col("metrics.spend")).alias("spend_cents"),
        F.col("metrics.currency").alias("currency"),
        F.concat("modify_time", F.lit("Z")).try_cast("timestamp").alias("updated_at"),
        "_row",
    )


def _linkedin(reports: DataFrame) -> DataFrame:
    parts = [F.col(f"dateRange.start.{part}") for part in ("year", "month", "day")]
    campaign_urn = F.try_element_at("pivotValues", F.lit(1))
    return reports.select(
        F.lit("linkedin").alias("platform"),
        F.regexp_replace(campaign_urn, f"^{URN}", "").alias("campaign_id"),
        F.format_string("%04d-%02d-%02d", *parts).try_cast("date").alias("spend_date"),
        "impressions",
        "clicks",
        _from_decimal(F.col("costInLocalCurrency")).alias("spend_cents"),
        "currency",
        F.when(
            F.col("lastModifiedAt").between(-LATEST_MS, LATEST_MS),
            F.timestamp_millis("lastModifiedAt"),
        ).alias("updated_at"),
        "_row",
    )


def _x(reports: DataFrame) -> DataFrame:
    metrics = F.try_element_at("id_data", F.lit(1)).getField("metrics")
    return reports.select(
        F.lit("x").alias("platform"),
        F.col("id").alias("campaign_id"),
        F.col("date").alias("spend_date"),
        _only(metrics.getField("impressions")).alias("impressions"),
        _only(metrics.getField("clicks")).alias("clicks"),
        _from_micros(_only(metrics.getField("billed_charge_local_micro"))).alias("spend_cents"),
        "currency",
        "updated_at",
        "_row",
    )


def _only(numbers: Column) -> Column:
    """The one number of a list; X gives one per interval, and one day is asked for."""
    return F.when(F.size(numbers) == 1, F.try_element_at(numbers, F.lit(1)))


def _from_micros(amount: Column) -> Column:
    cents = amount.try_cast("decimal(20,0)") / F.lit(MICROS_PER_CENT).cast("decimal(5,0)")
    return F.round(cents, 0).try_cast("bigint")


def _from_decimal(amount: Column) -> Column:
    rounded = F.round(amount.try_cast("decimal(38,18)"), 2)
    return (rounded * F.lit(100)).try_cast("bigint")
