"""What is called no break must break nobody: judged by `jsonschema`, over any two schemas."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from muxi.core.requests import ToolSpec
from muxi.tools.schema_admits import refusals
from muxi.tools.schema_change import change_of
from muxi.tools.schema_values import is_word, mapping

Schema = dict[str, Any]
NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 5, 2.5, "", "x", "xy", "2026-01-01"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def _some(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional=options)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = _some(
        properties=st.dictionaries(NAMES, inner, max_size=3),
        required=st.lists(NAMES, unique=True, max_size=2),
        additionalProperties=st.booleans() | inner,
        maxProperties=st.integers(0, 3),
        dependentRequired=st.dictionaries(NAMES, st.lists(NAMES, max_size=1), max_size=1),
        patternProperties=st.dictionaries(st.just("^a"), inner, max_size=1),
    )
    arrays = _some(
        items=inner,
        minItems=st.integers(0, 2),
        maxItems=st.integers(0, 3),
        uniqueItems=st.booleans(),
        contains=inner,
    )
    several = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        objects.map(lambda s: {"type": "object", **s}),
        objects,
        arrays.map(lambda s: {"type": "array", **s}),
        st.builds(
            lambda key, options: {key: options},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            several,
        ),
        st.builds(lambda s, options: {**s, "anyOf": options}, objects, several),
        st.builds(lambda refused: {"not": refused}, inner),
        st.just({"$ref": "#/$defs/d"}),
    )


LEAVES = st.one_of(
    st.booleans(),
    _some(
        type=st.sampled_from(
            ["string", "integer", "number", "boolean", "null", ["string", "null"]]
        ),
        minimum=st.integers(0, 3),
        exclusiveMaximum=st.integers(1, 6),
        multipleOf=st.sampled_from([1, 2, 0.5]),
        minLength=st.integers(0, 2),
        maxLength=st.integers(0, 2),
        pattern=st.sampled_from(["^x", "y$"]),
        description=st.sampled_from(["one", "two"]),
    ),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
)
SCHEMAS = st.recursive(LEAVES, _deeper, max_leaves=6)


@st.composite
def wholes(draw: st.DrawFn) -> Schema:
    """A schema of arguments, which may refer to a definition and that to itself."""
    properties = draw(st.dictionaries(NAMES, SCHEMAS, max_size=3))
    whole: Schema = {"type": "object", "properties": properties}
    whole |= draw(
        _some(required=st.lists(NAMES, unique=True, max_size=2), additionalProperties=st.booleans())
    )
    whole["$defs"] = {"d": draw(SCHEMAS)}
    assume(not loops(whole["$defs"]["d"]))
    return whole


def loops(schema: Any) -> bool:
    """Whether a definition refers to itself at once, which no validator survives."""
    if not isinstance(schema, dict):
        return False
    parts = [
        schema.get("not"),
        *(part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, [])),
    ]
    return "$ref" in schema or any(loops(part) for part in parts)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Two schemas, mostly one with a change in it."""
    old = draw(wholes())
    if draw(st.integers(0, 3)) == 0:
        return old, draw(wholes())
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(new))
        place = places[draw(st.integers(0, len(places) - 1))]
        kind = draw(st.sampled_from(["drop", "put", "nudge"]))
        if kind == "drop" and place:
            del place[draw(st.sampled_from(sorted(place)))]
        elif kind == "nudge":
            for key, value in place.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    place[key] = max(0, value + draw(st.sampled_from([-1, 1])))
        else:
            more = draw(LEAVES | SCHEMAS)
            place.update(more if isinstance(more, dict) else {})
    new.setdefault("$defs", {}).setdefault("d", True)
    assume(not loops(new["$defs"]["d"]) and "$ref" not in new and _valid(new))
    return old, new


def _valid(schema: Schema) -> bool:
    return Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema)


def _places(schema: Any) -> Any:
    """All schemas in a schema that are objects."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "patternProperties", "$defs"):
        for child in mapping(schema.get(key)).values():
            yield from _places(child)
    for key in ("items", "additionalProperties", "not", "contains"):
        yield from _places(schema.get(key))
    for key in ("anyOf", "oneOf", "allOf"):
        for child in schema.get(key, []):
            yield from _places(child)


def closed(schema: Any) -> Any:
    """What a caller may send: only names that are declared, unless others are admitted by word."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    rest = [key for key in schema if key not in ("anyOf", "oneOf") and not is_word(key)]
    combined = {"anyOf", "oneOf", "allOf", "$ref"} & schema.keys()
    if combined:
        for key in ("anyOf", "oneOf"):
            if key in schema and not rest:
                made[key] = [closed(each) for each in schema[key]]
        return made
    made.setdefault("additionalProperties", False)
    for key in ("properties", "patternProperties"):
        if key in schema:
            made[key] = {name: closed(each) for name, each in schema[key].items()}
    if "items" in schema:
        made["items"] = closed(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = closed(schema["additionalProperties"])
    return made


@settings(max_examples=400)
@given(pairs(), st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=12))
@example(
    (
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        {"additionalProperties": False},
    ),
    [{"a": 1, "b": 1}],
)
def test_what_is_said_to_be_admitted_is_admitted(
    pair: tuple[Schema, Schema], values: list[dict[str, Any]]
):
    old, new = pair
    told = refusals(old, new)
    before, after = Draft202012Validator(closed(old)), Draft202012Validator(new)
    for value in values:
        if before.is_valid(value) and not after.is_valid(value):
            assert told, value


@given(wholes())
def test_a_schema_admits_itself_whatever_it_is_called(schema: Schema):
    assert refusals(schema, schema) == []
    described = {"description": "Other words.", **schema}
    before = ToolSpec(name="t", parameters=schema)
    assert change_of(before, before).level == "none"
    assert change_of(before, ToolSpec(name="t", parameters=described)).level == "patch"


@given(wholes(), SCHEMAS)
def test_a_further_argument_that_may_be_left_out_adds_only(schema: Schema, argument: Any):
    assume(argument is not False)
    more = {**schema, "properties": {**schema["properties"], "new": argument}}
    old = {**schema, "additionalProperties": False}
    new = {**more, "additionalProperties": False}
    assert (
        change_of(ToolSpec(name="t", parameters=old), ToolSpec(name="t", parameters=new)).level
        == "minor"
    )
    assert (
        change_of(ToolSpec(name="t", parameters=new), ToolSpec(name="t", parameters=old)).level
        == "major"
    )


@given(wholes())
def test_an_argument_that_becomes_required_breaks(schema: Schema):
    old = {**schema, "properties": {**schema["properties"], "new": {"type": "string"}}}
    new = {**old, "required": [*schema.get("required", []), "new"]}
    assert (
        change_of(ToolSpec(name="t", parameters=old), ToolSpec(name="t", parameters=new)).level
        == "major"
    )
