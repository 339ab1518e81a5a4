from __future__ import annotations

from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from muxi.wire.strict_schema import strict_form


class Street(BaseModel):
    name: str
    number: int | None = None


class City(BaseModel):
    name: str = Field(description="Its name")
    home: Street = Field(description="The main street")
    streets: list[Street] = []
    kind: Literal["town", "village"] = "town"


def test_an_answer_may_be_made_to_name_everything():
    schema = City.model_json_schema()
    strict = strict_form(schema, may_require=True)
    assert strict is not None
    assert strict["required"] == ["name", "home", "streets", "kind"]
    assert strict["additionalProperties"] is False
    assert strict["$defs"]["Street"]["required"] == ["name", "number"]
    # Keywords beside a reference are not taken, so it is written out.
    assert strict["properties"]["home"]["description"] == "The main street"
    assert "$ref" not in strict["properties"]["home"]
    answer = {
        "name": "Ulm",
        "home": {"name": "a", "number": 1},
        "streets": [],
        "kind": "town",
    }
    assert Draft202012Validator(strict).is_valid(answer)
    assert Draft202012Validator(schema).is_valid(answer)
    assert "additionalProperties" not in schema


def test_a_tool_with_optional_arguments_has_no_strict_form():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert strict_form(schema, may_require=False) is None
    assert strict_form({**schema, "required": ["a"]}, may_require=False) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"oneOf": []}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/no", "title": "x"}}},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/r", "title": "x"}},
            "$defs": {"r": {"$ref": "#/$defs/r", "title": "y"}},
        },
    ],
)
def test_what_strict_decoding_cannot_say_has_no_strict_form(schema: dict[str, Any]):
    assert strict_form(schema, may_require=True) is None


class Node(BaseModel):
    children: list[Node]


def test_a_shape_that_holds_itself_is_strict_too():
    strict = strict_form(Node.model_json_schema(), may_require=True)
    assert strict is not None
    assert strict["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
