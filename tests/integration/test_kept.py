"""Frames kept and measured in one call, also when Spark tells the numbers too late."""

from typing import Any

import pytest
from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs import kept
from jobs.session import spark
from jobs.settings import Settings

pytestmark = pytest.mark.integration


def measures() -> dict[str, Column]:
    return {"rows": F.count("*"), "odd": F.count_if(F.col("id") % 2 == 1), "least": F.min("id")}


@pytest.mark.parametrize("is_late", [False, True])
def test_the_numbers_are_those_of_the_rows_whether_or_not_spark_told_them_in_time(
    stack: Settings, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    if is_late:  # what the server answers when its listener took more than a tenth of a second
        monkeypatch.setattr(kept, "_observed", lambda _: {})
    frame = spark(stack).range(11).withColumn("drawn", F.rand())
    rows, found = kept.keep_measured(frame, {**measures(), "sum": F.sum("drawn")})
    drawn: list[Any] = [row["drawn"] for row in rows.collect()]
    assert found.pop("sum") == pytest.approx(sum(drawn))
    assert found == {"rows": 11, "odd": 5, "least": 0}


def test_numbers_over_no_rows_are_told(stack: Settings) -> None:
    frame = spark(stack).range(0)
    _, found = kept.keep_measured(frame, measures())
    assert found == {"rows": 0, "odd": 0, "least": None}
