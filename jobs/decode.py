"""Raw bronze records into typed rows: each either decoded or with the reason why not.

Strict on purpose: a record is one JSON object, no key occurs twice, nothing follows it, no number
stands where text is due, an instant names its zone, and identifiers are clean at any depth. Other
text is taken in composed form, without blanks at its ends; its bytes stay in bronze.
Source: docs/decisions/strict-decoding.md
"""

import re
from collections.abc import Iterator, Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.checksum import row_hash
from jobs.decode_csv import parse_csv
from jobs.decode_json import parse_json
from jobs.spec import Column, Source

# `_row` is where a row came from; every transform of a bronze input hands it on.
ROW = "_row"
ARRIVAL = "struct<run_number:bigint,delivered_at:timestamp,part:string,number:bigint>"
# Spark also reads a year alone, a time alone (as of today!) and names of zones.
MOMENT = r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"
SHAPES = {"timestamp": MOMENT + r"(Z|[+-]\d\d:?\d\d)\z", "date": r"\A\d{4}-\d\d-\d\d\z"}
# Printable ASCII without blanks at the ends: what looks like another identifier is refused.
IDENTIFIER = r"\A[!-~]([ -~]*[!-~])?\z"
IDENTIFIER_IN_STRUCT = re.compile(r"[<,](\w+_id):string")
# Text that may be written in another form of Unicode, or with blanks of any kind at its ends.
UNTIDY = r"[^\x00-\x7f]|\A\s|\s\z"
BLANK_ENDS = r"\A[\s\p{Z}]+|[\s\p{Z}]+\z"
NORMALIZER = "com.ibm.icu.text.Normalizer"

# `run_number` is that of the run that landed the record: the order of arrival, by no clock.
RAW_COLUMNS = {
    "kafka": {
        "run_number": "bigint",
        "topic": "string",
        "partition": "int",
        "offset": "bigint",
        "ingested_at": "timestamp",
        "key": "binary",
        "headers": "array<struct<key:string,value:binary>>",
        "value": "binary",
        "_proc_date": "date",
    },
    "files": {
        "run_number": "bigint",
        "path": "string",
        "etag": "string",
        "line_number": "bigint",
        "ingested_at": "timestamp",
        "header": "binary",
        "value": "binary",
        "_proc_date": "date",
    },
}


def record_id(source: Source) -> SparkColumn:
    """A 64-bit identity of a raw record, the same at every reading."""
    if source.kind == "kafka":
        return F.shiftleft(F.col("partition").cast("bigint"), 48).bitwiseOR(F.col("offset"))
    return F.xxhash64("path", "etag", "line_number", "ingested_at")


def arrival(source: Source) -> SparkColumn:
    """What orders the records of a source as they arrived: within a partition, as the log has them.

    A struct: the run that landed it, when a file was delivered, partition or path, offset or line.
    """
    if source.kind == "kafka":
        delivered_at, part, number = F.lit(None).cast("timestamp"), "partition", "offset"
    else:
        delivered_at, part, number = F.col("ingested_at"), "path", "line_number"
    return F.struct(
        F.col("run_number"),
        delivered_at.alias("delivered_at"),
        F.col(part).cast("string").alias("part"),
        F.col(number).alias("number"),
    )


def place(source: Source) -> SparkColumn:
    """Where a raw record stands, for people: `topic/partition/offset` or `path:line`."""
    if source.kind == "kafka":
        return F.concat_ws("/", "topic", "partition", "offset")
    return F.concat_ws(":", "path", "line_number")


def decode(raw: DataFrame, source: Source, contract: Mapping[str, Column]) -> DataFrame:
    """One row per raw record: the contract's columns, null where undecodable, and `_row`."""
    text = raw.withColumn("_text", F.col("value").cast("string"))
    parsed = parse_csv(text, contract) if source.format == "csv" else parse_json(text, contract)
    typed = {name: _typed(name, column) for name, column in contract.items()}
    is_whole_file = F.lit(source.kind == "files") & (_line_number(source) == 0)
    error = (
        F.when(F.col("value").isNull(), "null_value")
        .when(is_whole_file & (F.octet_length("value") > 0), "unreadable_file")
        .when(is_whole_file, "empty_file")
        .when(F.col("_text").rlike(r"\A\s*\z"), "empty_value")
        .when(~F.expr("is_valid_utf8(_text)"), "invalid_utf8")
        .when(F.col("_format_error").isNotNull(), F.col("_format_error"))
        .otherwise(F.coalesce(*_wrong_values(contract), F.lit(None)))
    )
    row = F.struct(
        record_id(source).alias("record_id"),
        place(source).alias("source"),
        F.col("ingested_at"),
        arrival(source).alias("arrival"),
        error.alias("error"),
        row_hash("value").alias("raw_hash"),
        F.col("_new_fields").alias("new_fields"),
    )
    return parsed.withColumns(typed).select(*contract, row.alias(ROW))


def _line_number(source: Source) -> SparkColumn:
    return F.col("line_number") if source.kind == "files" else F.lit(1)


def _typed(name: str, column: Column) -> SparkColumn:
    text = F.col(f"_parsed.{name}")
    if column.type in SHAPES:
        return F.when(text.rlike(SHAPES[column.type]), text.try_cast(column.type))
    return tidy(text) if column.type == "string" and not name.endswith("_id") else text


def tidy(text: SparkColumn) -> SparkColumn:
    """The text in composed form (NFC) without blanks at its ends, so that equal names are one."""
    compose = (F.lit(NORMALIZER), F.lit("compose"), text, F.lit(False))
    composed = F.call_function("reflect", *compose)
    return F.when(text.rlike(UNTIDY), F.regexp_replace(composed, BLANK_ENDS, "")).otherwise(text)


def _wrong_values(contract: Mapping[str, Column]) -> Iterator[SparkColumn]:
    """Per column a reason why a value of the right JSON type is still none of the contract's."""
    for name, column in contract.items():
        text = F.col(f"_parsed.{name}")
        if column.type in SHAPES:
            is_lost = F.col(name).isNull() & text.isNotNull()
            has_no_zone = F.lit(column.type == "timestamp") & text.rlike(MOMENT + r"\z")
            yield F.when(is_lost, F.when(has_no_zone, "no_time_zone").otherwise("wrong_type"))
        elif column.type == "string" and name.endswith("_id"):
            yield F.when(~text.rlike(IDENTIFIER), f"malformed_id:{name}")
        for inner in IDENTIFIER_IN_STRUCT.findall(column.type):
            yield F.when(_has_malformed(text, column.type, inner), f"malformed_id:{name}.{inner}")


def _has_malformed(value: SparkColumn, type_: str, name: str) -> SparkColumn:
    """Whether an identifier in a struct, or in one of an array of structs, is none."""
    if type_.startswith("array<"):
        return F.exists(value, lambda item: ~item.getField(name).rlike(IDENTIFIER))
    return ~value.getField(name).rlike(IDENTIFIER)
