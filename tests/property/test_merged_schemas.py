"""Schemas made one admit what they admitted before; judged by `jsonschema`, over any schemas."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from muxi.wire.merged_schema import merged, offered
from tests.property.test_changes_of_schemas import NAMES, SCHEMAS, VALUES, loops

Schema = dict[str, Any]
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=3)


@st.composite
def combined(draw: st.DrawFn) -> Schema:
    """Schemas that must all be kept to, beside one more."""
    base = draw(SCHEMAS.filter(lambda schema: isinstance(schema, dict)))
    parts = draw(st.lists(SCHEMAS, min_size=1, max_size=3))
    schema = {**base, "allOf": parts, "$defs": {"d": draw(SCHEMAS)}}
    return {"type": "integer"} if loops(schema["$defs"]["d"]) else schema


def fits(schema: Any, value: Any) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@given(combined(), st.lists(VALUES | OBJECTS, min_size=1, max_size=4))
@example({"allOf": [{"enum": [1]}, {"enum": [True]}]}, [1, True])
@example({"allOf": [{"additionalProperties": False}, {"properties": {"a": {}}}]}, [{"a": 1}, {}])
@example({"allOf": [{"prefixItems": [True]}, {"items": False}]}, [[1], []])
def test_what_was_made_one_admits_the_same(schema: Schema, values: list[Any]) -> None:
    before = copy.deepcopy(schema)
    whole = merged(schema)
    assert schema == before
    Draft202012Validator.check_schema(whole)
    for value in values:
        assert fits(whole, value) == fits(schema, value)


ALTERNATIVES = st.builds(
    lambda properties, required: {
        "type": "object",
        "properties": properties,
        "required": [name for name in required if name in properties],
        "additionalProperties": False,
    },
    st.dictionaries(NAMES, SCHEMAS, max_size=3),
    st.lists(NAMES, unique=True, max_size=2),
)
"""What names all that it admits, since a model is told names."""
CHOICES = st.builds(
    lambda word, options, base, whole: {**base, word: options, "$defs": {"d": whole}},
    st.sampled_from(["anyOf", "oneOf", "allOf"]),
    st.lists(ALTERNATIVES, min_size=1, max_size=3),
    st.just({}) | ALTERNATIVES,
    SCHEMAS.filter(lambda schema: not loops(schema)),
)


@given(CHOICES, st.lists(OBJECTS, min_size=1, max_size=4))
@example({"anyOf": [True, {"required": ["a"]}]}, [{}])
@example({"properties": {}, "additionalProperties": False, "oneOf": [{}]}, [{}])
@example({"$ref": "#/$defs/d", "$defs": {"d": {"properties": {"a": {}}}}}, [{"a": 1}])
@example({"$ref": "#"}, [{"a": 1}])
def test_what_is_offered_is_one_object_that_admits_no_less(
    schema: Schema, values: list[Any]
) -> None:
    told = offered(schema)
    Draft202012Validator.check_schema(told)
    assert told["type"] == "object"
    assert not any(key in told for key in ("$ref", "anyOf", "oneOf", "allOf", "enum", "not"))
    for value in values:
        assert "$ref" in schema or fits(told, value) or not fits(schema, value)


def test_a_choice_of_arguments_is_told_with_their_types() -> None:
    by_id = {"properties": {"id": {"type": "integer"}}, "required": ["id"]}
    by_name = {"properties": {"name": {"type": "string"}}, "required": ["name"]}
    told = offered(
        {
            "type": "object",
            "properties": {"deep": {"allOf": [{"$ref": "#/$defs/kind"}, {"title": "Kind"}]}},
            "required": ["deep"],
            "oneOf": [by_id, by_name],
            "$defs": {"kind": {"enum": ["a", "b"]}},
        }
    )
    assert told == {
        "type": "object",
        "description": "Give one of these sets of arguments: id; or name.",
        "properties": {
            "deep": {"enum": ["a", "b"], "title": "Kind"},
            "id": {"type": "integer"},
            "name": {"type": "string"},
        },
        "required": ["deep"],
        "$defs": {"kind": {"enum": ["a", "b"]}},
    }


def test_a_schema_that_is_plain_is_left_alone() -> None:
    plain = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, True]}}}
    assert offered(plain) is plain


def test_parts_that_close_what_others_open_and_loops_stay_apart() -> None:
    closed = {"allOf": [{"additionalProperties": False}, {"properties": {"a": {}}}]}
    assert merged(closed) == closed
    loop = {
        "allOf": [{"$ref": "#/$defs/d"}] * 2,
        "$defs": {"d": {"allOf": [{"$ref": "#/$defs/d"}]}},
    }
    assert merged(loop)["allOf"]


def test_inheritance_that_is_closed_once_becomes_one_closed_object() -> None:
    schema = {
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "string"}}}],
        "unevaluatedProperties": False,
        "$defs": {"base": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    }
    told = {key: value for key, value in merged(schema).items() if key != "$defs"}
    assert told == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "additionalProperties": False,
    }
