"""Schemas made finite."""

from __future__ import annotations

from muxi.models.embedded.bounds import bounded


def test_strings_and_lists_get_bounds_at_every_depth() -> None:
    schema = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "$defs": {"Note": {"type": "string", "maxLength": 5000}},
        "anyOf": [{"type": "string"}],
    }
    out = bounded(schema)
    tags = out["properties"]["tags"]
    assert tags["maxItems"] == 6
    assert tags["items"]["maxLength"] == 200
    assert out["$defs"]["Note"]["maxLength"] == 200
    assert out["anyOf"][0]["maxLength"] == 200
    assert out["additionalProperties"] is False


def test_bounds_never_contradict_the_schema() -> None:
    assert bounded({"type": "string", "minLength": 300})["maxLength"] == 300
    assert bounded({"type": "array", "minItems": 9})["maxItems"] >= 9


def test_what_the_grammar_cannot_express_is_dropped_and_choices_are_left_alone() -> None:
    assert "pattern" not in bounded({"type": "string", "pattern": "a"})
    assert bounded({"type": "string", "pattern": "^a+$"})["pattern"] == "^a+$"
    assert bounded({"type": "string", "enum": ["a"]}) == {"type": "string", "enum": ["a"]}
