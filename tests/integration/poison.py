"""The classes of bad input by number, as records and files with the fate each one must have.

Numbers are those of the list in `docs/bad-input.md`. A record with a reason is refused with it; one
without is accepted, and `why` says why that is right.
"""

import gzip
import json
from typing import Any, NamedTuple

from tests.integration.lake import order

DUPLICATE = "duplicate"


class Record(NamedTuple):
    """One Kafka record of bad input; `reason` is '' when accepted, DUPLICATE when it came twice."""

    number: int
    what: str
    value: bytes | None
    reason: str = ""
    why: str = ""
    topic: str = "orders"
    key: bytes | None = b"c-1"


def _with(field: str, text: bytes) -> bytes:
    """A good order in which one field's value is replaced by raw text."""
    good = order("o-x")
    head, _, rest = good.partition(b'"%s":' % field.encode())
    value, end = json.JSONDecoder().raw_decode(rest.decode())
    return head + b'"%s":%s' % (field.encode(), text) + rest[end:]


def _extra(text: bytes) -> bytes:
    return order("o-x")[:-1] + b"," + text + b"}"


def _item(**changes: Any) -> list[dict[str, Any]]:
    return [
        {"line_number": 1, "product_id": "p-1", "quantity": 2, "unit_price_cents": 50} | changes
    ]


def payment(payment_id: str, **changes: Any) -> bytes:
    """A good payment, with some fields changed."""
    message = {
        "payment_id": payment_id,
        "order_id": "o-good-0",
        "customer_id": "c-1",
        "paid_at": "2026-01-05T10:00:00.000Z",
        "method": "card",
        "amount_cents": 100,
        "currency": "EUR",
    }
    return json.dumps(message | changes, separators=(",", ":")).encode()


def review(review_id: str, **changes: Any) -> bytes:
    """A good review, with some fields changed."""
    message = {
        "review_id": review_id,
        "order_id": "o-good-0",
        "customer_id": "c-1",
        "product_id": "p-1",
        "rating": 5,
        "text": "Good",
        "reviewed_at": "2026-01-05T10:00:00.000Z",
    }
    return json.dumps(message | changes, separators=(",", ":")).encode()


