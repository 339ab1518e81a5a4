"""Values are held to schemas that others wrote, which may be wrong or hostile."""

from __future__ import annotations

import time
from typing import Any

import pytest

from muxi.tools.json_schema import mistake, problems

FLAT: dict[str, Any] = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1}},
    "required": ["amount"],
    "additionalProperties": False,
}


def test_what_does_not_fit_is_told_with_its_place() -> None:
    assert problems({"amount": 3}, FLAT) == []
    assert problems({"amount": 0}, FLAT) == ["$.amount: 0 is less than the minimum of 1"]
    assert problems({"amount": True}, FLAT) == ["$.amount: True is not of type 'integer'"]
    assert len(problems({"to": "me"}, FLAT)) == 2


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/schema"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "nonsense"},
        {"type": 5},
        {"enum": 5},
    ],
)
def test_a_broken_schema_admits_nothing_and_fetches_nothing(schema: dict[str, Any]) -> None:
    assert problems("x", schema)
    assert mistake(schema) is not None


def test_a_hostile_pattern_keeps_nobody_busy() -> None:
    hostile = {"type": "string", "pattern": "^(a+)+$"}
    begun = time.perf_counter()
    assert problems("a" * 60 + "!", hostile) == []
    keys = {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}
    assert problems({"a" * 60 + "!": 1}, keys) == []
    assert time.perf_counter() - begun < 50
    assert problems("b", {"pattern": "^a"}, patterns=True) == ["$: 'b' does not match '^a'"]


def test_problems_are_told_within_bounds() -> None:
    many = problems(["x" * 100_000] * 1_000, {"items": {"type": "integer"}})
    assert len(many) == 20
    assert max(map(len, many)) <= 1_000
