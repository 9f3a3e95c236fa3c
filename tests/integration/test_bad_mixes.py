"""Whatever good and bad records are mixed: one fate each, and the bad ones leave no trace.

One Spark job judges all mixes of an example at once; their orders have identifiers of their own.
"""

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.decode import RAW_COLUMNS, decode
from jobs.fates import ACCEPTED, DUPLICATE, QUARANTINED, contract, judged
from jobs.loads import stage
from jobs.session import spark
from jobs.settings import Settings
from jobs.specs import find_spec
from tests.integration.lake import order
from tests.integration.poison import SYNTAX, TYPES
from tests.integration.poison_meaning import TIME

pytestmark = pytest.mark.integration

MAX_BYTES = 10_000
REFUSED = [
    one.value
    for one in (*SYNTAX, *TYPES, *TIME)
    if one.reason and one.topic == "orders" and len(one.value or b"") < MAX_BYTES
]
SPEC = find_spec("silver.orders")


class Good(NamedTuple):
    """One of few orders with one of few contents, so that repeats and conflicts are frequent."""

    number: int
    customer_id: str

    def value(self, mix: int) -> bytes:
        """The record as the mix of that number sends it."""
        return order(f"o-{mix}-{self.number}", customer_id=self.customer_id)


GOOD = st.builds(Good, st.integers(0, 4), st.sampled_from(["c-1", "c-2"]))
WHOLE = order("o-x")
CUT = st.integers(0, len(WHOLE) - 1).map(lambda end: WHOLE[:end])
TORN = st.integers(0, len(WHOLE)).map(lambda place: WHOLE[:place] + b"\xff" + WHOLE[place:])
RECORD = st.one_of(GOOD, GOOD, CUT, TORN, st.sampled_from(REFUSED))
MIXES = st.lists(st.lists(RECORD, min_size=1, max_size=15), min_size=10, max_size=20)


def _sent(mixes: list[list[Any]]) -> list[tuple[bytes | None, str]]:
    """Each record with what must become of it: the first content of an order is kept."""
    sent: list[tuple[bytes | None, str]] = []
    for number, mix in enumerate(mixes):
        kept: dict[int, Good] = {}
        for one in mix:
            if not isinstance(one, Good):
                sent.append((one, QUARANTINED))
                continue
            is_first = one.number not in kept
            is_same = kept.setdefault(one.number, one) == one
            fate = ACCEPTED if is_first else DUPLICATE if is_same else QUARANTINED
            sent.append((one.value(number), fate))
    return sent


def _raw(session: SparkSession, values: list[bytes | None]) -> DataFrame:
    rows = [(value and bytearray(value), number) for number, value in enumerate(values)]
    places = {
        "value": F.col("value"),
        "offset": F.col("number"),
        "partition": F.lit(0),
        "ingested_at": F.lit("2026-01-06").cast("timestamp"),
    }
    nothing = F.lit(None)
    return session.createDataFrame(rows, "value binary, number bigint").select(
        *[
            places.get(name, nothing).cast(type_).alias(name)
            for name, type_ in RAW_COLUMNS["kafka"].items()
        ]
    )


def _judge(session: SparkSession, values: list[bytes | None]) -> tuple[list[str], list[Any]]:
    """The fates in the order of sending, and the rows a table would have, as text: a date of
    the year 10000 is one Python has no object for."""
    bronze = find_spec("bronze.orders")
    assert bronze.source is not None
    decoded = decode(_raw(session, values), bronze.source, bronze.columns)
    rows = judged(contract(SPEC.transform(decoded), SPEC), SPEC)
    staged = stage(rows, SPEC, None).orderBy("_row.record_id")
    text = F.struct(*SPEC.columns).cast("string").alias("row")
    fates = staged.select("_fate", text).collect()
    return [one["_fate"] for one in fates], [one["row"] for one in fates if one[0] == ACCEPTED]


@settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(mixes=MIXES)
def test_of_any_mix_each_record_has_its_fate_and_the_bad_ones_leave_no_trace(
    stack: Settings, mixes: list[list[Any]]
) -> None:
    sent = _sent(mixes)
    fates, kept = _judge(spark(stack), [value for value, _ in sent])
    assert fates == [fate for _, fate in sent]
    good = [value for value, fate in sent if fate == ACCEPTED]
    assert _judge(spark(stack), good) == ([ACCEPTED] * len(good), kept)
