"""What of operations needs no service: what is rebuilt, where, by day, and from what."""

from dataclasses import fields

import pytest

from jobs.backfill import is_by_day
from jobs.errors import LakeproofError, SpecError
from jobs.maintain import maintain
from jobs.rebuild import Beside, affected
from jobs.settings import Settings, settings_from
from jobs.specs import load_specs
from jobs.verify import READ


@pytest.fixture
def settings() -> Settings:
    given = {item.name.upper(): item.name for item in fields(Settings)}
    return settings_from(given | {"CLICKHOUSE_PORT": "1", "NAMESPACE": "ns"})


def _silver_below(table: str) -> set[str]:
    """The silver tables a gold table is computed from, through gold."""
    found = set()
    for name in load_specs()[table].inputs:
        found |= _silver_below(name) if name.startswith("gold.") else {name}
    return found


def test_every_mart_has_a_second_opinion_from_the_silver_tables_it_is_computed_from() -> None:
    for spec in load_specs().values():
        if spec.serve:
            read = {found[0] for found in READ.finditer(spec.second_opinion)}
            assert read, f"{spec.name} has no second opinion"
            assert read <= _silver_below(spec.name), spec.name
            assert "gold." not in spec.second_opinion, spec.name


def test_a_rebuild_takes_along_all_that_is_computed_from_a_table_and_inputs_come_first() -> None:
    names = affected(["silver.order_items"])
    assert names[0] == "silver.order_items"
    assert {"gold.fact_order_items", "gold.daily_revenue"} <= set(names)
    assert "silver.orders" not in names
    for name in names:
        inputs = set(load_specs()[name].inputs) & set(names)
        assert inputs <= set(names[: names.index(name)])


def test_a_rebuild_of_bronze_or_of_no_table_at_all_is_refused() -> None:
    with pytest.raises(LakeproofError, match="bronze.orders is what was landed"):
        affected(["silver.orders", "bronze.orders"])
    with pytest.raises(SpecError, match="no table 'silver.nonesuch'"):
        affected(["silver.nonesuch"])


def test_only_the_tables_being_rebuilt_and_their_quarantines_are_beside(settings: Settings) -> None:
    values = {item.name: getattr(settings, item.name) for item in fields(Settings)}
    building = frozenset({"silver.orders"})
    beside = Beside(**values, folder="_rebuild/1", building=building)
    root = "s3a://s3_bucket/ns"
    assert beside.table_path("silver.orders") == f"{root}/_rebuild/1/silver/orders"
    quarantine = beside.table_path("quarantine.silver.orders")
    assert quarantine == f"{root}/_rebuild/1/quarantine/silver/orders"
    assert beside.table_path("bronze.orders") == settings.table_path("bronze.orders")
    assert beside.table_path("silver.orders_x") == settings.table_path("silver.orders_x")


def test_tables_recomputed_in_groups_of_a_day_are_known_by_their_specs() -> None:
    by_day = {name for name, spec in load_specs().items() if is_by_day(spec)}
    assert {"silver.sessions", "gold.fact_order_items", "gold.daily_revenue"} <= by_day
    assert not {"silver.orders", "gold.dim_date", "gold.cohort_retention"} & by_day


def test_files_that_may_be_in_use_are_not_offered_for_deletion(settings: Settings) -> None:
    with pytest.raises(LakeproofError, match="files younger than 168 hours may be in use"):
        maintain("silver.orders", settings, confirm=True, retention_hours=167)
