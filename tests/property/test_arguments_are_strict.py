"""No key that a tool does not declare ever reaches it, and no value of another type."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from typing_extensions import TypedDict

from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.function import tool

CTX: RunContext[Any] = RunContext(deps=None)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


class Model(BaseModel):
    n: int = 0


@dataclass
class Data:
    n: int = 0
    inner: Model = field(default_factory=Model)


class Typed(TypedDict, total=False):
    n: int
    data: Data


@tool
async def deep(
    n: int = 0,
    model: Model | None = None,
    data: Data | None = None,
    typed: Typed | None = None,
    many: list[Model] | None = None,
) -> str:
    return "ran"


PLACES: list[Any] = [
    lambda key, value: {key: value},
    lambda key, value: {"model": {key: value}},
    lambda key, value: {"data": {key: value}},
    lambda key, value: {"data": {"inner": {key: value}}},
    lambda key, value: {"typed": {key: value}},
    lambda key, value: {"typed": {"data": {"inner": {key: value}}}},
    lambda key, value: {"many": [{"n": 1}, {key: value}]},
]
KNOWN = {"n", "model", "data", "typed", "many", "inner"}


def runs(arguments: dict[str, Any]) -> bool:
    try:
        asyncio.run(deep.run(arguments, CTX))
    except ToolArgumentsInvalid:
        return False
    return True


@given(st.sampled_from(PLACES), st.text(max_size=10), json)
@settings(max_examples=150, deadline=None)
def test_an_unknown_key_is_refused_at_any_depth(place: Any, key: str, value: Any):
    assume(key not in KNOWN)
    assert not runs(place(key, value))


@given(st.sampled_from(PLACES), json)
@settings(max_examples=150, deadline=None)
def test_only_integers_are_integers(place: Any, value: Any):
    is_integer = (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value.is_integer()
    )
    assert runs(place("n", value)) is is_integer


@given(st.dictionaries(st.sampled_from([*KNOWN, "other"]), json))
@settings(max_examples=150, deadline=None)
def test_any_arguments_are_run_or_refused(arguments: dict[str, Any]):
    assert runs(arguments) in (True, False)
