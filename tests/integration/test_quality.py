"""The quality pass and the quarantine tool on real tables: what was refused, fixed, released."""

import importlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.errors import LakeproofError, SpecError
from jobs.ledger import table_hops
from jobs.quarantine import quarantine_path
from jobs.run import run
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs
from quality.actions import RELEASED, open_records, write_down
from quality.doors import fix
from quality.passes import judge_tables, store_scores
from quality.quarantine import listed, replay
from quality.release import Picked, Released, release
from tests.integration.lake import contents, land_file, order, send

pytestmark = pytest.mark.integration

Transform = Callable[[DataFrame], DataFrame]
# What a transform may do to its rows, and what is said of it.
WRONG: dict[str, tuple[Transform, str]] = {
    "less": (lambda rows: rows.drop("order_date"), "order_date', 'date'"),
    "other": (lambda rows: rows.withColumn("order_date", F.lit("")), "order_date', 'string'"),
    "more": (lambda rows: rows.withColumn("order_week", F.lit(2)), "order_week', 'int'"),
}

ORDERS, RATES = "silver.orders", "silver.fx_rates"
CUT = order("o-cut")[:-1]
OTHER = order("o-2").replace(b"p-1", b"p-2")
PRODUCT = (
    b'{"product_id":"p-1","name":"Lamp","category":"home","list_price_cents":200,'
    b'"currency":"EUR","updated_at":"2026-01-05T00:00:00.000Z"}\n'
)
FILE = b"rate_date,currency,rate_to_eur\n2026-01-05,USD,0.9\n2026-01-05,SEK,0\n"


@pytest.fixture(scope="module")
def lake(module_settings: Settings) -> Settings:
    """Good orders between one that is cut and two in a currency the shop does not take."""
    chf = order("o-chf", currency="CHF")
    send(module_settings, "orders", [order("o-1"), CUT, chf, chf, OTHER])
    land_file(module_settings, "fx_rates/2026-01-05.csv", FILE)
    _up_to_date(module_settings, "bronze.orders", ORDERS, "silver.order_items")
    _up_to_date(module_settings, "bronze.fx_rates", RATES)
    return module_settings


def _up_to_date(settings: Settings, *tables: str) -> None:
    for table in tables:
        run(table, settings)


def _with_francs() -> Spec:
    """The orders' spec after the shop began to take francs."""
    spec = find_spec(ORDERS)
    quality = tuple(
        replace(rule, args={"values": [*rule.args["values"], "CHF"]})
        if rule.rule == "in_set"
        else rule
        for rule in spec.quality
    )
    return replace(spec, quality=quality)


def _unbalanced(settings: Settings, table: str) -> list[str]:
    found = list(table_hops(find_spec(table), settings))
    assert found
    return [hop.name for hop in found if not hop.balances]


def _values(settings: Settings, table: str, column: str) -> list[str]:
    rows = spark(settings).read.format("delta").load(settings.table_path(table))
    return sorted(str(row[column]) for row in rows.select(column).collect())


def test_the_pass_tells_what_was_refused_and_what_does_not_add_up(lake: Settings) -> None:
    session = spark(lake)
    path = lake.table_path("silver.order_items")
    session.sql(f"DELETE FROM {delta.ref(path)} WHERE order_id = 'o-2'")
    judged = judge_tables(lake, [ORDERS, "silver.order_items", "silver.payments"])
    assert judged.never_run == ["silver.payments"]
    told = {(failure.severity, failure.rule): failure.measured for failure in judged.failures}
    assert told == {
        ("warning", "malformed_json"): 0.8,
        ("warning", "unknown_currency"): 0.6,
        ("critical", "reconciles:amount_cents"): -100.0,
    }
    scores = {score.table_name: score.dimensions for score in store_scores(session, lake, [ORDERS])}
    assert scores == {
        ORDERS: {"completeness": 1.0, "consistency": 1.0, "freshness": 1.0, "validity": 0.4}
    }
    again = judge_tables(lake, [ORDERS, "silver.order_items"], judged.at)
    assert again.failures == judged.failures
    session.sql(f"RESTORE TABLE {delta.ref(path)} TO VERSION AS OF 1")


