"""`@tool`: what a model is told of a function, and which arguments reach it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from muxi.core.context import RunContext
from muxi.core.errors import (
    ConfigError,
    RunCancelled,
    SecretMissing,
    ToolArgumentsInvalid,
    ToolFailed,
)
from muxi.core.messages import TextPart
from muxi.core.requests import ToolExample
from muxi.tools.function import FunctionTool, as_tool, tool
from muxi.tools.function_toolset import FunctionToolset

CTX: RunContext[Any] = RunContext(deps=None)


def properties(made: FunctionTool[..., Any]) -> dict[str, Any]:
    return made.spec.parameters["properties"]


async def text(made: FunctionTool[..., Any], **arguments: Any) -> str:
    (part,) = await made.run(arguments, CTX)
    assert isinstance(part, TextPart)
    return part.text


async def refused(made: FunctionTool[..., Any], **arguments: Any) -> str:
    with pytest.raises(ToolArgumentsInvalid) as caught:
        await made.run(arguments, CTX)
    return caught.value.message


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    number: int = 1


@dataclass
class Point:
    x: float
    y: float = 0.0


class Options(TypedDict):
    deep: bool


@tool
def place(
    name: str,
    colour: Colour,
    address: Address,
    when: datetime,
    *,
    point: Point | None = None,
    options: Options | None = None,
    size: Literal["s", "m"] = "m",
    tags: Annotated[list[str], Field(max_length=2)] = [],  # noqa: B006 -- never changed
    price: Decimal = Decimal(1),
) -> str:
    """Put something somewhere.

    It stays there.

    Args:
        name: What it is called.
        size: How large
            it is.
    """
    return repr((name, colour, address, when, point, options, size, tags, price))


class Desk:
    """Something with a method that is a tool."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    @tool(description="Who owns it.")
    def own(self, loudly: bool = False) -> str:
        return self.owner.upper() if loudly else self.owner


@tool
async def count(ctx: RunContext[Any], upto: int) -> int:
    return upto + (ctx.attempt - 1)


def test_a_tool_stays_callable_as_the_function_it_was():
    @tool
    def double(number: int) -> int:
        return 2 * number

    assert double(4) == 8
    assert double.__name__ == "double"


def test_the_docstring_describes_the_tool_and_its_parameters():
    assert place.spec.name == "place"
    assert place.spec.description == "Put something somewhere.\n\nIt stays there."
    assert properties(place)["name"]["description"] == "What it is called."
    assert properties(place)["size"]["description"] == "How large it is."


@pytest.mark.parametrize(
    "docstring",
    [
        "Say it.\n\nArgs:\n    word: The word.\n\nReturns:\n    What was said.",
        "Say it.\n\nParameters\n----------\nword : str\n    The word.\n",
        "Say it.\n\n:param word: The word.\n:returns: What was said.",
    ],
    ids=["google", "numpy", "sphinx"],
)
def test_every_usual_style_of_docstring_is_read(docstring: str):
    def say(word: str) -> str:
        return word

    say.__doc__ = docstring
    spec = as_tool(say).spec
    assert spec.description == "Say it."
    assert spec.parameters["properties"]["word"]["description"] == "The word."


