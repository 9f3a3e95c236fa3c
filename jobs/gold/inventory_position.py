"""What lies in the warehouse, and what must be ordered again."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(inventory_movements: DataFrame, inventory: DataFrame) -> DataFrame:
    """Stock of each product that ever moved or has a reorder point, and whether it runs low."""
    moved = inventory_movements.groupBy("product_id").agg(F.sum("units").alias("on_hand_units"))
    kept = inventory.where(~F.col("is_deleted")).select("product_id", "reorder_point_units")
    is_low = F.col("on_hand_units") <= F.col("reorder_point_units")
    return (
        moved.join(F.broadcast(kept), on="product_id", how="full")
        .fillna(0, subset=["on_hand_units"])
        .withColumn("is_low_stock", F.coalesce(is_low, F.lit(False)))
    )
