"""The quick judgement of flat objects says the same as the library, whatever is asked."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, SchemaError

from muxi.tools.json_schema import judge

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3), st.lists(st.integers(), max_size=2), st.just({}), st.just(5.0),
)  # fmt: skip
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "array"]),
        "title": st.just("T"),
        "minimum": st.integers(-2, 2),
        "enum": st.just(["x", 1, None]),
    },
)
SCHEMAS = st.fixed_dictionaries(
    {"type": st.sampled_from(["object", "string"])},
    optional={
        "properties": st.dictionaries(NAMES, FIELDS, max_size=3),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": st.booleans(),
        "minProperties": st.integers(0, 2),
    },
)


@given(SCHEMAS, st.one_of(st.dictionaries(NAMES, VALUES, max_size=3), VALUES))
def test_a_value_is_judged_as_the_library_judges_it(schema: dict[str, Any], value: Any):
    wanted = Draft202012Validator(schema).is_valid(value)
    assert (judge(schema)(value) == []) is wanted


@given(st.dictionaries(st.sampled_from(["type", "properties", "required"]), VALUES))
def test_a_schema_of_any_shape_admits_nothing_by_accident(schema: dict[str, Any]):
    judged = judge(schema)({"a": 1})
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return
    assert (judged == []) is Draft202012Validator(schema).is_valid({"a": 1})
