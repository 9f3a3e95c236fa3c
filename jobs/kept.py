"""Frames that a run reads more than once, computed once.

The server has their rows until nobody here refers to the frame, or the session ends. What is made
of them no longer plans how they came about. Source: docs/decisions/small-runs.md
"""

from collections.abc import Mapping
from typing import Any, cast

from pyspark.sql import Column, DataFrame


def keep(frame: DataFrame) -> DataFrame:
    """The frame's rows, computed now."""
    kept: Any = frame.localCheckpoint(eager=True)
    # pyspark gives it to the thread's active session, whosever the frame was.
    kept._session = kept._plan._spark_session = frame.sparkSession
    return cast(DataFrame, kept)


def keep_measured(
    frame: DataFrame, measures: Mapping[str, Column]
) -> tuple[DataFrame, dict[str, Any]]:
    """The same, and what aggregates of the rows came to while they were computed.

    An aggregate over distinct values is none that Spark can observe.
    """
    named = [measure.alias(name) for name, measure in measures.items()]
    observed = frame.observe("measures", *named)
    kept = keep(observed)
    return kept, _observed(observed) or kept.agg(*named).collect()[0].asDict()


def _observed(frame: DataFrame) -> dict[str, Any]:
    """What Spark observed; nothing if its listener was late.

    The server waits for that a tenth of a second and then answers without (Observation.getOrEmpty):
    on busy processors that is not enough.
    """
    assert frame.executionInfo is not None  # it was computed
    flows: dict[str, dict[str, Any]] = dict(frame.executionInfo.flows)
    return flows.get("measures", {})
