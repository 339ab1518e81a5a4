"""JSON Schemas as Anthropic enforces them."""

from __future__ import annotations

import pytest

from muxi.wire.closed_schema import closed_form


def test_every_object_is_closed_and_references_stand_alone() -> None:
    schema = {
        "$defs": {"Stop": {"type": "object", "properties": {"at": {"type": "string"}}}},
        "type": "object",
        "properties": {
            "stops": {"type": "array", "items": {"$ref": "#/$defs/Stop", "title": "A stop"}}
        },
    }
    assert closed_form(schema) == {
        "$defs": {
            "Stop": {
                "type": "object",
                "properties": {"at": {"type": "string"}},
                "additionalProperties": False,
            }
        },
        "type": "object",
        "properties": {"stops": {"type": "array", "items": {"$ref": "#/$defs/Stop"}}},
        "additionalProperties": False,
    }


def test_bounds_that_cannot_be_enforced_are_put_into_words() -> None:
    schema = {"type": "string", "description": "A name.", "minLength": 2, "format": "slug"}
    assert closed_form(schema) == {
        "type": "string",
        "description": "A name. (minLength: 2; format: slug)",
    }


def test_a_choice_of_one_becomes_a_choice_of_any() -> None:
    assert closed_form({"oneOf": [{"type": "string"}, {"const": 1, "default": 1}]}) == {
        "anyOf": [{"type": "string"}, {"const": 1}]
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
    ],
)
def test_maps_of_free_keys_have_no_closed_form(schema: dict[str, object]) -> None:
    assert closed_form(schema) is None


def test_the_schema_itself_is_left_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}
    closed_form(schema)
    assert schema == {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}
