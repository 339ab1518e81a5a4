"""What a run does from its first event to its last, through `Agent`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from muxi import Agent, RunContext, tool
from muxi.core.context import CancelSignal
from muxi.core.errors import (
    InvalidInput,
    ModelConnectionError,
    ModelUnavailable,
    OutputInvalid,
    RunWaiting,
    ToolError,
)
from muxi.core.events import Event, MessageCompleted, RunCompleted, TextDelta, ToolCompleted
from muxi.core.messages import Message, TextPart, ToolCallPart, ToolResultPart, user_message
from muxi.models.scripted import Gate, Reply, ScriptedModel, call


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def collect(agent: Agent[str], text: str = "hi") -> list[Event]:
    return [event async for event in agent.stream(text)]


def results(message: Message) -> list[ToolResultPart]:
    return [part for part in message.parts if isinstance(part, ToolResultPart)]


async def test_a_plain_answer_streams_and_is_kept_as_one_message() -> None:
    agent = Agent("plain", ScriptedModel(["Good morning to you"]))
    events = await collect(agent)
    assert [event.type for event in events] == [
        "run.started",
        "message.started",
        *["text.delta"] * 4,
        "message.completed",
        "run.completed",
    ]
    streamed = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert streamed == "Good morning to you"
    end = events[-1]
    assert isinstance(end, RunCompleted)
    assert (end.status, end.text) == ("completed", "Good morning to you")


async def test_the_result_holds_the_conversation_and_goes_into_the_next_run() -> None:
    model = ScriptedModel(["Noted, Ada.", "You are Ada."])
    agent = Agent("memory", model)
    first = await agent.run("I am Ada")
    second = await agent.run("Who am I?", history=first.messages)
    assert second.output == "You are Ada."
    shown = [message.text for message in model.requests[1].messages]
    assert shown == ["I am Ada", "Noted, Ada.", "Who am I?"]


async def test_calls_of_one_answer_run_at_the_same_time_and_answer_in_order() -> None:
    met = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        """Wait for the other."""
        await met.wait()
        return name

    model = ScriptedModel([[call("meet", name="a"), call("meet", name="b")], "met"])
    result = await Agent("two", model, tools=[meet]).run("go")
    assert [part.text for part in results(result.messages[2])] == ["a", "b"]
    assert result.usage.tool_calls == 2


async def test_mistakes_of_a_model_are_told_to_it_and_the_run_goes_on() -> None:
    malformed = ToolCallPart(id="x", name="add", malformed="{a: 1")
    model = ScriptedModel([[call("add", a="one"), call("subtract", a=1), malformed], "I gave up."])
    result = await Agent("clumsy", model, tools=[add]).run("go")
    wrong, unknown, broken = results(result.messages[2])
    assert {part.outcome for part in (wrong, unknown, broken)} == {"error"}
    assert "`a`" in wrong.text
    assert "no tool called subtract" in unknown.text
    assert "add" in unknown.text
    assert "not a JSON object" in broken.text
    assert result.status == "completed"


async def test_a_tool_that_raises_gives_the_model_its_words_and_not_a_crash() -> None:
    def explode() -> str:
        """Explode."""
        raise ValueError("the fuse was lit")

    model = ScriptedModel([call("explode"), "It exploded."])
    result = await Agent("bomb", model, tools=[explode]).run("go")
    assert "the fuse was lit" in results(result.messages[2])[0].text
    assert result.text == "It exploded."


async def test_a_tool_that_hangs_is_stopped_at_its_timeout() -> None:
    cancelled = asyncio.Event()

    @tool(timeout=0.05)
    async def hang() -> str:
        """Hang."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    model = ScriptedModel([call("hang"), "It hung."])
    result = await Agent("patient", model, tools=[hang]).run("go")
    assert "longer than 0.05 s" in results(result.messages[2])[0].text
    assert cancelled.is_set()


async def test_a_failing_tool_is_retried_as_often_as_it_allows() -> None:
    tries: list[int] = []

    @tool(retries=2)
    async def flaky() -> str:
        """Fail at first."""
        tries.append(1)
        if len(tries) < 2:
            raise OSError("not yet")
        return "now"

    result = await Agent("again", ScriptedModel([call("flaky"), "ok"]), tools=[flaky]).run("go")
    assert results(result.messages[2])[0].text == "now"
    assert len(tries) == 2


async def test_a_tool_receives_the_context_with_deps_and_a_stable_key() -> None:
    seen: list[RunContext[str]] = []

    async def look(ctx: RunContext[str], what: str) -> str:
        """Look."""
        seen.append(ctx)
        return ctx.deps + what

    model = ScriptedModel([call("look", what="!"), "done"])
    result = await Agent("seer", model, tools=[look]).run("go", deps="deps")
    assert results(result.messages[2])[0].text == "deps!"
    assert seen[0].run_id == result.ctx.run_id
    assert seen[0].idempotency_key is not None
    assert seen[0].agent == "seer"


