"""Guardrails block, rewrite and ask, on both sides of a run, and nothing leaks past them."""

from __future__ import annotations

import asyncio

import pytest

from muxi import Agent, Guardrail
from muxi.agents.guardrails import Ask, Block, Finding, Rewrite
from muxi.core.errors import GuardrailBlocked
from muxi.core.events import Event, GuardrailTripped, MessageCompleted, TextDelta
from muxi.models.scripted import ScriptedModel, call


def finds(word: str, finding: Finding) -> Guardrail:
    return Guardrail(lambda text: finding if word in text else None, name=f"no {word}")


def on_output(rail: Guardrail, *, hold: bool = True) -> Guardrail:
    return Guardrail(rail.check, side="output", name=rail.name, hold=hold)


async def events_of(agent: Agent[str], text: str) -> list[Event]:
    return [event async for event in agent.stream(text)]


async def test_a_blocked_input_ends_the_run_before_anything_is_said() -> None:
    agent = Agent("a", ScriptedModel(["never heard"]), guardrails=[finds("bad", Block("no"))])
    events = await events_of(agent, "something bad")
    assert [event.type for event in events] == ["run.started", "guardrail.tripped", "run.completed"]
    result_agent = Agent("a", ScriptedModel(["x"]), guardrails=[finds("bad", Block("no"))])
    result = await result_agent.run("bad")
    assert result.status == "blocked"
    with pytest.raises(GuardrailBlocked, match="no bad stopped the run: no"):
        _ = result.output


async def test_the_model_works_beside_the_guardrail_and_not_after_it() -> None:
    asked = asyncio.Event()

    async def slow(text: str) -> Finding:
        await asyncio.wait_for(asked.wait(), 60)
        return None

    def answer(request: object) -> str:
        asked.set()
        return "both at once"

    result = await Agent("a", ScriptedModel(answer), guardrails=[Guardrail(slow)]).run("go")
    assert result.output == "both at once"


async def test_a_guardrail_that_blocks_does_not_wait_for_a_slow_model() -> None:
    from muxi.models.scripted import Reply

    stuck = Reply(parts=[], before=asyncio.Event())
    agent = Agent("a", ScriptedModel([stuck]), guardrails=[finds("bad", Block("no"))])
    result = await asyncio.wait_for(agent.run("bad"), 60)
    assert result.status == "blocked"


async def test_a_rewritten_input_is_what_the_model_sees() -> None:
    model = ScriptedModel(["first", "second"])
    rail = finds("4242", Rewrite("my card is [card]", "card number"))
    result = await Agent("a", model, guardrails=[rail]).run("my card is 4242")
    assert model.requests[-1].messages[-1].text == "my card is [card]"
    assert result.output == "second"


async def test_no_tool_is_called_before_the_input_has_passed() -> None:
    made: list[str] = []

    async def act() -> str:
        """Act."""
        made.append("acted")
        return "ok"

    model = ScriptedModel([call("act")])
    agent = Agent("a", model, tools=[act], guardrails=[finds("bad", Block("no"))])
    assert (await agent.run("bad")).status == "blocked"
    assert made == []


async def test_a_held_answer_is_seen_only_as_rewritten() -> None:
    rail = on_output(finds("secret", Rewrite("nothing to see", "leak")))
    events = await events_of(Agent("a", ScriptedModel(["a secret"]), guardrails=[rail]), "go")
    shown = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert shown == "nothing to see"
    assert "secret" not in "".join(
        event.message.text for event in events if isinstance(event, MessageCompleted)
    )


async def test_a_blocked_answer_is_neither_shown_nor_kept() -> None:
    rail = on_output(finds("secret", Block("leak")))
    agent = Agent("a", ScriptedModel(["a secret"]), guardrails=[rail])
    result = await agent.run("go")
    assert (result.status, result.text, len(result.messages)) == ("blocked", "", 1)


async def test_without_hold_the_text_streams_and_the_message_has_the_last_word() -> None:
    rail = on_output(finds("secret", Rewrite("nothing", "leak")), hold=False)
    events = await events_of(Agent("a", ScriptedModel(["a secret"]), guardrails=[rail]), "go")
    assert any(isinstance(event, TextDelta) for event in events)
    completed = next(event for event in events if isinstance(event, MessageCompleted))
    assert completed.message.text == "nothing"


async def test_a_person_may_let_an_input_pass() -> None:
    agent = Agent("a", ScriptedModel(["first", "hello"]), guardrails=[finds("odd", Ask("really?"))])
    waiting = await agent.run("odd")
    assert waiting.status == "waiting"
    done = await agent.resume(waiting, {waiting.approvals[0].id: "approve"})
    assert done.output == "hello"


async def test_a_person_may_refuse_an_input() -> None:
    agent = Agent("a", ScriptedModel(["x"]), guardrails=[finds("odd", Ask("really?"))])
    waiting = await agent.run("odd")
    done = await agent.resume(waiting, {waiting.approvals[0].id: "deny"})
    assert done.status == "blocked"


async def test_a_held_answer_that_a_person_passes_is_the_same_answer() -> None:
    model = ScriptedModel(["a secret"])
    agent = Agent("a", model, guardrails=[on_output(finds("secret", Ask("leak?")))])
    waiting = await agent.run("go")
    assert waiting.status == "waiting"
    done = await agent.resume(waiting, {waiting.approvals[0].id: "approve"})
    assert done.output == "a secret"
    assert len(model.requests) == 1


async def test_the_gravest_finding_decides_and_all_are_told() -> None:
    rails = [finds("x", Rewrite("y", "r")), finds("x", Block("b"))]
    events = await events_of(Agent("a", ScriptedModel(["z"]), guardrails=rails), "x")
    told = [event.action for event in events if isinstance(event, GuardrailTripped)]
    assert told == ["rewrite", "block"]
    assert events[-1].model_dump()["status"] == "blocked"


async def test_a_check_may_take_the_context() -> None:
    seen: list[str] = []

    async def check(text: str, ctx: object) -> Finding:
        seen.append(ctx.agent)  # type: ignore[attr-defined] -- a RunContext
        return None

    await Agent("named", ScriptedModel(["ok"]), guardrails=[Guardrail(check)]).run("go")
    assert seen == ["named"]
