"""The embedded model's events, with a scripted engine in place of the real one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from muxi.core.events import ResponseCompleted, TextDelta, ToolCallDelta, ToolCallStarted
from muxi.core.messages import Message, TextPart, ToolCallPart, ToolResultPart, user_message
from muxi.core.requests import ModelRequest, ModelSettings, OutputSchema, ToolSpec
from muxi.models.embedded.engine import Engine, Piece, default_threads
from muxi.models.embedded.model import EmbeddedModel
from muxi.models.embedded.static import StaticEmbedder

WEATHER = ToolSpec(
    name="weather",
    description="Get the weather for a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)
ORDER = ToolSpec(
    name="order_status",
    description="Status of an order.",
    parameters={
        "type": "object",
        "properties": {"order_id": {"type": "integer"}},
        "required": ["order_id"],
    },
)


class Scripted:
    """What the engine was asked, and whether its stream was closed early."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.answers: list[str] = []
        """What it says before, one a call."""
        self.bodies: list[dict[str, Any]] = []
        self.closed = False

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[Piece]:
        self.bodies.append(body)
        try:
            text = self.answers.pop(0) if self.answers else self.answer
            for word in text.split(" "):
                yield Piece(word)
            yield Piece(stop="stop", input_tokens=7, output_tokens=3)
        finally:
            self.closed = True


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    script = Scripted("one two three")
    monkeypatch.setattr(Engine, "stream", script.stream)
    return script


@pytest.fixture
def model(tmp_path: Path) -> EmbeddedModel:
    return EmbeddedModel(tmp_path / "own.gguf", encoder=StaticEmbedder())


async def events(model: EmbeddedModel, request: ModelRequest) -> list[Any]:
    return [event async for event in model.stream(request)]


async def test_plain_talk_streams_word_by_word(model: EmbeddedModel, scripted: Scripted) -> None:
    request = ModelRequest(messages=[user_message("Hello!")], tools=(WEATHER,))
    *deltas, last = await events(model, request)
    assert [delta.text for delta in deltas] == ["one", "two", "three"]
    assert isinstance(last, ResponseCompleted)
    assert (last.stop_reason, last.usage.input_tokens, last.usage.output_tokens) == ("stop", 7, 3)
    assert last.model == "embedded/own"


async def test_a_tool_request_becomes_one_call(model: EmbeddedModel, scripted: Scripted) -> None:
    asked = [user_message("What's the weather in Lima?")]
    started, delta, last = await events(model, ModelRequest(messages=asked, tools=(WEATHER,)))
    assert isinstance(started, ToolCallStarted)
    assert isinstance(delta, ToolCallDelta)
    assert json.loads(delta.text) == {"city": "Lima"}
    assert last.stop_reason == "tool_calls"
    assert last.parts[0].id == started.call_id
    assert scripted.bodies == []