async def test_two_tools_of_one_name_are_refused_in_words() -> None:
    from muxi.tools.function_toolset import FunctionToolset

    agent = Agent("twins", ScriptedModel(["x"]), tools=[add, FunctionToolset([add])])
    with pytest.raises(ToolError, match="Two tools are called add"):
        await agent.run("go")


async def test_an_error_of_the_provider_is_raised_by_run_and_the_last_event_of_stream() -> None:
    failing = ModelUnavailable("upstream is down", status=503, provider="scripted")
    agent = Agent("unlucky", ScriptedModel([failing, failing]))
    with pytest.raises(ModelUnavailable, match="upstream is down") as caught:
        await agent.run("go")
    assert caught.value.details["status"] == 503
    end = (await collect(agent))[-1]
    assert isinstance(end, RunCompleted)
    assert end.problem is not None
    assert (end.status, end.problem.code) == ("failed", "model_unavailable")


async def test_what_came_before_a_cut_is_kept_as_a_partial_message_without_calls() -> None:
    cut = Reply(
        parts=[TextPart(text="Half an "), call("add", a=1, b=2)],
        error=ModelConnectionError("cut"),
    )
    events = await collect(Agent("cut", ScriptedModel([cut]), tools=[add]))
    partial = next(event.message for event in events if isinstance(event, MessageCompleted))
    assert (partial.status, partial.text, partial.tool_calls) == ("partial", "Half an ", [])


async def test_a_cancel_ends_the_run_in_good_order_with_what_was_said() -> None:
    gate = Gate()
    gate.open(1)
    agent = Agent(
        "talker", ScriptedModel([Reply(parts=[TextPart(text="one two three")], between=gate.wait)])
    )
    cancel = CancelSignal()
    said = asyncio.Event()
    events: list[Event] = []

    async def read() -> None:
        async for event in agent.stream("go", cancel=cancel):
            events.append(event)
            if isinstance(event, TextDelta) and event.text.startswith("two"):
                said.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(said.wait(), 60)
    cancel.cancel()
    task.cancel()
    await asyncio.wait_for(task, 60)
    partial, end = events[-2:]
    assert isinstance(partial, MessageCompleted)
    assert isinstance(end, RunCompleted)
    assert (partial.message.status, partial.message.text) == ("partial", "one two ")
    assert end.status == "cancelled"


async def test_a_cancel_during_a_tool_call_stops_the_tool_and_answers_its_call() -> None:
    began, stopped = asyncio.Event(), asyncio.Event()

    async def wait() -> str:
        """Wait."""
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    agent = Agent("waiter", ScriptedModel([call("wait")]), tools=[wait])
    cancel = CancelSignal()
    task = asyncio.create_task(agent.run("go", cancel=cancel))
    await asyncio.wait_for(began.wait(), 60)
    cancel.cancel()
    task.cancel()
    result = await asyncio.wait_for(task, 60)
    assert stopped.is_set()
    assert result.status == "cancelled"
    assert results(result.messages[-1])[0].outcome == "cancelled"


