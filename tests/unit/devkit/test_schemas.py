"""Values against schemas that strangers wrote: nothing is fetched, and nothing takes for ever."""

from __future__ import annotations

from typing import Any

import pytest

from muxi.devkit.schemas import faults_of, fits, is_slow, schema_faults


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        ({"a": 1}, {"properties": {"a": {"type": "string"}}}, "a: 1 is not of type 'string'"),
        (1, {"$ref": "https://example.org/x.json"}, "the schema cannot be followed"),
        (1, {"$ref": "#/nowhere"}, "the schema cannot be followed"),
        (1, {"type": "nonsense"}, "the schema is none"),
    ],
)
def test_what_does_not_fit_is_told_in_words(value: Any, schema: Any, fault: str) -> None:
    assert faults_of(value, schema)[0].startswith(fault)


def test_a_schema_is_held_to_the_rules_of_its_kind() -> None:
    assert schema_faults({"type": "object"}) == []
    assert schema_faults({"type": "strin"}) != []
    assert schema_faults([]) != []


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a*)*b", "(a|aa)+$", "([a-z]+)*\\d", "(.*x){25}"])
@pytest.mark.timeout(10)
def test_a_pattern_without_end_holds_nobody_up(pattern: str) -> None:
    assert is_slow(pattern)
    fits("a" * 60 + "!", {"type": "string", "pattern": pattern})
    fits({"a" * 60 + "!": 1}, {"patternProperties": {pattern: {"type": "integer"}}})


@pytest.mark.parametrize("pattern", ["^[a-z]+$", "^\\d{4}-\\d{2}$", "^(a|b)$", "(ab){1,3}x*", "("])
def test_an_ordinary_pattern_is_not_taken_for_one(pattern: str) -> None:
    assert not is_slow(pattern)


def test_patterns_still_count() -> None:
    assert not fits("12", {"type": "string", "pattern": "^[a-z]+$"})
