"""What is made up for a schema fits it, whatever the schema says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muxi.devkit.fuzz import strategies
from muxi.devkit.schema_values import values
from muxi.devkit.schemas import fits

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"type": "string", "minLength": 3, "maxLength": 5},
    {"type": "string", "pattern": "^[a-f]{2,4}$"},
    {"type": "string", "format": "date-time"},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 5},
    {"type": "array", "items": {"enum": [1, "two", None]}, "minItems": 1, "uniqueItems": True},
    {"anyOf": [{"type": "null"}, {"const": 4}]},
    {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "boolean"}}}]},
    {"type": ["string", "null"]},
    {"$ref": "#/$defs/Tree", "$defs": {"Tree": {
        "type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}}},
    {"type": "object", "properties": {"a": {"not": {"type": "string"}}}},
    {},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
def test_what_is_made_up_fits(schema: dict[str, Any], data: st.DataObject) -> None:
    assert fits(data.draw(values(schema)), schema)


def test_nothing_fits_a_reference_that_leads_out_of_the_schema() -> None:
    assert values({"$ref": "https://example.org/schema.json"}).is_empty or not fits(
        1, {"$ref": "https://example.org/schema.json"}
    )


@given(data=st.data())
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
def test_what_should_be_refused_does_not_fit(data: st.DataObject) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    made = strategies(schema)
    assert set(made) == {"valid", "missing", "wrong-type", "extra", "boundary", "text"}
    for name in ("missing", "wrong-type", "extra"):
        assert not fits(data.draw(made[name]), schema)
    for name in ("valid", "boundary"):
        assert fits(data.draw(made[name]), schema)
