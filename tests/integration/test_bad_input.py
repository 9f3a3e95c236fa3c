"""Bad input: the bad records, and only they, end in quarantine with reason and raw bytes."""

from collections import Counter
from io import BytesIO

import pytest

from jobs.fates import KEY_CONFLICT
from jobs.run import run
from jobs.session import object_store, spark
from jobs.settings import Settings
from tests.integration.lake import order, quarantined, send

pytestmark = pytest.mark.integration

# A megabyte, just under what the broker takes.
BIG = order("o-big", customer_id="c" * 1_000_000)
POISON: list[tuple[bytes | None, str]] = [
    (None, "null_value"),
    (b"", "empty_value"),
    (b"  \n ", "empty_value"),
    (b'{"order_id":"\xff\xfe"}', "invalid_utf8"),
    (order("o-cut")[:-20], "malformed_json"),
    (order("o-two") + order("o-two"), "malformed_json"),
    (order("o-two") + b"," + order("o-two"), "malformed_json"),
    (order("o-end") + b"]", "malformed_json"),
    (order("o-tail") + b" and more", "malformed_json"),
    (order("o-key")[:-1] + b',"order_id":"o-other"}', "malformed_json"),
    (order("o-quote").replace(b'"', b"'"), "malformed_json"),
    (b"\x1f\x8b\x08\x00binary", "invalid_utf8"),
    (b"[" * 2000 + b"]" * 2000, "malformed_json"),
    (b"[" + order("o-array") + b"]", "not_an_object"),
    (b"42", "not_an_object"),
    (b"null", "not_an_object"),
    (order("o-text", total_cents="100"), "wrong_type"),
    (order("o-object", total_cents={"cents": 100}), "wrong_type"),
    (order("o-float", total_cents=100.5), "wrong_type"),
    (order("o-huge", total_cents=10**20), "wrong_type"),
    (order("o-number", customer_id=7), "wrong_type"),
    (order("o-bool", currency=True), "wrong_type"),
    (order("o-deep").replace(b'"p-1"', b"7"), "wrong_type"),
    (order("o-epoch", ordered_at=1767607200000), "wrong_type"),
    (order("o-time", ordered_at="2026-13-45T99:61:00Z"), "wrong_type"),
    (order("o-null", currency=None), "not_null:currency"),
    (order("o-currency", currency="XXX"), "unknown_currency"),
    (order("o-2099", ordered_at="2099-01-01T00:00:00.000Z"), "far_future"),
    (order("o-total", total_cents=101), "total_mismatch"),
    (order("o-items", items=[]), "invalid_item"),
    (
        order(
            "o-overflow",
            items=[{"line_number": 1, "product_id": "p", "quantity": 2**31 - 1,
                    "unit_price_cents": 2**63 - 1}],
        ),
        "invalid_item",
    ),
]  # fmt: skip
ENUMERATED = list(enumerate(POISON))
HOSTILE = "'; DROP TABLE orders; -- ${jndi:ldap://x} <script>../../etc/passwd =cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def poisoned(module_settings: Settings) -> Settings:
    """Poison between good orders, landed and judged."""
    values: list[bytes | None] = []
    for number, (poison, _) in enumerate(POISON):
        values += [order(f"o-good-{number}"), poison]
    values += [BIG, order("o-hostile", customer_id=HOSTILE), order("o-extra", coupon="X")]
    values += [order("o-again"), order("o-again"), order("o-again", customer_id="c-2")]
    send(module_settings, "orders", values)
    run("bronze.orders", module_settings)
    run("silver.orders", module_settings)
    return module_settings


def _by_id(settings: Settings) -> dict[str, str]:
    rows = spark(settings).read.format("delta").load(settings.table_path("silver.orders"))
    return {row["order_id"]: row["customer_id"] for row in rows.collect()}


def test_exactly_the_poison_is_in_quarantine_with_its_bytes(poisoned: Settings) -> None:
    expected = Counter(value for value, _ in POISON)
    expected[order("o-again", customer_id="c-2")] += 1
    assert Counter(raw for raw, _ in quarantined(poisoned, "silver.orders")) == expected


