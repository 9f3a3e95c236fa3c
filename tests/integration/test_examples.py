"""Every table's worked examples, run through decode, transform, fates and gate."""

import json
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.checksum import row_hash
from jobs.decode import RAW_COLUMNS, decode
from jobs.errors import GateFailed
from jobs.fates import ACCEPTED, DUPLICATE
from jobs.loads import staged_and_counted, table_columns
from jobs.loads.history import versions
from jobs.session import spark
from jobs.settings import Settings
from jobs.spec import Spec
from jobs.specs import find_spec, load_specs
from quality.gate import judge

pytestmark = pytest.mark.integration

INGESTED_AT = "2026-01-06 00:00:00"
EXAMPLES = [
    pytest.param(spec, example, id=f"{spec.name}: {example['name']}")
    for spec in load_specs().values()
    for example in spec.examples
]


@pytest.fixture(scope="module")
def session(stack: Settings) -> SparkSession:
    return spark(stack)


def _raw(session: SparkSession, spec: Spec, rows: list[dict[str, Any]]) -> DataFrame:
    """Bronze rows: the mapping itself as JSON, or its `value` (and `header`) as they stand."""
    assert spec.source is not None
    written = [
        {
            "value": row["value"] if "value" in row else json.dumps(row, separators=(",", ":")),
            "header": row.get("header"),
            "number": number,
        }
        for number, row in enumerate(rows, 1)
    ]
    frame = session.createDataFrame(
        [tuple(row.values()) for row in written], "value string, header string, number int"
    )
    places = {
        "run_number": F.lit(1).cast("bigint"),
        "topic": F.lit(spec.source.topic),
        "partition": F.lit(0),
        "offset": F.col("number").cast("bigint"),
        "path": F.lit("landing/example"),
        "etag": F.lit("etag"),
        "line_number": F.col("number").cast("bigint"),
        "ingested_at": F.lit(INGESTED_AT).cast("timestamp"),
        "key": F.lit(None).cast("binary"),
        "headers": F.lit(None),
        "header": F.col("header").cast("binary"),
        "value": F.col("value").cast("binary"),
        "_proc_date": F.lit("2026-01-06").cast("date"),
    }
    return frame.select(*[places[name].alias(name) for name in RAW_COLUMNS[spec.source.kind]])


def _typed(session: SparkSession, spec: Spec, rows: list[dict[str, Any]]) -> DataFrame:
    schema = ", ".join(f"`{name}` {type_}" for name, type_ in spec.types.items())
    texts = session.createDataFrame([(json.dumps(row),) for row in rows], "row string")
    options = {"mode": "FAILFAST"}
    return texts.select(F.from_json("row", schema, options).alias("row")).select("row.*")


def _given(session: SparkSession, table: str, rows: list[dict[str, Any]]) -> DataFrame:
    spec = find_spec(table)
    if spec.source is None:
        return _typed(session, spec, rows)
    return decode(_raw(session, spec, rows), spec.source, spec.columns)


def _stored(session: SparkSession, spec: Spec, accepted: DataFrame) -> DataFrame:
    """The accepted rows as an empty table would store them."""
    if spec.load != "history":
        return accepted
    columns = ", ".join(f"`{name}` {type_}" for name, type_ in table_columns(spec).items())
    return versions(accepted, session.createDataFrame([], columns), spec)


@pytest.mark.parametrize(("spec", "example"), EXAMPLES)
def test_a_worked_example_holds(session: SparkSession, spec: Spec, example: dict[str, Any]) -> None:
    frames = [_given(session, table, example["given"][table]) for table in spec.inputs]
    staged, counted = staged_and_counted(spec.transform(*frames), spec, None)
    if "fails" in example:
        with pytest.raises(GateFailed, match=example["fails"]):
            judge(spec, counted.metrics)
        return
    judge(spec, counted.metrics)
    stored = _stored(session, spec, staged.where(F.col("_fate") == ACCEPTED))
    is_key_told = any(spec.surrogate_key in row for row in example["expect"])
    told = [name for name in spec.columns if name != spec.surrogate_key or is_key_told]
    expected = _typed(session, spec, example["expect"]).select(*told)
    assert sorted(map(str, stored.select(*told).collect())) == sorted(map(str, expected.collect()))
    assert counted.counts[DUPLICATE] == example.get("duplicates", 0)
    assert counted.reasons == example.get("quarantined", {})


def test_spark_and_the_generators_hash_bytes_alike(session: SparkSession) -> None:
    from generators.checksum import xxhash64

    values = [b"", b"a", b'{"order_id":"o-1"}', bytes(range(256)) * 5]
    frame = session.createDataFrame([(value,) for value in values], "value binary")
    hashes = [row["h"] for row in frame.select("value", row_hash("value").alias("h")).collect()]
    assert sorted(hashes) == sorted(xxhash64(value) for value in values)