def test_the_schema_follows_the_annotations():
    schema = place.spec.parameters
    assert schema["required"] == ["name", "colour", "address", "when"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["size"]["enum"] == ["s", "m"]
    assert schema["properties"]["size"]["default"] == "m"
    assert schema["properties"]["tags"]["maxItems"] == 2
    assert schema["properties"]["when"]["format"] == "date-time"
    assert schema["$defs"]["Address"]["additionalProperties"] is False
    assert "title" not in schema["$defs"]["Address"]["properties"]["street"]


async def test_arguments_become_the_annotated_types():
    @tool
    async def kinds(a: Address, c: Colour, d: date, p: Point, o: Options) -> str:
        return f"{type(a).__name__} {c} {d.year} {p.x + p.y} {o['deep']}"

    given = {
        "a": {"street": "x"},
        "c": "red",
        "d": "2025-01-02",
        "p": {"x": 1},
        "o": {"deep": True},
    }
    assert await text(kinds, **given) == "Address Colour.RED 2025 1.0 True"


async def test_defaults_stay_with_the_function():
    @tool
    async def greet(name: str = "you", times: int = 2) -> str:
        return name * times

    assert await text(greet) == "youyou"


async def test_a_parameter_may_be_declared_with_field():
    @tool
    async def near(radius: int = Field(default=5, ge=1, description="In km.")) -> int:
        return radius

    assert properties(near)["radius"]["description"] == "In km."
    assert await text(near) == "5"
    assert "greater than or equal to 1" in await refused(near, radius=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"upto": "5"}, '`upto`: found the string "5", expected a valid integer'),
        ({"upto": True}, "`upto`: found the boolean true, expected a valid integer"),
        ({"upto": None}, "`upto`: found null, expected a valid integer"),
        ({"upto": 1.5}, "`upto`: found the number 1.5, expected a valid integer"),
        ({}, "`upto`: missing"),
        ({"upto": 1, "uptoo": 2}, "`uptoo`: unknown key; did you mean `upto`?"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_in_words_a_model_can_act_on(
    arguments: dict[str, Any], words: str
):
    message = await refused(count, **arguments)
    assert words in message
    assert "Its arguments are: `upto` (required)." in message


async def test_unknown_keys_are_refused_at_any_depth():
    @tool
    async def move(address: Address) -> str:
        return address.street

    message = await refused(move, address={"street": "x", "floor": 3})
    assert "`address.floor`: unknown key" in message


async def test_a_nested_model_may_say_that_it_takes_further_keys():
    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    @tool
    async def loose(thing: Loose) -> Any:
        return thing.model_dump()

    assert await text(loose, thing={"a": 1, "b": 2}) == '{"a":1,"b":2}'
    assert "`other`: unknown key" in await refused(loose, thing={"a": 1}, other=1)


async def test_every_mistake_is_told_at_once():
    message = await refused(place, name=1, colour="green", address={}, size="xl", tags=["a"] * 3)
    for key in ("name", "colour", "address.street", "when", "size", "tags"):
        assert f"`{key}`" in message


async def test_a_float_without_a_fraction_is_an_integer_as_json_schema_has_it():
    assert await text(count, upto=5.0) == "5"


async def test_lone_surrogates_and_nul_bytes_are_no_trouble():
    @tool
    async def echo(word: str) -> str:
        return word

    assert await text(echo, word="a\ud800b\x00") == "a\ufffdb\x00"


async def test_the_run_context_comes_first_and_is_not_shown():
    assert list(properties(count)) == ["upto"]

    class Mine(RunContext[int]):
        pass

    @tool
    async def own(ctx: Mine, word: str) -> str:
        return ctx.run_id + word

    assert list(properties(own)) == ["word"]
    assert await text(own, word="!") == CTX.run_id + "!"


def test_a_run_context_elsewhere_is_a_mistake():
    def late(word: str, ctx: RunContext[Any]) -> str:
        return word

    with pytest.raises(ConfigError, match="not the first parameter"):
        _ = as_tool(late).spec


def test_parameters_without_a_name_are_a_mistake():
    def many(*words: str) -> str:
        return ""

    def keyed(**words: str) -> str:
        return ""

    def placed(word: str, /) -> str:
        return ""

    for function in (many, keyed, placed):
        with pytest.raises(ConfigError, match="parameter"):
            _ = as_tool(function).spec


def test_a_generator_is_a_mistake():
    async def pieces(word: str):
        yield word

    with pytest.raises(ConfigError, match="generator"):
        _ = as_tool(pieces).spec


def test_a_type_without_a_json_form_is_a_mistake():
    def odd(lock: threading.Event) -> str:
        return ""

    with pytest.raises(ConfigError, match="no JSON form"):
        _ = as_tool(odd).spec


def test_an_annotation_that_cannot_be_found_is_named():
    def lost(thing: "Nowhere") -> str:  # noqa: F821, UP037 -- the mistake under test
        return ""

    with pytest.raises(ConfigError, match="Nowhere"):
        _ = as_tool(lost).spec


async def test_types_of_the_enclosing_function_are_found():
    class Inner(BaseModel):
        n: int

    class Holder:
        @tool
        def take(self, inner: Inner) -> int:
            return inner.n

    assert await text(Holder().take, inner={"n": 3}) == "3"


async def test_a_method_is_a_tool_of_its_object():
    ann, bob = Desk("ann"), Desk("bob")
    assert await text(ann.own) == "ann"
    assert await text(bob.own, loudly=True) == "BOB"
    assert ann.own.spec.parameters == bob.own.spec.parameters
    assert list(properties(ann.own)) == ["loudly"]
    assert ann.own(True) == "ANN"


async def test_bound_methods_partials_and_callable_objects_become_tools():
    class Plain:
        def add(self, a: int, b: int) -> int:
            """Add."""
            return a + b

        def __call__(self, a: int) -> int:
            return a

    assert await text(as_tool(Plain().add), a=1, b=2) == "3"
    partial = FunctionTool(functools.partial(Plain().add, b=5)).changed(name="add_five")
    assert await text(partial, a=1) == "6"
    with pytest.raises(ConfigError, match="no name"):
        _ = as_tool(functools.partial(Plain().add, b=5)).name
    assert await text(FunctionTool(Plain()).changed(name="same"), a=4) == "4"


async def test_a_sync_function_runs_in_a_worker_thread_with_the_context_variables():
    variable = contextvars.ContextVar("variable", default="unset")

    @tool
    def where() -> list[str]:
        return [threading.current_thread().name, variable.get()]

    variable.set("kept")
    assert await text(where) == '["muxi-tool","kept"]'


async def test_sync_functions_run_at_the_same_time():
    barrier = threading.Barrier(8, timeout=10)

    @tool
    def meet() -> int:
        return barrier.wait()

    results = await asyncio.gather(*(text(meet) for _ in range(8)))
    assert sorted(results) == [str(n) for n in range(8)]


async def test_a_cancelled_call_of_a_sync_function_returns_at_once():
    release = threading.Event()

    @tool
    def hang() -> str:
        release.wait(30)
        return "late"

    task = asyncio.create_task(hang.run({}, CTX))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


async def test_a_sync_function_may_give_something_to_await():
    async def later() -> str:
        return "now"

    @tool
    def start() -> Any:
        return later()

    assert await text(start) == "now"


@pytest.mark.parametrize("kind", [ValueError, KeyError, SystemExit, StopIteration])
async def test_whatever_a_tool_raises_is_told_in_its_words(kind: type[BaseException]):
    @tool
    def broken() -> str:
        raise kind("out of paper")

    with pytest.raises(ToolFailed, match="out of paper"):
        await broken.run({}, CTX)


async def test_an_endless_error_text_is_cut():
    @tool
    async def broken() -> str:
        raise ValueError("x" * 10_000_000)

    with pytest.raises(ToolFailed) as caught:
        await broken.run({}, CTX)
    assert len(caught.value.message) < 3_000


async def test_a_tools_own_refusals_pass_through():
    @tool
    async def picky(word: str) -> str:
        raise ToolArgumentsInvalid("Say please.")

    @tool
    async def gone() -> str:
        raise RunCancelled

    @tool
    async def keyless() -> str:
        raise SecretMissing("The secret K is not set.")

    with pytest.raises(ToolArgumentsInvalid, match="Say please"):
        await picky.run({"word": "x"}, CTX)
    with pytest.raises(RunCancelled):
        await gone.run({}, CTX)
    with pytest.raises(ToolFailed, match="The secret K is not set"):
        await keyless.run({}, CTX)


def test_options_reach_the_spec():
    @tool(
        name="other",
        description="Does.",
        timeout=None,
        retries=2,
        idempotent=True,
        approval=True,
        examples=[("Do it", {"a": 1}), ToolExample(request="Again", arguments={"a": 2})],
        version="3",
        max_bytes=10,
    )
    def do(a: int) -> str:
        return ""

    spec = do.spec
    assert (spec.name, spec.description, spec.version) == ("other", "Does.", "3")
    assert (spec.timeout, spec.retries, spec.max_bytes) == (None, 2, 10)
    assert spec.idempotent
    assert spec.approval
    assert [example.arguments for example in spec.examples] == [{"a": 1}, {"a": 2}]


def test_renaming_keeps_what_is_not_named():
    other = count.changed(name="number", approval=True)
    assert other.spec.name == "number"
    assert other.spec.approval
    assert other.spec.timeout == count.spec.timeout
    assert count.spec.name == "count"


def test_a_schema_is_read_once_a_function():
    def plain(a: int) -> int:
        return a

    assert as_tool(plain).spec is as_tool(plain).spec
    assert place.spec is place.spec


async def test_a_toolset_of_functions_is_cheap_until_it_is_used_and_gives_the_same_specs():
    read: list[str] = []

    class Watched:
        __name__ = "watched"

        def __call__(self, a: int) -> int:
            return a

        def __getattribute__(self, name: str) -> Any:
            read.append(name)
            return super().__getattribute__(name)

    tools = FunctionToolset([Watched(), count])
    assert read == []
    assert await tools.specs(CTX) is await tools.specs(CTX)
    assert [spec.name for spec in await tools.specs(CTX)] == ["watched", "count"]


async def test_two_functions_of_one_name_are_a_mistake():
    with pytest.raises(ConfigError, match="Two tools are called `count`"):
        await FunctionToolset([count, count.changed(name="count", approval=True)]).specs(CTX)
