"""Regular expressions of others: they count, and none of them keeps anybody busy."""

from __future__ import annotations

import pytest

from muxi.agents.output import output_of
from muxi.core.errors import OutputInvalid
from muxi.core.patterns import fits, matcher, schema_checker
from muxi.tools.json_schema import problems

BOMBS = ("(a+)+$", "^(a|a)*$", "(.*a){25}$", r"^(\w+\s?)*$", "(x+x+)+y", "([a-z]+)*[0-9]$")
LONG = "a" * 50_000 + "!"


@pytest.mark.parametrize("pattern", BOMBS)
def test_a_hostile_pattern_is_told_at_once(pattern: str) -> None:
    assert not fits(pattern, LONG)
    assert problems(LONG, {"pattern": pattern}, patterns=True)
    with pytest.raises(OutputInvalid):
        output_of({"type": "object", "properties": {"a": {"pattern": pattern}}}).parse(
            f'{{"a": "{LONG}"}}'
        )


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", r"(a)\1", "[", "x" * 2_000, "((a{999}){999}){999}", "(?P<"]
)
def test_what_cannot_be_told_is_let_pass(pattern: str) -> None:
    assert matcher(pattern) is None
    assert fits(pattern, "b")
    assert problems({"b": 1}, {"patternProperties": {pattern: False}}, patterns=True) == []


def test_members_are_held_to_patterns_of_their_names() -> None:
    schema = {"patternProperties": {"^n": {"type": "integer"}}, "additionalProperties": False}
    assert problems({"n": 1, "other": 2}, schema, patterns=True) == []
    assert problems({"name": "x"}, schema, patterns=True) == [
        "$.name: 'x' is not of type 'integer'"
    ]
    assert schema_checker()({"additionalProperties": False}).is_valid({"a": 1}) is False


def test_what_is_no_text_fits() -> None:
    assert fits("a", 7)
    assert fits(7, "a")
    assert problems([1], {"patternProperties": {"a": False}}, patterns=True) == []
