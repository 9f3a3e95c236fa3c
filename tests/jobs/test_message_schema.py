"""The JSON Schema of a topic says what its contract says."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft7Validator

from generators.messages import GOOD, TOPICS
from generators.shop import simulate
from jobs.errors import SpecError
from jobs.message_schema import message_schema
from jobs.registry import differences
from jobs.spec import Column, Source, Spec
from jobs.specs import topic_specs

SPEC = Spec(
    name="bronze.readings",
    description="",
    grain="",
    load="append",
    columns={
        "reading_id": Column("string"),
        "amount": Column("decimal(10,2)"),
        "note": Column("string", nullable=True),
        "lines": Column("array<struct<number:int,prices:array<struct<cents:bigint>>>>"),
    },
    source=Source("kafka", "json", topic="readings"),
)


def schema_of(type_: str) -> Any:
    columns = {"value": Column(type_)}
    return message_schema(replace(SPEC, columns=columns))["properties"]["value"]


def test_a_nullable_column_may_be_null_or_missing_and_no_other() -> None:
    schema = message_schema(SPEC)
    assert schema["required"] == ["reading_id", "amount", "lines"]
    assert schema["properties"]["note"] == {"type": ["string", "null"]}
    assert schema["properties"]["reading_id"] == {"type": "string"}


def test_nested_types_keep_their_fields_at_any_depth() -> None:
    bigint = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
    price = {
        "type": "object",
        "properties": {"cents": bigint},
        "required": ["cents"],
        "additionalProperties": False,
    }
    line = message_schema(SPEC)["properties"]["lines"]["items"]
    assert line["properties"]["prices"] == {"type": "array", "items": price}
    assert line["required"] == ["number", "prices"]


def test_another_field_is_foreign_to_the_schema() -> None:
    validator = Draft7Validator(message_schema(SPEC))
    message = {"reading_id": "r-1", "amount": 1.5, "lines": []}
    assert validator.is_valid(message)
    assert not validator.is_valid({**message, "colour": "red"})


def test_integers_know_how_wide_they_are() -> None:
    assert schema_of("int")["maximum"] == 2_147_483_647
    assert schema_of("bigint")["maximum"] == 9_223_372_036_854_775_807


def test_a_type_without_counterpart_is_refused() -> None:
    with pytest.raises(SpecError, match="type binary has no counterpart"):
        schema_of("binary")


def test_words_about_a_column_are_no_change_of_the_schema() -> None:
    told = replace(SPEC, columns={**SPEC.columns, "reading_id": Column("string", about="Better")})
    assert message_schema(told) == message_schema(SPEC)


def test_every_topic_has_a_valid_schema() -> None:
    assert set(TOPICS) <= set(topic_specs())
    for spec in topic_specs().values():
        Draft7Validator.check_schema(message_schema(spec))


def test_every_good_message_of_the_shop_is_as_its_schema_says() -> None:
    validators = {t: Draft7Validator(message_schema(spec)) for t, spec in topic_specs().items()}
    good = [m for m in simulate(date(2026, 1, 5), 200, 7) if m.label == GOOD]
    assert {message.topic for message in good} == set(TOPICS)
    wrong = [m for m in good if not validators[m.topic].is_valid(json.loads(m.value))]
    assert wrong == []


def test_a_refusal_is_cut_down_to_what_differs() -> None:
    said = "RuleViolationException: x-value [JSON], list of diff types: [A at /a, B at /[b], C]"
    assert differences(said) == "A at /a, B at /[b], C"
    assert differences("something else") == "something else"