@pytest.mark.parametrize(("value", "reason"), POISON, ids=[f"{r}-{n}" for n, (_, r) in ENUMERATED])
def test_a_poison_record_names_its_reason(
    poisoned: Settings, value: bytes | None, reason: str, refused: dict[bytes | None, set[str]]
) -> None:
    assert reason in refused[value]


@pytest.fixture(scope="module")
def refused(poisoned: Settings) -> dict[bytes | None, set[str]]:
    """The reasons by raw bytes."""
    found: dict[bytes | None, set[str]] = {}
    for raw, reasons in quarantined(poisoned, "silver.orders"):
        found.setdefault(raw, set()).update(reasons)
    return found


def test_no_neighbour_is_lost(poisoned: Settings) -> None:
    good = {f"o-good-{number}" for number in range(len(POISON))}
    assert set(_by_id(poisoned)) == good | {"o-big", "o-hostile", "o-extra", "o-again"}


def test_hostile_text_is_kept_as_it_came(poisoned: Settings) -> None:
    assert _by_id(poisoned)["o-hostile"] == HOSTILE


def test_of_two_contents_under_one_id_the_first_is_kept(
    poisoned: Settings, refused: dict[bytes | None, set[str]]
) -> None:
    assert _by_id(poisoned)["o-again"] == "c-1"
    assert refused[order("o-again", customer_id="c-2")] == {KEY_CONFLICT}


def _land(settings: Settings, name: str, data: bytes) -> None:
    key = settings.object_key(f"landing/fx_rates/{name}")
    object_store(settings).put_object(settings.s3_bucket, key, BytesIO(data), len(data))


HEADER = b"rate_date,currency,rate_to_eur\n"


def test_a_file_without_a_column_and_an_empty_one_are_refused_and_others_kept(
    namespace_settings: Settings,
) -> None:
    _land(namespace_settings, "good.csv", HEADER + b"2026-01-05,USD,0.9\n")
    _land(namespace_settings, "narrow.csv", b"rate_date,currency\n2026-01-05,GBP\n2026-01-05,SEK\n")
    _land(namespace_settings, "empty.csv", b"")
    _land(namespace_settings, "ragged.csv", HEADER + b"2026-01-05,PLN\n2026-01-05,SEK,0.09\n")
    _land(namespace_settings, "bytes.csv", HEADER + b"2026-01-05,\xff\xfe,0.09\n")
    run("bronze.fx_rates", namespace_settings)
    run("silver.fx_rates", namespace_settings)
    assert sorted(quarantined(namespace_settings, "silver.fx_rates"), key=str) == sorted(
        [
            (b"2026-01-05,GBP", ["missing_column:rate_to_eur"]),
            (b"2026-01-05,SEK", ["missing_column:rate_to_eur"]),
            (b"", ["empty_file"]),
            (b"2026-01-05,PLN", ["malformed_csv"]),
            (b"2026-01-05,\xff\xfe,0.09", ["invalid_utf8"]),
        ],
        key=str,
    )
    assert _rates(namespace_settings) == {"USD": "0.900000", "SEK": "0.090000"}


def test_a_file_delivered_twice_counts_once(namespace_settings: Settings) -> None:
    data = HEADER + b"2026-01-05,USD,0.9\n2026-01-05,SEK,0.09\n"
    _land(namespace_settings, "first.csv", data)
    first = run("bronze.fx_rates", namespace_settings)
    assert first.counts == {"landed": 2}
    _land(namespace_settings, "first.csv", data)
    assert run("bronze.fx_rates", namespace_settings).counts == {"landed": 0}
    run("silver.fx_rates", namespace_settings)
    _land(namespace_settings, "another name + [2] {é}.csv", data)
    run("bronze.fx_rates", namespace_settings)
    again = run("silver.fx_rates", namespace_settings)
    assert again.counts["quarantined"] == 0
    assert _rates(namespace_settings) == {"USD": "0.900000", "SEK": "0.090000"}


def _rates(settings: Settings) -> dict[str, str]:
    rows = spark(settings).read.format("delta").load(settings.table_path("silver.fx_rates"))
    found = rows.collect()
    assert len({row["currency"] for row in found}) == len(found)
    return {row["currency"]: str(row["rate_to_eur"]) for row in found}
