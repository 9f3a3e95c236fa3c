"""Specs: what they derive, and what a wrong one says."""

from pathlib import Path

import pytest

from jobs.currency import HELD_DAYS
from jobs.errors import SpecError
from jobs.spec_file import read_spec
from jobs.specs import find_spec, load_specs, ordered

GOOD = """
description: A table.
grain: one row per id
inputs: [bronze.orders]
load: insert
keys: [id]
columns: {id: string}
examples: [{name: none, given: {}, expect: []}]
"""


def _spec(folder: Path, text: str, layer: str = "silver") -> Path:
    path = folder / layer / "things.yml"
    path.parent.mkdir()
    path.write_text(text)
    return path


def test_inputs_come_before_their_readers() -> None:
    names = list(load_specs())
    for spec in load_specs().values():
        assert all(names.index(table) < names.index(spec.name) for table in spec.inputs)


def test_every_transform_takes_its_inputs_by_name() -> None:
    for spec in load_specs().values():
        if spec.layer != "bronze":
            assert callable(spec.transform)


def test_every_column_says_what_it_is_about() -> None:
    silent = [
        f"{spec.name}.{name}"
        for spec in load_specs().values()
        for name, column in spec.columns.items()
        if not column.about or (name.endswith("_cents") and not column.unit)
    ]
    assert silent == []


def test_a_table_is_named_after_its_place(tmp_path: Path) -> None:
    assert read_spec(_spec(tmp_path, GOOD)).name == "silver.things"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("load: insert", "load: insert\nversion: 1.0"), "version must be like 1.0.0, not 1.0"),
        (
            ("load: insert", "load: guess"),
            "load must be one of append, insert, upsert, history, recompute",
        ),
        (("keys: [id]", "keys: [od]"), r"\['od'\] is not among its columns"),
        (("keys: [id]", "key: [id]"), "unknown key 'key'"),
        (("load: insert", "load: upsert"), "upsert and history need sequence_by"),
        (("keys: [id]", "keys: [id]\ntouched_by: {silver.x: id}"), "which is no input"),
        (("keys: [id]", "keys: [id]\ntouched_since: {silver.x: [id]}"), "which is no input"),
        (
            ("keys: [id]", "keys: [id]\nserve: {order_by: [id], projections: [{name: by_id}]}"),
            "by_id needs either order_by or select",
        ),
        (
            ("keys: [id]", "keys: [id]\nquality: [{rule: not_null, column: id}]"),
            "needs either `on_fail: quarantine`",
        ),
        (
            ("load: insert", "load: history\nsequence_by: id\nsurrogate_key: thing_key"),
            "history needs the columns thing_key bigint, is_deleted boolean, "
            "effective_from timestamp, effective_to timestamp, is_current boolean",
        ),
        (("examples: [{name: none, given: {}, expect: []}]", ""), "at least one example"),
        (("description: A table.\n", ""), "description"),
    ],
)
def test_a_wrong_spec_names_file_and_mistake(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    path = _spec(tmp_path, GOOD.replace(*change))
    with pytest.raises(SpecError, match=rf"jobs/silver/things\.yml.*{sentence}"):
        read_spec(path)


def test_a_rate_reaches_as_many_days_as_it_holds() -> None:
    reached = [days for spec in load_specs().values() for days in spec.reaches_days.values()]
    assert set(reached) == {HELD_DAYS}


def test_only_what_touches_by_a_group_reaches_days(tmp_path: Path) -> None:
    path = _spec(tmp_path, GOOD + "reaches_days: {silver.fx_rates: 7}\n", "gold")
    with pytest.raises(SpecError, match="reaches_days is of what touches by a group"):
        read_spec(path)


def test_an_unknown_compatibility_is_named(tmp_path: Path) -> None:
    source = "{kind: kafka, format: json, topic: things, compatibility: SIDEWAYS}"
    text = GOOD.replace("inputs: [bronze.orders]", f"source: {source}").replace("insert", "append")
    with pytest.raises(SpecError, match="compatibility is one of BACKWARD, FORWARD, FULL, NONE"):
        read_spec(_spec(tmp_path, text, "bronze"))


def test_an_unknown_input_is_named(tmp_path: Path) -> None:
    spec = read_spec(_spec(tmp_path, GOOD.replace("bronze.orders", "bronze.nothing")))
    with pytest.raises(SpecError, match=r"silver\.things reads bronze\.nothing"):
        ordered([spec])


def test_several_bronze_inputs_must_all_hold_files(tmp_path: Path) -> None:
    inputs = "[bronze.orders, bronze.fx_rates]"
    spec = read_spec(_spec(tmp_path, GOOD.replace("[bronze.orders]", inputs)))
    with pytest.raises(SpecError, match=r"silver\.things reads .* only if all of them hold files"):
        ordered([find_spec("bronze.orders"), find_spec("bronze.fx_rates"), spec])


def test_a_rule_that_names_its_reason_stands_for_the_derived_one() -> None:
    reasons = [rule.name for rule in find_spec("silver.customers").row_rules]
    assert "unknown_operation" in reasons
    assert "not_null:is_deleted" not in reasons


def test_a_history_tables_transform_owes_all_but_what_the_load_derives() -> None:
    spec = find_spec("silver.products")
    derived = {"product_key", "effective_from", "effective_to", "is_current"}
    assert spec.types.keys() - spec.transformed.keys() == derived


def test_tables_that_read_each_other_are_a_circle(tmp_path: Path) -> None:
    one = read_spec(_spec(tmp_path, GOOD.replace("bronze.orders", "silver.things")))
    with pytest.raises(SpecError, match="circle: silver.things -> silver.things"):
        ordered([one])


def test_an_unknown_table_is_answered_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"no table 'silver\.ordres'.*silver\.orders"):
        find_spec("silver.ordres")
