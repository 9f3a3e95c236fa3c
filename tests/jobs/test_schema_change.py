"""One table decides on every change: contracts keep to it, and the page in docs shows it."""

from dataclasses import replace

import pytest

from jobs.contracts import changes, contract, require_compatible
from jobs.errors import ContractBroken
from jobs.schema_change import DECISIONS, kind_of_type_change
from jobs.settings import ROOT
from jobs.spec import Column, Rule, Spec
from jobs.specs import find_spec

PAGE = ROOT / "docs" / "decisions" / "schema-change.md"
TABLE = find_spec("silver.orders")
TOPIC = find_spec("bronze.clicks")


def _with(spec: Spec, **columns: Column | None) -> Spec:
    merged = {**spec.columns, **columns}
    return replace(spec, columns={name: c for name, c in merged.items() if c is not None})


def _paid_in(*values: str) -> Spec:
    rule = Rule("in_set", "currency", on_fail="quarantine", args={"values": list(values)})
    return replace(TABLE, quality=(rule,))


OPTIONAL = Column("string", nullable=True)
INT = _with(TABLE, total_cents=Column("int"))
PAIRS = {
    "new column": (TABLE, _with(TABLE, channel=OPTIONAL)),
    "dropped column": (TABLE, _with(TABLE, currency=None)),
    "renamed column": (TABLE, _with(TABLE, currency=None, paid_in=Column("string"))),
    "widened column": (INT, TABLE),
    "narrowed column": (TABLE, INT),
    "retyped column": (TABLE, _with(TABLE, total_cents=Column("string"))),
    "new enum value": (_paid_in("EUR"), _paid_in("EUR", "CHF")),
    "dropped enum value": (_paid_in("EUR", "CHF"), _paid_in("EUR")),
    "new required column": (TOPIC, _with(TOPIC, channel=Column("string"))),
    "now required column": (TOPIC, _with(TOPIC, product_id=Column("string"))),
    "now nullable column": (TABLE, _with(TABLE, currency=OPTIONAL)),
    "other key": (TABLE, replace(TABLE, keys=("order_id", "currency"))),
}


def test_every_decision_has_its_pair_of_contracts() -> None:
    assert PAIRS.keys() == DECISIONS.keys()


@pytest.mark.parametrize("change", DECISIONS)
def test_a_change_of_a_contract_is_told_and_decided_by_the_table(change: str) -> None:
    old, new = (contract(spec) for spec in PAIRS[change])
    assert [kind for kind, _ in changes(old, new)] == [change]
    if DECISIONS[change].is_breaking:
        with pytest.raises(ContractBroken):
            require_compatible(old, new)
    else:
        require_compatible(old, new)


def test_a_decimal_with_fewer_digits_is_narrower_and_another_scale_is_neither() -> None:
    assert kind_of_type_change("decimal(12,2)", "decimal(10,2)") == "narrowed column"
    assert kind_of_type_change("decimal(10,2)", "decimal(10,4)") == "retyped column"


def test_the_page_shows_the_table_as_it_is() -> None:
    rows = [
        f"| {one.change} | {'yes' if one.is_breaking else 'no'} | {one.live} | {one.reason} |"
        for one in DECISIONS.values()
    ]
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert shown[1:] == rows
