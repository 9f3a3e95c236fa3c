"""What the ad campaigns cost, and the revenue of the orders that followed a click on them."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.currency import with_eur_cents

GROUP = ["spend_date", "platform", "campaign_id"]
ROAS_DIGITS = 4


def transform(
    ad_spend: DataFrame, fx_rates: DataFrame, clicks: DataFrame, fact_order_items: DataFrame
) -> DataFrame:
    """Spend and attributed revenue of each campaign on each day; null cents without a rate.

    An order belongs to the campaign of its customer's last click from one on the same UTC day,
    at the moment of the order or before.
    """
    both = _spend(ad_spend, fx_rates).join(
        _attributed(clicks, fact_order_items), on=GROUP, how="full"
    )
    has_no_spend = F.col("spend_currency").isNull()
    spend_cents = F.when(has_no_spend, F.lit(0)).otherwise(F.col("spend_eur_cents"))
    counts = ["impressions", "clicks", "attributed_orders_count", "attributed_revenue_eur_cents"]
    filled = both.withColumn("spend_eur_cents", spend_cents).fillna(0, subset=counts)
    exact = F.try_divide(
        F.col("attributed_revenue_eur_cents").cast("decimal(20,0)"),
        F.col("spend_eur_cents").cast("decimal(20,0)"),
    )
    roas = F.round(exact, ROAS_DIGITS).cast(f"decimal(18,{ROAS_DIGITS})")
    return filled.withColumn("roas", roas).drop("spend_currency")


def _spend(ad_spend: DataFrame, fx_rates: DataFrame) -> DataFrame:
    priced = with_eur_cents(ad_spend, fx_rates, "spend_date", "spend_cents", "spend_eur_cents")
    currency = F.col("currency").alias("spend_currency")
    return priced.select(*GROUP, "impressions", "clicks", "spend_eur_cents", currency)


def _attributed(clicks: DataFrame, fact_order_items: DataFrame) -> DataFrame:
    """Orders and revenue by day and campaign; the platform is the second part of its id."""
    who_when = ["customer_id", "spend_date"]
    touches = clicks.where(F.col("campaign_id").isNotNull()).select(
        "customer_id",
        F.col("click_date").alias("spend_date"),
        F.col("clicked_at").alias("at"),
        "click_id",
        "campaign_id",
    )
    orders = fact_order_items.groupBy(
        "order_id",
        "customer_id",
        F.col("order_date").alias("spend_date"),
        F.col("ordered_at").alias("at"),
    ).agg(F.sum("revenue_eur_cents").alias("revenue_eur_cents"))
    # Orders have no click_id: they come after the clicks of the same instant.
    so_far = (
        Window.partitionBy(*who_when)
        .orderBy("at", F.asc_nulls_last("click_id"))
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    timeline = touches.unionByName(orders, allowMissingColumns=True)
    last_campaign = F.last("campaign_id", ignorenulls=True).over(so_far)
    attributed = timeline.withColumn("campaign_id", last_campaign).where(
        F.col("order_id").isNotNull() & F.col("campaign_id").isNotNull()
    )
    platform = F.split_part("campaign_id", F.lit("-"), F.lit(2)).alias("platform")
    return attributed.groupBy("spend_date", platform, "campaign_id").agg(
        F.count("*").alias("attributed_orders_count"),
        F.sum("revenue_eur_cents").alias("attributed_revenue_eur_cents"),
    )