PLAIN = order("o-x")
HOSTILE = "'; DROP TABLE orders; -- ${jndi:ldap://x} <script>../../etc/passwd =cmd|' /C calc'!A0"
DEEP = b'"deep":'
SYNTAX = [
    Record(1, "empty", b"", "empty_value"),
    Record(2, "null", None, "null_value"),
    Record(3, "blank", b"  \n ", "empty_value"),
    Record(4, "truncated", PLAIN[:-20], "malformed_json"),
    Record(5, "two_objects", PLAIN + PLAIN, "malformed_json"),
    Record(5, "two_lines", PLAIN + b"\n" + PLAIN, "malformed_json"),
    Record(5, "two_with_comma", PLAIN + b"," + PLAIN, "malformed_json"),
    Record(6, "bracket_behind", PLAIN + b"]", "malformed_json"),
    Record(6, "words_behind", PLAIN + b" and more", "malformed_json"),
    Record(6, "trailing_comma", PLAIN[:-1] + b",}", "malformed_json"),
    Record(7, "single_quotes", PLAIN.replace(b'"', b"'"), "malformed_json"),
    Record(7, "comment", b"/* new */" + PLAIN, "malformed_json"),
    Record(7, "line_comment", PLAIN + b"// new", "malformed_json"),
    Record(8, "not_utf8", _with("customer_id", b'"\xff\xfe"'), "invalid_utf8"),
    Record(8, "overlong", _with("customer_id", b'"\xc0\xaf"'), "invalid_utf8"),
    Record(9, "bom", b"\xef\xbb\xbf" + PLAIN, "malformed_json"),
    Record(9, "utf16_bom", PLAIN.decode().encode("utf-16"), "invalid_utf8"),
    Record(9, "utf16_le", PLAIN.decode().encode("utf-16-le"), "malformed_json"),
    Record(9, "utf16_be", PLAIN.decode().encode("utf-16-be"), "malformed_json"),
    Record(10, "lone_surrogate", _with("customer_id", rb'"\ud800"'), "lone_surrogate"),
    Record(10, "lone_low_half", _with("customer_id", rb'"a\uDFFFb"'), "lone_surrogate"),
    Record(10, "surrogate_unused", _extra(rb'"x":"\ud800"'), "lone_surrogate"),
    Record(11, "nul", _with("customer_id", b'"a\x00b"'), "malformed_json"),
    Record(11, "nul_behind", PLAIN + b"\x00", "malformed_json"),
    Record(11, "control_byte", _with("customer_id", b'"a\x01b"'), "malformed_json"),
    Record(11, "nul_escaped", _with("customer_id", rb'"a\u0000b"'), "control_character"),
    Record(11, "bell_escaped", _with("customer_id", rb'"a\u0007b"'), "control_character"),
    Record(12, "deep_10k", _extra(DEEP + b"[" * 10_000 + b"]" * 10_000), "malformed_json"),
    Record(12, "deep_100k", _extra(DEEP + b"[" * 100_000 + b"]" * 100_000), "malformed_json"),
    Record(12, "deep_objects", _extra(DEEP + b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
           "malformed_json"),
    Record(12, "deep_900", order("o-deep")[:-1] + b"," + DEEP + b"[" * 900 + b"]" * 900 + b"}",
           "", "a parser that stops at a thousand levels reads it; the field is nobody's"),
    Record(13, "megabyte", order("o-big", customer_id="c" * 1_000_000),
           "", "just under what the broker takes"),
    Record(13, "huge_name", _extra(b'"' + b"k" * 60_000 + b'":1'), "malformed_json"),
    Record(14, "key_twice", _extra(b'"order_id":"o-other"'), "malformed_json"),
    Record(14, "key_twice_escaped", _extra(rb'"order_i\u0064":"o-other"'), "malformed_json"),
    Record(14, "key_twice_inside", PLAIN.replace(b'"quantity":2', b'"quantity":2,"quantity":2'),
           "malformed_json"),
    Record(15, "array", b"[" + PLAIN + b"]", "not_an_object"),
    Record(15, "number", b"42", "not_an_object"),
    Record(15, "word", b"null", "not_an_object"),
    Record(16, "gzip", gzip.compress(PLAIN, mtime=0), "invalid_utf8"),
    Record(16, "avro", b"Obj\x01\x04\x16avro.schema\x02{}\x00", "malformed_json"),
    Record(16, "avro_schema_id", b"\x00\x00\x00\x00\x01\x06o-1\x02", "malformed_json"),
]  # fmt: skip
TYPES = [
    Record(18, "text_for_number", order("o-x", total_cents="100"), "wrong_type"),
    Record(18, "number_for_text", order("o-x", customer_id=7), "wrong_type"),
    Record(18, "number_for_text_inside", PLAIN.replace(b'"p-1"', b"7"), "wrong_type"),
    Record(18, "object_for_number", order("o-x", total_cents={"cents": 100}), "wrong_type"),
    Record(18, "text_for_list", order("o-x", items="[]"), "wrong_type"),
    Record(19, "nan", _with("total_cents", b"NaN"), "malformed_json"),
    Record(19, "infinity", _with("total_cents", b"-Infinity"), "malformed_json"),
    Record(19, "1e400", _with("total_cents", b"1e400"), "wrong_type"),
    Record(19, "minus_zero", order("o-zero", items=_item(unit_price_cents=0)).replace(
        b'"total_cents":100', b'"total_cents":-0'), "", "whole numbers have one zero"),
    Record(20, "over_2_53", order("o-x", total_cents=2**53 + 1), "total_mismatch",
           "read to the last digit, so that the sum of the lines can tell"),
    Record(20, "over_int64", order("o-x", total_cents=2**63), "wrong_type"),
    Record(20, "wraps_to_100", order("o-x", total_cents=2**64 + 100), "wrong_type"),
    Record(20, "over_int32", PLAIN.replace(b'"quantity":2', b'"quantity":4294967298'),
           "wrong_type"),
    Record(20, "product_over_int64", order("o-x", items=_item(
        quantity=2**31 - 1, unit_price_cents=2**63 - 1)), "invalid_item"),
    Record(21, "float_sum", order("o-x", total_cents=0.1 + 0.2), "wrong_type"),
    Record(21, "three_decimals", order("o-x", total_cents=100.001), "wrong_type"),
    Record(21, "point_zero", _with("total_cents", b"100.0"), "wrong_type"),
    Record(21, "scientific", _with("total_cents", b"1e2"), "wrong_type"),
    Record(21, "leading_zero", _with("total_cents", b"0100"), "malformed_json"),
    Record(22, "minus_two", order("o-x", items=_item(quantity=-2), total_cents=-100),
           "invalid_item"),
    Record(22, "none", order("o-x", items=_item(quantity=0), total_cents=0), "invalid_item"),
    Record(22, "absurd", order("o-x", items=_item(quantity=1001), total_cents=50_050),
           "invalid_item"),
    Record(22, "no_items", order("o-x", items=[], total_cents=0), "invalid_item"),
    Record(23, "minus_price", order("o-x", items=_item(unit_price_cents=-50), total_cents=-100),
           "invalid_item"),
    Record(23, "gift", order("o-gift", items=_item(unit_price_cents=0), total_cents=0),
           "", "a gift with an order costs nothing"),
    Record(23, "paid_nothing", payment("pay-x", amount_cents=0), "amount_out_of_range",
           topic="payments"),
    Record(23, "paid_minus", payment("pay-x", amount_cents=-1), "amount_out_of_range",
           topic="payments"),
    Record(24, "one_cent_more", order("o-x", total_cents=101), "total_mismatch"),
    Record(25, "currency", order("o-x", currency="XXX"), "unknown_currency"),
    Record(25, "method", payment("pay-x", method="barter"), "unknown_method", topic="payments"),
    Record(25, "rating", review("v-x", rating=6), "rating_out_of_range", topic="reviews"),
    Record(26, "null", order("o-x", currency=None), "not_null:currency"),
    Record(26, "missing", PLAIN.replace(b'"customer_id":"c-1",', b""), "not_null:customer_id"),
    Record(26, "null_line", order("o-x", items=[None], total_cents=0), "invalid_item"),
    Record(27, "new_field", order("o-new-field", coupon="SPRING"),
           "", "an addition breaks nobody; its name is recorded"),
    Record(27, "new_field_inside", order("o-new-inside", items=_item(color="red")),
           "", "an addition breaks nobody; its name is recorded"),
    Record(28, "lower_case", order("o-x", currency="eur"), "unknown_currency"),
    Record(28, "blanks", order("o-blanks", currency=" EUR "),
           "", "blanks at the ends are nobody's, and the list has the rest"),
    Record(28, "nbsp", order("o-nbsp", currency="EUR\u00a0"),
           "", "blanks at the ends are nobody's, and the list has the rest"),
    Record(28, "homoglyph", order("o-x", currency="\u0415UR"), "unknown_currency"),
    Record(28, "name_of_field", PLAIN.replace(b"order_id", b"Order_ID"), "not_null:order_id"),
    Record(28, "id_empty", order(""), "malformed_id:order_id"),
    Record(28, "id_with_blanks", order(" o-x "), "malformed_id:order_id"),
    Record(28, "id_with_nbsp", order("o-x", customer_id="c-1\u00a0"), "malformed_id:customer_id"),
    Record(28, "id_homoglyph", order("o-x", customer_id="\u0441-1"), "malformed_id:customer_id"),
    Record(29, "true", order("o-x", total_cents=True), "wrong_type"),
    Record(29, "yes", order("o-x", total_cents="yes"), "wrong_type"),
    Record(29, "true_for_text", order("o-x", currency=True), "wrong_type"),
]  # fmt: skip
