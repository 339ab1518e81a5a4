"""Answers in a given shape, read off what a turn knows; with the static table alone."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from muxi.agents.output import output_of
from muxi.core.messages import TextPart, ToolCallPart, ToolResultPart
from muxi.core.requests import OutputSchema, ToolSpec
from muxi.models.embedded.facts import Call
from muxi.models.embedded.fields import NOTHING
from muxi.models.embedded.output import (
    Grounded,
    Known,
    as_text,
    complete,
    enumerated,
    ground,
    whole_sentences,
)
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.word_likeness import WordLikeness

_TABLE = StaticEmbedder()
LIKENESS = WordLikeness(_TABLE)


class Stock(BaseModel):
    item: str
    pieces: int


class Customer(BaseModel):
    name: str
    email: str | None = None


class Order(BaseModel):
    number: int
    customer: Customer
    state: Literal["open", "shipped"]


class Orders(BaseModel):
    orders: list[Order]


def made(result: Any, description: str = "", name: str = "look_up", **arguments: Any) -> Call:
    text = result if isinstance(result, str) else json.dumps(result)
    return Call(
        ToolCallPart(id="1", name=name, arguments=arguments),
        ToolResultPart(call_id="1", name=name, content=[TextPart(text=text)]),
        ToolSpec(name=name, description=description),
    )


def filled(shape: Any, question: str, *calls: Call, told: str = "") -> Grounded:
    output = output_of(shape).schema
    return ground(output, Known(question, list(calls), told), LIKENESS, _TABLE.vectors)


def test_an_unnamed_result_and_the_argument_of_the_same_name_fill_the_answer() -> None:
    call = made(300, "How many pieces of an item are here.", "stock", item="nuts")
    assert filled(Stock, "How many nuts?", call).value() == {"item": "nuts", "pieces": 300}


def test_the_result_is_trusted_more_than_the_argument_and_the_argument_more_than_the_user() -> None:
    call = made({"item": "hex nuts", "count": 4, "pieces": 7}, item="nuts")
    assert filled(Stock, "Are there 99 bolts?", call).value() == {"item": "hex nuts", "pieces": 7}


def test_members_are_found_at_any_depth_and_under_like_names() -> None:
    result = {"order": {"id": 12, "status": "shipped", "customer": {"full_name": "Ann Lee"}}}
    assert filled(Order, "Where is order 12?", made(result, number=12)).value() == {
        "number": 12,
        "customer": {"name": "Ann Lee"},
        "state": "shipped",
    }


def test_lists_of_objects_come_from_lists_of_results() -> None:
    rows = [
        {"number": n, "customer": {"name": name}, "state": "open"}
        for n, name in ((1, "Ann"), (2, "Bo"))
    ]
    found = filled(Orders, "Which orders are open?", made({"orders": rows}))
    assert found.value() == {"orders": rows}


def test_each_of_several_calls_becomes_an_item_of_a_list() -> None:
    calls = [made(n, "Pieces of an item.", "stock", item=i) for i, n in (("nuts", 3), ("nails", 4))]
    assert filled(list[Stock], "How many nuts and nails?", *calls).value() == {
        "value": [{"item": "nuts", "pieces": 3}, {"item": "nails", "pieces": 4}]
    }


def test_what_is_optional_and_unknown_stays_out() -> None:
    assert filled(Customer, "x", made({"name": "Bo"})).value() == {"name": "Bo"}


def test_a_plain_text_is_read_without_any_tool() -> None:
    class Person(BaseModel):
        name: str
        year: int
        city: str

    value = filled(Person, "Ada Lovelace, born 1815, lived in London").value()
    assert value == {"name": "Ada Lovelace", "year": 1815, "city": "London"}


def test_a_free_text_tells_what_the_tools_said() -> None:
    class Reply(BaseModel):
        answer: str

    call = made("Rain until noon.")
    found = filled(Reply, "And today?", call, told="Rain until noon.")
    assert found.value() == {"answer": "Rain until noon."}


def test_what_nothing_gives_is_left_to_the_language_model() -> None:
    found = filled(Stock, "Hello!")
    assert [entry.name for entry in found.missing if entry.kind == "integer"] == ["pieces"]
    assert found.value() is NOTHING
    assert complete(found, {"item": "x", "pieces": "many"}) is NOTHING
    assert complete(found, {"item": "x", "pieces": 2})["pieces"] == 2


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Shopping: milk, eggs and brown bread", ["milk", "eggs", "brown bread"]),
        ("Colours such as red, green or blue.", ["red", "green", "blue"]),
        ("Hello there", []),
    ],
)
def test_enumerations_are_lists(text: str, items: list[str]) -> None:
    assert enumerated(text) == items


def test_a_cut_sentence_is_dropped_and_json_stands_in_one_line() -> None:
    assert whole_sentences(" It is 3.5 m. It has a") == "It is 3.5 m."
    assert as_text({"a": [1, "é"]}) == '{"a":[1,"é"]}'


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
_LEAVES = st.sampled_from(
    [
        {"type": "string", "maxLength": 5},
        {"type": "string", "pattern": "^a+$"},
        {"type": "integer", "minimum": 3},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["a", 1]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ]
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.dictionaries(
        st.sampled_from(["a", "b", "name", "count"]), inner, min_size=1
    ).map(lambda named: {"type": "object", "properties": named, "required": sorted(named)[:1]}),
    max_leaves=6,
)


@given(_SCHEMAS, _JSON, st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_whatever_the_tools_say_an_answer_that_is_found_is_valid(
    schema: dict[str, Any], result: Any, question: str
) -> None:
    known = Known(question, [made(result, name="tool", count=2, name_="x")])
    output = OutputSchema(name="answer", json_schema=schema)
    value = ground(output, known, LIKENESS, _TABLE.vectors).value()
    if value is not NOTHING:
        Draft202012Validator(schema).validate(json.loads(as_text(value)))