async def test_what_no_span_gives_is_written_by_the_language_model_under_the_schema(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    scripted.answer = '{"order_id":5}'
    request = ModelRequest(
        messages=[user_message("where is my order?")], tools=(ORDER,), tool_choice="required"
    )
    *_, last = await events(model, request)
    assert last.parts[0].arguments == {"order_id": 5}
    schema = scripted.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["order_id"]


def _with_result(text: str, outcome: Any = "ok") -> list[Message]:
    call = ToolCallPart(id="c1", name="weather", arguments={"city": "Lima"})
    result = ToolResultPart(
        call_id="c1", name="weather", content=[TextPart(text=text)], outcome=outcome
    )
    return [
        user_message("What's the weather in Lima?"),
        Message(role="assistant", parts=[call]),
        Message(role="tool", parts=[result]),
    ]


async def test_a_short_result_is_the_answer(model: EmbeddedModel, scripted: Scripted) -> None:
    request = ModelRequest(messages=_with_result("18 degrees"), tools=(WEATHER,))
    delta, last = await events(model, request)
    assert isinstance(delta, TextDelta)
    assert (delta.text, last.parts[0].text, last.stop_reason) == ("18 degrees",) * 2 + ("stop",)


async def test_of_a_long_result_the_nearest_passage_is_told(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    filler = [f"Chapter {number} is about cooking potatoes and onions." for number in range(60)]
    text = "\n\n".join([*filler, "The weather in Lima is mild and grey.", *filler])
    *_, last = await events(model, ModelRequest(messages=_with_result(text), tools=(WEATHER,)))
    assert "mild and grey" in last.parts[0].text
    assert len(last.parts[0].text) < 1_200


async def test_a_failed_tool_is_reported_as_failed(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    request = ModelRequest(messages=_with_result("no route", "error"), tools=(WEATHER,))
    *_, last = await events(model, request)
    assert last.parts[0].text == "The tool weather failed: no route"


async def test_fields_that_nothing_gives_are_written_under_a_bounded_schema(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    fields = {"pieces": {"type": "integer"}, "weight": {"type": "number"}, "name": {"const": "x"}}
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    scripted.answer = '{"pieces":1,"weight":2.5}'
    scripted.answers = ["I do not know."]
    output = OutputSchema(name="thing", json_schema=schema)
    *deltas, last = await events(
        model, ModelRequest(messages=[user_message("Hello!")], output=output)
    )
    sent = scripted.bodies[1]["response_format"]["json_schema"]["schema"]
    assert list(sent["properties"]) == ["pieces", "weight"]
    assert sent["additionalProperties"] is False
    assert [delta.text for delta in deltas] == ['{"pieces":1,"weight":2.5,"name":"x"}']
    assert last.usage.output_tokens == 6


async def test_a_number_that_nothing_gives_is_read_off_the_models_own_words(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    schema = {"type": "object", "properties": {"legs": {"type": "integer"}}, "required": ["legs"]}
    scripted.answers = ["8"]
    request = ModelRequest(
        messages=[user_message("How many legs does a spider have?")],
        output=OutputSchema(name="x", json_schema=schema),
    )
    *_, last = await events(model, request)
    assert last.parts[0].text == '{"legs":8}'
    assert len(scripted.bodies) == 1


async def test_the_one_free_text_that_is_missing_is_talk(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    output = OutputSchema(name="reply", json_schema=schema | {"required": ["answer"]})
    *_, last = await events(
        model, ModelRequest(messages=[user_message("Why do birds sing?")], output=output)
    )
    assert "response_format" not in scripted.bodies[0]
    assert json.loads(last.parts[0].text) == {"answer": "onetwothree"}


async def test_settings_reach_the_engine(model: EmbeddedModel, scripted: Scripted) -> None:
    settings = ModelSettings(temperature=0.0, max_tokens=9, stop=("x",), seed=4)
    await events(model, ModelRequest(messages=[user_message("Hi")], settings=settings))
    body = scripted.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["stop"], body["seed"]) == (
        0.0,
        9,
        ["x"],
        4,
    )


async def test_closing_the_stream_closes_the_engine_s(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    stream = model.stream(ModelRequest(messages=[user_message("Hello!")]))
    await anext(stream)
    await stream.aclose()
    assert scripted.closed


async def test_a_long_conversation_keeps_its_latest_messages(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    messages = [
        Message(role="user" if i % 2 == 0 else "assistant", parts=[TextPart(text=f"{i} " * 400)])
        for i in range(41)
    ]
    await events(model, ModelRequest(messages=messages, instructions="Be kind."))
    system, *turns = scripted.bodies[0]["messages"]
    assert system == {"role": "system", "content": "Be kind."}
    assert turns[-1]["content"].startswith("40 ")
    assert len(turns) < 20


def test_one_core_is_left_free() -> None:
    assert default_threads() >= 1


async def test_an_answer_that_was_refused_is_written_anew_by_the_language_model(
    model: EmbeddedModel, scripted: Scripted
) -> None:
    schema = {"type": "object", "properties": {"pieces": {"type": "integer"}}}
    asked = user_message("There are 7 pieces.")
    again = user_message("The answer has the wrong shape. Answer again, in the right shape.")
    again.metadata["repair"] = True
    answered = Message(role="assistant", parts=[TextPart(text='{"pieces":7}')])
    scripted.answer = '{"pieces":8}'
    output = OutputSchema(name="x", json_schema=schema | {"required": ["pieces"]})
    request = ModelRequest(messages=[asked, answered, again], output=output, tools=(WEATHER,))
    *_, last = await events(model, request)
    assert last.parts[0].text == '{"pieces":8}'
    assert scripted.bodies[0]["response_format"]["json_schema"]["schema"]["required"] == ["pieces"]
