"""Versions against changes: what must be raised by how much, and the file that remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muxi.core.errors import ConfigError
from muxi.core.requests import ToolAnnotations, ToolExample, ToolSpec
from muxi.core.versions import Version
from muxi.tools.schema_change import Level, change_of
from muxi.tools.version_record import VersionRecord, needed_after

PROPERTIES: dict[str, Any] = {
    "query": {"type": "string", "description": "What to look for."},
    "limit": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5},
    "sort": {"enum": ["new", "old"]},
    "tags": {"type": "array", "items": {"type": "string"}},
    "since": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    "where": {"$ref": "#/$defs/Place"},
}
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def spec(version: str = "1.0.0", **changes: Any) -> ToolSpec:
    """A search; `changes` replace properties, or with None remove them."""
    properties = {name: each for name, each in (PROPERTIES | changes).items() if each is not None}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": ["query"],
        "additionalProperties": False,
        "$defs": {"Place": PLACE},
    }
    return ToolSpec(name="search", description="Search.", version=version, parameters=parameters)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "none"),
        ({"query": {"type": "string", "description": "Words."}}, "patch"),
        ({"limit": {**PROPERTIES["limit"], "maximum": 50}}, "minor"),
        ({"limit": {**PROPERTIES["limit"], "maximum": 10}}, "major"),
        ({"limit": {**PROPERTIES["limit"], "default": 10}}, "major"),
        ({"limit": {"type": "integer", "minimum": 1, "maximum": 20}}, "major"),
        ({"limit": {"type": "number", "minimum": 1, "maximum": 20, "default": 5}}, "minor"),
        ({"limit": {**PROPERTIES["limit"], "multipleOf": 5}}, "major"),
        ({"sort": {"enum": ["old", "new"]}}, "patch"),
        ({"sort": {"enum": ["new", "old", "best"]}}, "minor"),
        ({"sort": {"enum": ["new"]}}, "major"),
        ({"sort": {"type": "string"}}, "minor"),
        ({"sort": None}, "major"),
        ({"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3}}, "major"),
        ({"tags": {"type": "array"}}, "minor"),
        ({"tags": {"type": "array", "items": {"type": "integer"}}}, "major"),
        ({"since": {"type": "string", "format": "date"}}, "major"),
        ({"since": {"type": ["string", "null"]}}, "minor"),
        ({"page": {"type": "integer"}}, "minor"),
        ({"where": {"type": "string"}}, "major"),
        ({"where": PLACE}, "patch"),
        ({"where": {**PLACE, "required": []}}, "minor"),
        ({"where": {"$ref": "https://example.org/schema.json"}}, "major"),
    ],
)
def test_a_change_of_the_schema_is_judged_by_what_callers_may_send(
    changes: dict[str, Any], level: Level
):
    change = change_of(spec(), spec(**changes))
    assert (change.level, bool(change.reasons)) == (level, level != "none")


def test_an_argument_that_becomes_required_is_named():
    parameters = {**spec().parameters, "required": ["query", "sort"]}
    change = change_of(spec(), spec().model_copy(update={"parameters": parameters}))
    assert change.level == "major"
    assert change.reasons == ("`sort` is required",)


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        ({"read_only": True}, {"read_only": False}, "major"),
        ({"read_only": True}, {}, "major"),
        ({"destructive": False}, {"destructive": True}, "major"),
        ({"destructive": False}, {"read_only": True}, "minor"),
        ({}, {"open_world": False}, "minor"),
        ({}, {"open_world": True}, "none"),
        ({"title": "A"}, {"title": "B"}, "patch"),
    ],
)
def test_a_promise_may_be_given_and_not_withdrawn(
    before: dict[str, Any], after: dict[str, Any], level: Level
):
    old, new = (
        spec().model_copy(update={"annotations": ToolAnnotations(**told)})
        for told in (before, after)
    )
    assert change_of(old, new).level == level


def test_a_call_that_may_no_longer_be_repeated_breaks():
    old = spec().model_copy(update={"idempotent": True})
    assert change_of(old, spec()).reasons == ("it no longer promises: that a call may be repeated",)


def test_other_examples_are_other_words():
    example = ToolExample(request="Find cats", arguments={"query": "cats"})
    assert change_of(spec(), spec().model_copy(update={"examples": (example,)})).level == "patch"


def test_a_schema_that_refers_to_itself_can_be_compared():
    def tree(leaf: dict[str, Any]) -> ToolSpec:
        node = {"type": "object", "properties": {"leaf": leaf, "next": {"$ref": "#/$defs/node"}}}
        whole = {"type": "object", "properties": {"tree": {"$ref": "#/$defs/node"}}}
        return ToolSpec(name="t", parameters={**whole, "$defs": {"node": node}})

    short, long = tree({"type": "string", "maxLength": 5}), tree({"type": "string"})
    assert change_of(short, long).level == "minor"
    assert change_of(long, short).level == "major"


@pytest.mark.parametrize(
    ("before", "level", "needed"),
    [
        ("1.4.2", "patch", "1.4.3"),
        ("1.4.2", "minor", "1.5.0"),
        ("1.4.2", "major", "2.0.0"),
        ("0.4.2", "patch", "0.4.3"),
        ("0.4.2", "minor", "0.4.3"),
        ("0.4.2", "major", "0.5.0"),
        ("2.0.0-rc.1", "major", "2.0.0-rc.1.0"),
    ],
)
def test_the_version_that_a_change_needs(before: str, level: Level, needed: str):
    assert str(needed_after(Version.parse(before), level)) == needed


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("1.0.0", "error"),
        ("1.0.1", "error"),
        ("1.1.0", "error"),
        ("2.0.0", None),
        ("2.0.0-rc.1", None),
    ],
)
def test_a_break_under_too_low_a_version_is_found(version: str, severity: str | None):
    record = VersionRecord()
    record.add(spec())
    found = record.judge(spec(version, sort=None))
    assert (found and found.severity) == severity
    if found:
        assert (found.change, found.needed) == ("major", "2.0.0")
        assert found.reasons == ["`sort` is refused"]


def test_other_words_under_the_same_version_are_worth_a_warning():
    record = VersionRecord()
    record.add(spec())
    found = record.judge(spec(query={"type": "string"}))
    assert found is not None
    assert (found.severity, found.needed) == ("warning", "1.0.1")


def test_each_line_of_versions_is_compared_with_its_own_past():
    record = VersionRecord()
    record.add(spec("1.4.0"))
    record.add(spec("2.0.0", sort=None))
    assert record.judge(spec("1.4.1")) is None
    assert record.judge(spec("2.0.1", sort=None)) is None
    assert record.judge(spec("1.4.1", sort=None)) is not None
    assert record.judge(spec("1.0.0", sort=None)) is None
    assert record.judge(spec("0.0.0", sort=None)) is None


def test_a_record_is_read_as_it_was_written_and_its_bytes_do_not_depend_on_order(tmp_path: Path):
    one, other = VersionRecord(), VersionRecord()
    specs = [spec("1.10.0"), spec("1.9.0"), spec("1.9.0").model_copy(update={"name": "a"})]
    for each in specs:
        one.add(each)
    for each in reversed(specs):
        other.add(each)
    one.save(tmp_path / "one.json")
    other.save(tmp_path / "other.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    assert VersionRecord.load(tmp_path / "one.json") == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.json", "other.json"]
    assert VersionRecord.load(tmp_path / "none.json").tools == {}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": {"new": {"parameters": {}}}}', '{"a": 1}', "\xff"]
)
def test_a_broken_record_is_refused(text: str, tmp_path: Path):
    file = tmp_path / "muxi.tools.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="is no record of tools"):
        VersionRecord.load(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        VersionRecord.load(file)
