"""JSON records parsed strictly, and what is wrong with those that are not one whole object."""

from collections.abc import Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.spec import Column

TEXT_TYPES = ("string", "timestamp", "date")
# Of the text without escaped backslashes, so that every backslash left begins an escape.
CONTROL_ESCAPE = r"\\(u00(0[0-8bBcCeEfF]|1[0-9a-fA-F])|[bf])"
SURROGATE_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
SURROGATE = r"\\u[dD][89a-fA-F]"
# A field's name in the output of schema_of_variant, with backticks where it is no plain word.
FIELD_NAME = r"(`(?:[^`]|``)*`|[^<>, ]+): "


def parse_json(raw: DataFrame, contract: Mapping[str, Column]) -> DataFrame:
    """The records with `_parsed`, `_format_error` and `_new_fields` beside their `_text`.

    Each is parsed once. Text that its own re-serialisation repeats is surely well-formed; only the
    rest pays for the full examination.
    """
    fields = ", ".join(
        f"`{name}` {'string' if column.type in TEXT_TYPES else column.type}"
        for name, column in contract.items()
    )
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    # A parser stops at the end of the first value; the text's own hash behind it proves that the
    # value is all there is. try_parse_json refuses a key that occurs twice.
    probe = F.expr("try_parse_json(concat('[', _text, ',', xxhash64(_text), ']'))")
    is_whole = F.expr(
        "coalesce(try_variant_get(_probe, '$[1]', 'bigint') = xxhash64(_text), false)"
    )
    types = F.expr("schema_of_variant(try_variant_get(_probe, '$[0]', 'variant'))")
    number_in_text = rf"\b({'|'.join(_text_fields(contract))}): (?!STRING|VOID)"
    is_wrong_type = F.col("_corrupt").isNotNull() | F.col("_types").rlike(number_in_text)
    format_error = (
        F.when(F.col("_is_canonical"), None)
        .when(F.col("_types").isNull(), "malformed_json")
        .when(~F.col("_types").startswith("OBJECT<"), "not_an_object")
        .when(is_wrong_type, "wrong_type")
    )
    return (
        raw.withColumn("_both", F.from_json("_text", f"{fields}, _corrupt string", options))
        .withColumns({"_parsed": F.col("_both").dropFields("_corrupt")})
        .withColumn("_is_canonical", F.to_json("_parsed").eqNullSafe(F.col("_text")))
        .withColumn("_probe", F.when(~F.col("_is_canonical"), probe))
        .withColumns({"_types": F.when(is_whole, types), "_corrupt": F.col("_both._corrupt")})
        .withColumns(
            {
                "_format_error": F.coalesce(format_error, _unprintable()),
                "_new_fields": _new_fields(contract),
            }
        )
    )


def _unprintable() -> SparkColumn:
    """Why the escapes of a well-formed text do not stand for printable Unicode, null if they do."""
    escapes = F.regexp_replace("_text", r"\\\\", "")
    is_lone = F.regexp_replace(escapes, SURROGATE_PAIR, "").rlike(SURROGATE)
    reason = F.when(is_lone, "lone_surrogate").when(
        escapes.rlike(CONTROL_ESCAPE), "control_character"
    )
    return F.when(F.col("_text").contains("\\"), reason)


def _new_fields(contract: Mapping[str, Column]) -> SparkColumn:
    """Names at any depth that the contract does not know, null where there are none.

    A canonical text has none: its re-serialisation would lack them.
    """
    known = {*contract, *_struct_fields(contract)}
    names = F.regexp_extract_all("_types", F.lit(FIELD_NAME), F.lit(1))
    unknown = F.array_except(names, F.array(*[F.lit(name) for name in sorted(known)]))
    is_object = F.col("_types").startswith("OBJECT<")
    return F.when(is_object & (F.size(unknown) > 0), unknown)


def _text_fields(contract: Mapping[str, Column]) -> list[str]:
    """Names of the text fields at any depth; fields of structs are found in their type."""
    names = [name for name, column in contract.items() if column.type in TEXT_TYPES]
    nested = _struct_fields(contract).items()
    return names + [name for name, type_ in nested if type_.startswith("string")]


def _struct_fields(contract: Mapping[str, Column]) -> dict[str, str]:
    """Names and types, as written in the contract, of the fields inside structs."""
    parts = [part for column in contract.values() for part in column.type.split(",")]
    pairs = [part.rpartition(":") for part in parts if ":" in part]
    return {name.rpartition("<")[2].strip(): type_ for name, _, type_ in pairs}
