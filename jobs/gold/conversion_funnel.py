"""How far visits get on their way to an order."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

PATIENCE = "INTERVAL 30 MINUTES"


def transform(sessions: DataFrame, orders: DataFrame) -> DataFrame:
    """Visits of each day by the steps they took; ordered are those an order followed in time.

    The customer's first order from the start of the visit on decides: it must be placed no later
    than 30 minutes after the last click, on the same day.
    """
    who_when = ["customer_id", "session_date"]
    steps = ["has_view", "has_add_to_cart", "has_checkout"]
    visits = sessions.select(*who_when, F.col("started_at").alias("at"), "ended_at", *steps)
    purchases = orders.select(
        "customer_id",
        F.col("order_date").alias("session_date"),
        F.col("ordered_at").alias("at"),
        "ordered_at",
    )
    # Nulls come first: a visit stands before an order of the same instant.
    onwards = (
        Window.partitionBy(*who_when)
        .orderBy("at", "ordered_at")
        .rowsBetween(Window.currentRow, Window.unboundedFollowing)
    )
    timeline = visits.unionByName(purchases, allowMissingColumns=True)
    followed = timeline.withColumn("next_ordered_at", F.min("ordered_at").over(onwards))
    is_ordered = F.col("next_ordered_at") <= F.col("ended_at") + F.expr(PATIENCE)
    return (
        followed.where(F.col("ended_at").isNotNull())
        .groupBy("session_date")
        .agg(
            F.count("*").alias("sessions_count"),
            F.count_if("has_view").alias("viewed_count"),
            F.count_if("has_add_to_cart").alias("added_to_cart_count"),
            F.count_if("has_checkout").alias("checkout_count"),
            F.count_if(is_ordered).alias("ordered_count"),
        )
    )