def test_products_that_are_not_there_are_told_by_their_share(lake: Settings) -> None:
    """Of two lines one product each: neither is in the catalogue, then one, then both."""
    items = "silver.order_items"
    told = []
    for number, product in enumerate(["p-another", "p-2", "p-1"]):
        land_file(lake, f"products/{number}.json", PRODUCT.replace(b"p-1", product.encode()))
        _up_to_date(lake, "bronze.products", "silver.products_current")
        failures = judge_tables(lake, [items]).failures
        told.append([one.measured for one in failures if one.rule == "references:product_id"])
    assert told == [[0.0], [0.5], []]


def test_a_corrected_record_goes_through_its_door_and_has_its_own_fate(lake: Settings) -> None:
    number = _record_id(lake, ORDERS, "malformed_json")
    place = fix(lake, ORDERS, number, order("o-cut"))
    assert place.startswith(lake.topic("orders"))
    with pytest.raises(LakeproofError, match=f"record {number} of silver.orders was fixed already"):
        fix(lake, ORDERS, number, order("o-cut"))
    _up_to_date(lake, "bronze.orders", ORDERS)
    assert _values(lake, ORDERS, "order_id") == ["o-1", "o-2", "o-cut"]
    assert (ORDERS, "malformed_json", "fixed", 1) in list(listed(lake, [ORDERS]))
    assert _unbalanced(lake, ORDERS) == []


def test_a_corrected_line_lands_as_a_file_of_its_own(lake: Settings) -> None:
    number = _record_id(lake, RATES, "rate_out_of_range")
    with pytest.raises(LakeproofError, match="a record of a file is one line"):
        fix(lake, RATES, number, b"2026-01-05,SEK,0.09\n2026-01-05,PLN,0.2")
    fix(lake, RATES, number, b"2026-01-05,SEK,0.09")
    _up_to_date(lake, "bronze.fx_rates", RATES)
    assert _values(lake, RATES, "rate_to_eur") == ["0.090000", "0.900000"]
    assert _unbalanced(lake, RATES) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_transform_that_breaks_its_contract_stores_and_releases_nothing(
    lake: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    wrong, told = WRONG[name]
    module = importlib.import_module(f"jobs.{ORDERS}")
    right: Transform = module.transform
    before = contents(lake, [ORDERS])
    send(lake, "orders", [order(f"o-{name}")])
    _up_to_date(lake, "bronze.orders")
    with monkeypatch.context() as patched:
        patched.setattr(module, "transform", lambda orders: wrong(right(orders)))
        with pytest.raises(SpecError, match=told):
            run(ORDERS, lake)
        patched.setitem(load_specs(), ORDERS, _with_francs())
        with pytest.raises(SpecError, match=told):
            release(lake, Picked(ORDERS, "unknown_currency"))
    assert contents(lake, [ORDERS]) == before
    assert run(ORDERS, lake).counts["accepted"] == 1


def test_what_a_mended_rule_accepts_is_released_once(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert release(lake, Picked(ORDERS, "unknown_currency")) == Released(ORDERS, 0, 0, 2)
    refused = open_records(spark(lake), lake, ORDERS)
    write_down(spark(lake), lake, refused, (ORDERS, RELEASED, "of a killed run", ""))
    monkeypatch.setitem(load_specs(), ORDERS, _with_francs())
    assert release(lake, Picked(ORDERS, "unknown_currency")) == Released(ORDERS, 1, 1, 0)
    assert "o-chf" in _values(lake, ORDERS, "order_id")
    assert _unbalanced(lake, ORDERS) == []
    before = contents(lake, [ORDERS])
    assert list(replay(lake, [ORDERS])) == []
    assert contents(lake, [ORDERS]) == before
    assert (ORDERS, "unknown_currency", "released", 2) in list(listed(lake, [ORDERS]))


def test_a_reason_or_a_record_that_is_not_there_is_answered_with_those_there_are(
    lake: Settings,
) -> None:
    told = "refused nothing for 'far_futur'; its reasons are malformed_json, unknown_currency"
    with pytest.raises(LakeproofError, match=told):
        release(lake, Picked(ORDERS, "far_futur"))
    with pytest.raises(LakeproofError, match="refused no record 5; `python -m quality.quarantine"):
        release(lake, Picked(ORDERS, record_ids=(5,)))


def _record_id(settings: Settings, table: str, reason: str) -> int:
    rows = spark(settings).read.format("delta").load(quarantine_path(settings, table)).collect()
    return next(int(row["record_id"]) for row in rows if reason in row["reasons"])
