"""Column lineage is what Spark makes of the transforms, and what is stored of it is not old."""

import pytest

from jobs.lineage import Plan, lineage, stored
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import load_specs

pytestmark = pytest.mark.integration

# As Spark prints it: a renamed column, a sum over a join, and a union with a row of constants.
PLAN = """
Union false, false
:- Project [day#7 AS order_date#9, coalesce(cents#8L, (0 + 0)) AS revenue#10L, free text AS note#11]
:  +- Aggregate [day#3], [day#3 AS day#7, sum((price#2L * rate#5)) AS cents#8L]
:     +- Join LeftOuter, (day#3 = day#4)
:        :- LocalRelation <empty>, [lines.price#2L, lines.day#3]
:        +- LocalRelation <empty>, [rates.day#4, rates.rate#5]
+- Project [1970-01-01 AS order_date#20, other.cents#19L AS revenue#21L, note AS note#22]
   +- LocalRelation <empty>, [other.cents#19L]
"""


def test_a_column_is_followed_through_names_sums_and_both_sides_of_a_union() -> None:
    assert Plan(PLAN.strip("\n").split("\n")).origins() == {
        "order_date": {"lines.day"},
        "revenue": {"lines.price", "rates.rate", "other.cents"},
        "note": set(),
    }


def test_the_stored_lineage_is_that_of_the_transforms(stack: Settings) -> None:
    found = lineage(spark(stack), load_specs())
    assert stored() == found, "docs/lineage.json is old; `make docs` writes it"
