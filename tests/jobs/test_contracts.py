"""Contracts are what the specs say, in the standard's form, and nobody is broken in silence.

`odcs-json-schema-v3.1.0.json` is the standard's own schema (bitol-io, Apache-2.0), unchanged.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft201909Validator

from jobs import contracts
from jobs.contracts import breaking, contract, publish, published, require_compatible
from jobs.errors import ContractBroken
from jobs.schema_change import is_widening
from jobs.spec import Column, Spec
from jobs.specs import find_spec, load_specs

SCHEMA = json.loads(Path(__file__).with_name("odcs-json-schema-v3.1.0.json").read_text())
ORDERS = find_spec("silver.orders")


def _with(spec: Spec, **columns: Column | None) -> Spec:
    merged = {**spec.columns, **columns}
    return replace(spec, columns={name: c for name, c in merged.items() if c is not None})


def test_the_published_contracts_are_those_of_the_specs() -> None:
    specs = load_specs().values()
    made = {spec.name: contract(spec) for spec in specs}
    old = published()
    for name in made.keys() & old.keys():
        require_compatible(old[name], made[name])
    assert old == made, "contracts/ is old; `make docs` writes it"


@pytest.mark.parametrize("spec", load_specs().values(), ids=lambda spec: spec.name)
def test_a_contract_is_valid_by_the_standards_schema(spec: Spec) -> None:
    errors = [error.message for error in Draft201909Validator(SCHEMA).iter_errors(contract(spec))]
    assert errors == []


def test_the_schema_refuses_what_is_no_contract() -> None:
    assert list(Draft201909Validator(SCHEMA).iter_errors({**contract(ORDERS), "status": 1}))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (_with(ORDERS, currency=None), "column currency is gone"),
        (
            _with(ORDERS, total_cents=Column("string")),
            "column total_cents was bigint and is string",
        ),
        (_with(ORDERS, total_cents=Column("int")), "column total_cents was bigint and is int"),
        (
            _with(ORDERS, currency=Column("string", nullable=True)),
            "column currency may now be null",
        ),
        (replace(ORDERS, keys=("order_id", "currency")), "the key is another"),
    ],
)
def test_what_breaks_a_reader_is_named_and_needs_a_major_version(
    changed: Spec, reason: str
) -> None:
    old = contract(ORDERS)
    assert breaking(old, contract(changed)) == [reason]
    with pytest.raises(ContractBroken, match=f"{reason}.*version: 2.0.0.*jobs/silver/orders.yml"):
        require_compatible(old, contract(replace(changed, version="1.9.0")))
    require_compatible(old, contract(replace(changed, version="2.0.0")))


def test_a_renamed_column_is_one_gone_and_the_new_name_is_a_guess() -> None:
    renamed = _with(ORDERS, currency=None, currency_code=Column("string"))
    said = "column currency is gone, perhaps renamed to currency_code"
    assert breaking(contract(ORDERS), contract(renamed)) == [said]


@pytest.mark.parametrize(
    "changed",
    [
        _with(ORDERS, channel=Column("string", nullable=True)),
        _with(ORDERS, currency=replace(ORDERS.columns["currency"], about="said otherwise")),
        replace(ORDERS, freshness="1 day"),
    ],
)
def test_what_adds_or_explains_breaks_nobody(changed: Spec) -> None:
    require_compatible(contract(ORDERS), contract(changed))


def test_a_topics_producers_break_by_what_they_must_send() -> None:
    topic = find_spec("bronze.clicks")
    required = _with(topic, campaign=Column("string"))
    tightened = _with(topic, product_id=Column("string"))
    assert breaking(contract(topic), contract(required)) == [
        "column campaign is new and required of every producer"
    ]
    assert breaking(contract(topic), contract(tightened)) == [
        "column product_id is now required of every producer"
    ]


@pytest.mark.parametrize(
    ("old", "new", "is_wider"),
    [
        ("int", "bigint", True),
        ("bigint", "int", False),
        ("decimal(10,2)", "decimal(12,2)", True),
        ("decimal(10,2)", "decimal(12,4)", True),
        ("decimal(10,2)", "decimal(10,4)", False),
        ("string", "date", False),
    ],
)
def test_widening_keeps_every_value(old: str, new: str, is_wider: bool) -> None:
    assert is_widening(old, new) is is_wider


def test_publishing_a_breaking_change_touches_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contracts, "load_specs", lambda: {ORDERS.name: ORDERS})
    publish(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    broken = _with(ORDERS, currency=None)
    monkeypatch.setattr(contracts, "load_specs", lambda: {broken.name: broken})
    with pytest.raises(ContractBroken):
        publish(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert yaml.safe_load(before["silver.orders.odcs.yaml"])["version"] == "1.0.0"
