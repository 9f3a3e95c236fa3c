"""The contracts of the shop's messages, as far as several tests need them."""

ID_FIELDS = {
    "orders": "order_id",
    "payments": "payment_id",
    "clicks": "click_id",
    "shipments": "shipment_id",
    "refunds": "refund_id",
    "reviews": "review_id",
    "social_mentions": "mention_id",
}
TIME_FIELDS = {
    "orders": "ordered_at",
    "payments": "paid_at",
    "clicks": "clicked_at",
    "shipments": "updated_at",
    "refunds": "refunded_at",
    "reviews": "reviewed_at",
    "social_mentions": "mentioned_at",
}
NUMBERS = {"line_number", "quantity", "unit_price_cents", "amount_cents", "total_cents", "rating"}
NULLABLE = {"clicks": {"product_id"}, "social_mentions": {"customer_id", "product_id"}}
