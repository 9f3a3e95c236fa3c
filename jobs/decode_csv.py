"""Lines of CSV files, each split by the header of its own file."""

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spec import Column

MAX_FIELDS = 64
# One slot for the end mark; a line that has it elsewhere than in these has too many fields.
SLOTS = ", ".join(f"c{number} string" for number in range(MAX_FIELDS + 1))
OPTIONS = {"escape": '"'}
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"


def parse_csv(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The lines with `_parsed`, `_format_error` and `_new_fields`; columns stand in any order."""
    header = F.trim(F.col("header").cast("string"))
    known = F.array(*[F.lit(name) for name in contract])
    texts = raw.withColumns({"_names": _fields(header), "_fields": _fields(F.col("_text"))})
    is_shaped = F.size("_names") == F.size("_fields")
    is_unambiguous = F.size(F.array_distinct("_names")) == F.size("_names")
    cells = F.when(is_shaped & is_unambiguous, F.map_from_arrays("_names", "_fields"))
    new = F.array_except("_names", known)
    named = texts.withColumns(
        {
            "_cells": cells,
            "_absent": F.array_except(known, "_names"),
            "_new_fields": F.when(F.size(new) > 0, new),
        }
    )
    parsed = F.struct(*[_typed(name, column).alias(name) for name, column in contract.items()])
    is_wrong_type = F.lit(False)
    for name in contract:
        is_wrong_type = is_wrong_type | (
            F.col(f"_parsed.{name}").isNull() & _cell(name).isNotNull()
        )
    missing = F.concat(F.lit("missing_column:"), F.array_join("_absent", ","))
    return named.withColumn("_parsed", parsed).withColumn(
        "_format_error",
        F.when(F.col("_names").isNull(), "malformed_csv")
        .when(~is_unambiguous, "doubled_column")
        .when(F.size("_absent") > 0, missing)
        .when(F.col("_fields").isNull() | ~is_shaped, "malformed_csv")
        .when(F.col("_text").rlike(CONTROL), "control_character")
        .when(is_wrong_type, "wrong_type"),
    )


def _fields(line: SparkColumn) -> SparkColumn:
    """The fields of a line, null where a quote is left open or there are more than MAX_FIELDS.

    An empty field and a missing one are both null to the parser; the line's own hash behind it
    marks where it ends, and is swallowed by an open quote.
    """
    end = F.xxhash64(line).cast("string")
    slots = F.from_csv(F.concat(line, F.lit(","), end), SLOTS, OPTIONS)
    as_list = F.array(*[slots[f"c{number}"] for number in range(MAX_FIELDS + 1)])
    count = F.array_position(as_list, end) - 1
    return F.when(count > 0, F.slice(as_list, 1, count.cast("int")))


def _cell(name: str) -> SparkColumn:
    """A field's text; an empty field is null."""
    return F.nullif(F.trim(F.try_element_at("_cells", F.lit(name))), F.lit(""))


def _typed(name: str, column: Column) -> SparkColumn:
    """The field in its type, null where it is none of it or would have to be rounded."""
    text = _cell(name)
    if column.type in ("timestamp", "date"):
        return text
    if column.type.startswith("decimal"):
        scale = column.type.rstrip(")").rpartition(",")[2].strip()
        text = F.when(text.rlike(rf"\A[+-]?\d+(\.\d{{1,{scale}}}0*)?\z"), text)
    return text.try_cast(column.type)
