from __future__ import annotations

import asyncio

import pytest

from muxi.core.errors import ModelError, ModelRateLimited
from muxi.core.events import ModelEvent, ResponseCompleted, TextDelta
from muxi.core.messages import (
    ImagePart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    user_message,
)
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.scripted import NO_MODEL, Gate, Reply, ScriptedModel, call, echo_model

ASK = ModelRequest(messages=[user_message("Say it.")], instructions="Be brief.")


async def collect(model: ScriptedModel) -> list[ModelEvent]:
    return [event async for event in model.stream(ASK)]


def end(events: list[ModelEvent]) -> ResponseCompleted:
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    return done


async def test_answers_come_in_order_and_in_words():
    model = ScriptedModel(["one two", "three"])
    events = await collect(model)
    assert events[:-1] == [TextDelta(text="one "), TextDelta(text="two")]
    assert end(await collect(model)).parts == [TextPart(text="three")]
    with pytest.raises(ModelError, match="over"):
        await collect(model)
    assert len(model.requests) == 3


@pytest.mark.parametrize("text", ["", "   ", "a\n\n  b ", "x"])
async def test_the_pieces_of_a_text_are_the_text(text: str):
    for piece in (None, 1, 3):
        events = await collect(ScriptedModel([text], piece=piece))
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == text


async def test_calls_thoughts_and_refusals_can_be_scripted():
    parts = [ReasoningPart(text="hm"), TextPart(text="Look:"), call("add", a=1), call("add", a=2)]
    events = await collect(ScriptedModel([parts]))
    assert [event.type for event in events] == [
        "reasoning.delta",
        "text.delta",
        "tool_call.started",
        "tool_call.delta",
        "tool_call.started",
        "tool_call.delta",
        "response.completed",
    ]
    calls = [part for part in end(events).parts if isinstance(part, ToolCallPart)]
    assert [each.arguments for each in calls] == [{"a": 1}, {"a": 2}]
    assert calls[0].id != calls[1].id
    assert end(events).stop_reason == "tool_calls"
    refusal = await collect(ScriptedModel([[RefusalPart(text="No.")]]))
    assert end(refusal).stop_reason == "refusal"
    assert end(await collect(ScriptedModel([call("x", "mine")]))).parts[0] == call("x", "mine")


async def test_an_error_is_raised_before_or_after_the_parts():
    with pytest.raises(ModelRateLimited):
        await collect(ScriptedModel([ModelRateLimited("slow")]))
    reply = Reply(parts=[TextPart(text="a")], error=ModelRateLimited("slow"))
    events = ScriptedModel([reply]).stream(ASK)
    assert await anext(events) == TextDelta(text="a")
    with pytest.raises(ModelRateLimited):
        await anext(events)


async def test_a_function_may_answer_now_or_later():
    async def later(request: ModelRequest) -> str:
        await asyncio.sleep(0)
        return request.instructions

    assert end(await collect(ScriptedModel(later))).parts == [TextPart(text="Be brief.")]
    model = ScriptedModel(lambda request: request.messages[-1].text)
    assert end(await collect(model)).parts == [TextPart(text="Say it.")]


async def test_an_answer_can_be_held_back_event_by_event():
    gate, before = Gate(), asyncio.Event()
    reply = Reply(parts=[TextPart(text="one two three")], before=before, between=gate.wait)
    seen: list[ModelEvent] = []
    came = asyncio.Event()

    async def read() -> None:
        async for event in ScriptedModel([reply]).stream(ASK):
            seen.append(event)
            came.set()

    task = asyncio.create_task(read())
    before.set()
    await asyncio.wait_for(came.wait(), 60)
    assert seen == [TextDelta(text="one ")]
    gate.open(2)
    await asyncio.wait_for(task, 60)
    assert len(seen) == 4


async def test_usage_is_counted_or_given():
    counted = end(await collect(ScriptedModel(["four"]))).usage
    assert (counted.requests, counted.output_tokens) == (1, 1)
    assert counted.input_tokens > 0
    given = Usage(requests=1, input_tokens=7)
    done = end(await collect(ScriptedModel([Reply(usage=given)])))
    assert done.usage == given
    assert done.usage is not given
    image = [ImagePart(media_type="image/png", data=b"x")]
    assert end(await collect(ScriptedModel([image]))).parts == image


async def test_without_a_model_the_user_is_told_so_and_repeated():
    model = echo_model()
    done = end(await collect(model))
    assert done.parts == [TextPart(text=f"{NO_MODEL} You said: Say it.")]
    assert model.profile.small
    await model.close()


def test_the_doubles_are_public():
    import muxi.testing

    assert muxi.testing.ScriptedModel is ScriptedModel
