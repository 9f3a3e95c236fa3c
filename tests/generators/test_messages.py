"""The messages byte by byte: whoever changes one of these changes a contract."""

from datetime import date

from generators.messages import CLICKS, ORDERS, PAYMENTS, REFUNDS, SHIPMENTS
from generators.run import Defects
from generators.shop import simulate

DAY = date(2026, 1, 5)
NO_DEFECTS = Defects.totalling(0)


EXPECTED = [
    (
        CLICKS,
        '{"click_id":"k-20260105-29-0000001-1","customer_id":"c-013249",'
        '"session_id":"s-20260105-29-0000001","clicked_at":"2026-01-05T04:56:16.736Z",'
        '"event":"add_to_cart","product_id":"prd-179",'
        '"url":"https://shop.example/cart/prd-179"}',
    ),
    (
        CLICKS,
        '{"click_id":"k-20260105-29-0000001-2","customer_id":"c-013249",'
        '"session_id":"s-20260105-29-0000001","clicked_at":"2026-01-05T05:01:54.659Z",'
        '"event":"checkout","product_id":null,"url":"https://shop.example/checkout"}',
    ),
    (
        ORDERS,
        '{"order_id":"o-20260105-29-0000001","customer_id":"c-013249",'
        '"ordered_at":"2026-01-05T05:07:32.582Z","currency":"USD","items":['
        '{"line_number":1,"product_id":"prd-044","quantity":1,"unit_price_cents":15686}],'
        '"total_cents":15686}',
    ),
    (
        PAYMENTS,
        '{"payment_id":"p-20260105-29-0000001","order_id":"o-20260105-29-0000001",'
        '"customer_id":"c-013249","paid_at":"2026-01-05T05:09:34.231Z","method":"card",'
        '"amount_cents":15686,"currency":"USD"}',
    ),
    (
        SHIPMENTS,
        '{"shipment_id":"h-20260105-29-0000001","order_id":"o-20260105-29-0000001",'
        '"customer_id":"c-013249","carrier":"UPS","status":"placed",'
        '"updated_at":"2026-01-05T13:24:24.893Z"}',
    ),
    (
        SHIPMENTS,
        '{"shipment_id":"h-20260105-29-0000001","order_id":"o-20260105-29-0000001",'
        '"customer_id":"c-013249","carrier":"UPS","status":"shipped",'
        '"updated_at":"2026-01-05T21:41:17.204Z"}',
    ),
    (
        REFUNDS,
        '{"refund_id":"f-20260105-29-0000001-1","order_id":"o-20260105-29-0000001",'
        '"line_number":1,"customer_id":"c-013249","quantity":1,"amount_cents":15686,'
        '"currency":"USD","reason":"late","refunded_at":"2026-01-05T13:06:50.253Z"}',
    ),
]


def test_messages_read_as_their_contract_says() -> None:
    messages = [m for m in simulate(DAY, 1, 29, NO_DEFECTS) if b"0001w" not in m.value]
    assert [(message.topic, message.value.decode()) for message in messages] == EXPECTED
