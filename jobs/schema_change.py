"""What happens when columns change: one table of decisions, for contracts and for live data.

`jobs/contracts.py` compares contracts by it, `jobs/drift.py` reads live records by it and
`jobs/evolve.py` changes stored tables by it. Source: docs/decisions/schema-change.md
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """One kind of change: whether it breaks who relies on the contract, and what is done live."""

    change: str
    is_breaking: bool
    live: str
    reason: str = ""


NEW, DROPPED, RENAMED = "new column", "dropped column", "renamed column"
WIDENED, NARROWED, RETYPED = "widened column", "narrowed column", "retyped column"
NEW_VALUE, DROPPED_VALUE = "new enum value", "dropped enum value"
NEW_REQUIRED, NOW_REQUIRED = "new required column", "now required column"
NOW_NULLABLE, OTHER_KEY = "now nullable column", "other key"
REFUSED = "Records without it are refused, with an alert."
DECISIONS = {
    one.change: one
    for one in (
        Decision(
            NEW,
            False,
            "The record passes and the run record names the field. Once it is in the spec, the "
            "next run adds the column, null in the rows there are.",
        ),
        Decision(DROPPED, True, REFUSED, "not_null, missing_column"),
        Decision(
            RENAMED,
            True,
            "As dropped, and the run record names the field that came in its place.",
            "not_null, missing_column",
        ),
        Decision(
            WIDENED,
            False,
            "Values beyond the old type are refused, with an alert. Once the spec is wider, the "
            "next run widens the column in place.",
            "wrong_type",
        ),
        Decision(
            NARROWED,
            True,
            "Values beyond the narrower type are refused, with an alert; a table that holds the "
            "wider type has to be rebuilt first.",
            "wrong_type",
        ),
        Decision(
            RETYPED, True, "Records of the other type are refused, with an alert.", "wrong_type"
        ),
        Decision(
            NEW_VALUE,
            False,
            "Records with it are refused, with an alert, until the spec lists it.",
            "the rule's own",
        ),
        Decision(
            DROPPED_VALUE, True, "Records with it are refused, with an alert.", "the rule's own"
        ),
        Decision(NEW_REQUIRED, True, REFUSED, "not_null"),
        Decision(NOW_REQUIRED, True, REFUSED, "not_null"),
        Decision(NOW_NULLABLE, True, "Records without it pass."),
        Decision(OTHER_KEY, True, "The table has to be rebuilt."),
    )
}
WIDENINGS = {("int", "bigint"), ("int", "double"), ("float", "double"), ("date", "timestamp")}


def is_widening(old: str, new: str) -> bool:
    """Whether every value of the old type is one of the new type."""
    decimals = [re.fullmatch(r"decimal\((\d+), ?(\d+)\)", type_) for type_ in (old, new)]
    if decimals[0] and decimals[1]:
        (precision, scale), (wider, longer) = (map(int, d.groups()) for d in decimals if d)
        return longer >= scale and wider - longer >= precision - scale
    return (old, new) in WIDENINGS


def kind_of_type_change(old: str, new: str) -> str:
    """Whether a type that is another became wider, narrower or just another."""
    if is_widening(old, new):
        return WIDENED
    return NARROWED if is_widening(new, old) else RETYPED
