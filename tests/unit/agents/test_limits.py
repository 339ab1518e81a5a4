"""Limits stop a run before they are exceeded, by name, and keep what there is."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi import Agent, Limits
from muxi.core.errors import LimitReached, PriceUnknown
from muxi.core.messages import TextPart, ToolResultPart
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.model import ModelProfile, Price
from muxi.models.scripted import Reply, ScriptedModel, call

PRICE = Price(input=Decimal(1), output=Decimal(10))


async def step() -> str:
    """One step."""
    return "ok"


def looping(profile: ModelProfile | None = None) -> ScriptedModel:
    return ScriptedModel(lambda request: call("step"), profile=profile)


async def test_a_model_that_calls_tools_for_ever_is_stopped_by_turns() -> None:
    model = looping()
    result = await Agent("loop", model, tools=[step], limits=Limits(turns=3)).run("go")
    assert (result.status, result.limit) == ("limited", "turns")
    assert len(model.requests) == 3
    with pytest.raises(LimitReached):
        _ = result.output


async def test_calls_beyond_the_limit_are_answered_as_cancelled_and_not_made() -> None:
    made: list[int] = []

    async def count() -> str:
        """Count."""
        made.append(1)
        return "ok"

    model = ScriptedModel([[call("count")] * 3])
    result = await Agent("many", model, tools=[count], limits=Limits(tool_calls=2)).run("go")
    assert (result.limit, len(made)) == ("tool_calls", 2)
    parts = [part for part in result.messages[-1].parts if isinstance(part, ToolResultPart)]
    assert [part.outcome for part in parts] == ["ok", "ok", "cancelled"]


async def test_refused_calls_count_so_that_a_loop_of_them_ends() -> None:
    model = ScriptedModel(lambda request: call("nothing"))
    result = await Agent("wrong", model, tools=[step], limits=Limits(turns=None, tool_calls=5)).run(
        "go"
    )
    assert result.limit == "tool_calls"


async def test_time_is_up_in_the_middle_of_an_answer_and_the_answer_is_kept() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    slow = Reply(parts=[TextPart(text="one two")], between=never)
    agent = Agent("slow", ScriptedModel([slow]), limits=Limits(seconds=1))
    result = await asyncio.wait_for(agent.run("go"), 60)
    assert (result.status, result.limit, result.text) == ("limited", "seconds", "one ")
    assert result.messages[-1].status == "partial"


async def test_time_is_up_while_a_tool_works() -> None:
    async def hang() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return ""

    model = ScriptedModel([call("hang"), "never"])
    agent = Agent("slow", model, tools=[hang], limits=Limits(seconds=1))
    result = await asyncio.wait_for(agent.run("go"), 60)
    assert (result.status, result.limit) == ("limited", "seconds")
    assert len(model.requests) == 1


async def test_a_model_is_told_how_long_its_answer_may_be() -> None:
    model = ScriptedModel(["short"])
    await Agent("brief", model, limits=Limits(output_tokens=7)).run("go")
    assert model.requests[0].settings.max_tokens == 7


async def test_an_answer_cut_by_a_limit_is_kept_and_named() -> None:
    cut = Reply(
        parts=[TextPart(text="so far")],
        stop_reason="length",
        usage=Usage(requests=1, input_tokens=5, output_tokens=7),
    )
    result = await Agent("brief", ScriptedModel([cut]), limits=Limits(output_tokens=7)).run("go")
    assert (result.status, result.limit, result.text) == ("limited", "output_tokens", "so far")


async def test_a_prompt_that_would_exceed_the_limit_is_never_sent() -> None:
    model = ScriptedModel(["never"])
    result = await Agent("full", model, limits=Limits(input_tokens=10)).run("word " * 100)
    assert (result.limit, len(model.requests)) == ("input_tokens", 0)


def test_a_cost_limit_needs_a_price() -> None:
    model = ScriptedModel(["x"], profile=ModelProfile(price=None))
    with pytest.raises(PriceUnknown):
        Agent("dear", model, limits=Limits(cost=Decimal(1)))


@given(
    cost=st.integers(1, 400).map(lambda micro: Decimal(micro) / 1_000_000),
    prompt=st.integers(0, 60),
    total=st.none() | st.integers(1, 120),
)
def test_no_limit_of_tokens_or_money_is_ever_exceeded(
    cost: Decimal, prompt: int, total: int | None
) -> None:
    """The model uses all that it is allowed, on every turn, for as long as it may."""

    def greedy(request: ModelRequest) -> Reply:
        used = sum(model.count(message) for message in request.messages)
        used += sum(
            model.count_text(f"{s.name} {s.description} {s.parameters}") for s in request.tools
        )
        answer = min(request.settings.max_tokens or 25, 25)
        usage = Usage(requests=1, input_tokens=used, output_tokens=answer)
        return Reply(parts=[call("step")], usage=usage)

    model = ScriptedModel(greedy, profile=ModelProfile(price=PRICE))
    limits = Limits(cost=cost, total_tokens=total, turns=30)
    agent = Agent("greedy", model, tools=[step], limits=limits)
    result = asyncio.run(agent.run("x" * prompt))
    assert result.status == "limited"
    assert result.usage.cost is not None
    assert result.usage.cost <= cost
    assert total is None or result.usage.total_tokens <= total