async def test_an_unannounced_cancel_is_passed_on() -> None:
    agent = Agent("stuck", ScriptedModel([Reply(parts=[], before=asyncio.Event())]))
    task = asyncio.create_task(agent.run("go"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_a_stream_early_stops_the_model() -> None:
    model = ScriptedModel(["one two three four"])
    async with aclosing(Agent("early", model).stream("go")) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert len(model.requests) == 1


async def test_a_call_that_needs_approval_waits_and_goes_on_with_the_answer() -> None:
    made: list[str] = []

    @tool(approval=True)
    async def send(to: str) -> str:
        """Send."""
        made.append(to)
        return f"sent to {to}"

    model = ScriptedModel([[call("send", to="ada"), call("send", to="bob")], "Sent one."])
    agent = Agent("post", model, tools=[send])
    waiting = await agent.run("send")
    assert (waiting.status, made) == ("waiting", [])
    with pytest.raises(RunWaiting):
        _ = waiting.output
    ada, bob = waiting.approvals
    half = await agent.resume(waiting, {ada.id: "approve"})
    assert half.status == "waiting"
    assert [approval.id for approval in half.approvals] == [bob.id]
    assert made == ["ada"]
    done = await agent.resume(half, {bob.id: "deny"})
    assert done.output == "Sent one."
    assert made == ["ada"], "a finished call was made again"
    sent, refused = results(done.messages[2])
    assert (sent.outcome, refused.outcome) == ("ok", "denied")
    assert [message.role for message in done.messages] == ["user", "assistant", "tool", "assistant"]


async def test_edited_arguments_of_an_approval_are_the_ones_used() -> None:
    from muxi.core.events import ApprovalDecision

    @tool(approval=True)
    async def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    agent = Agent("cashier", ScriptedModel([call("pay", amount=100), "ok"]), tools=[pay])
    waiting = await agent.run("pay")
    edited = ApprovalDecision(decision="approve", arguments={"amount": 1})
    done = await agent.resume(waiting, {waiting.approvals[0].id: edited})
    told = 'A person changed the arguments of this call to {"amount": 1}.'
    assert results(done.messages[2])[0].text == f"{told}\npaid 1"


async def test_answers_to_approvals_that_nobody_asked_for_are_refused() -> None:
    agent = Agent("plain", ScriptedModel(["done"]))
    result = await agent.run("go")
    with pytest.raises(InvalidInput):
        await agent.resume(result, {"apr_x": "approve"})


class City(BaseModel):
    name: str
    people: int


@dataclass
class Point:
    x: float
    y: float


async def test_a_structured_answer_is_read_into_its_type() -> None:
    agent = Agent("geo", ScriptedModel(['{"name": "Oslo", "people": 700000}']), output=City)
    result = await agent.run("Oslo?")
    assert result.output == City(name="Oslo", people=700000)


@pytest.mark.parametrize(
    ("shape", "answer", "value"),
    [
        (Point, '{"x": 1, "y": 2}', Point(1.0, 2.0)),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (int, 'It is\n```json\n{"value": 3}\n```', 3),
        ({"type": "object", "required": ["a"]}, 'Sure: {"a": 1}', {"a": 1}),
    ],
)
async def test_any_shape_can_be_asked_for(shape: type, answer: str, value: object) -> None:
    result = await Agent("shapes", ScriptedModel([answer]), output=shape).run("go")
    assert result.output == value


async def test_an_answer_of_the_wrong_shape_is_repaired_with_the_reason() -> None:
    model = ScriptedModel(['{"name": "Oslo"}', '{"name": "Oslo", "people": 1}'])
    result = await Agent("geo", model, output=City).run("Oslo?")
    assert result.output.people == 1
    request = model.requests[1].messages[-1]
    assert "people" in request.text
    assert request.metadata == {"repair": True}


async def test_an_answer_that_stays_wrong_is_an_error_after_the_last_repair() -> None:
    model = ScriptedModel(["no", "still no", "never"])
    with pytest.raises(OutputInvalid, match="not JSON"):
        await Agent("geo", model, output=City).run("Oslo?")
    assert len(model.requests) == 3


def test_run_sync_works_with_and_without_a_running_loop() -> None:
    agent = Agent("sync", ScriptedModel(lambda request: "fine"))
    assert agent.run_sync("go").output == "fine"

    async def inside() -> str:
        return agent.run_sync("go").output

    assert asyncio.run(inside()) == "fine"


async def test_one_agent_serves_a_thousand_runs_at_once_without_mixing_them() -> None:
    def answer(request: object) -> str | ToolCallPart:
        messages = request.messages  # type: ignore[attr-defined] -- the double hands in a ModelRequest
        if messages[-1].role == "tool":
            return results(messages[-1])[0].text
        return call("add", a=int(messages[-1].text), b=1)

    async def plus(a: int, b: int) -> int:
        """Add."""
        await asyncio.sleep(0)
        return a + b

    agent = Agent("busy", ScriptedModel(answer), tools=[tool(name="add")(plus)])
    done = await asyncio.gather(*(agent.run(str(n)) for n in range(1000)))
    assert [result.output for result in done] == [str(n + 1) for n in range(1000)]


async def test_ids_that_a_provider_repeats_are_made_distinct() -> None:
    twice = [call("add", "call_0", a=1, b=1), call("add", "call_0", a=2, b=2)]
    result = await Agent("ids", ScriptedModel([twice, "ok"]), tools=[add]).run("go")
    first, second = results(result.messages[2])
    assert first.call_id != second.call_id
    assert [first.text, second.text] == ["2", "4"]


async def test_an_unanswered_call_in_the_history_is_answered_before_a_model_sees_it() -> None:
    model = ScriptedModel(["ok"])
    dangling = Message(role="assistant", parts=[call("add", "call_9", a=1, b=1)])
    await Agent("heir", model).run("go", history=[user_message("before"), dangling])
    shown = model.requests[0].messages
    assert [message.role for message in shown] == ["user", "assistant", "tool", "user"]
    assert results(shown[2])[0].outcome == "cancelled"


async def test_hostile_text_passes_unharmed() -> None:
    text = "emoji 🜁 RTL שלום NUL \0 and a lone \ud800 surrogate"
    model = ScriptedModel(["ok"])
    await Agent("calm", model).run(text)
    assert model.requests[0].messages[0].text == text.replace("\ud800", "\ufffd")


async def test_tool_events_tell_the_arguments_and_the_time_taken() -> None:
    events = await collect(Agent("t", ScriptedModel([call("add", a=1, b=2), "3"]), tools=[add]))
    done = next(event for event in events if isinstance(event, ToolCompleted))
    assert done.result.text == "3"
    assert done.seconds >= 0
    assert done.replayed is False
