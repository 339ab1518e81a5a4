"""Our request bodies have the shape that the SDKs' own types describe, and nothing besides."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from muxi.core.events import ResponseCompleted
from muxi.core.messages import Message, ToolCallPart, ToolResultPart
from muxi.core.requests import ModelRequest
from muxi.wire.anthropic import request as anthropic
from muxi.wire.anthropic.dialect import dialect_of as anthropic_dialect
from muxi.wire.chat_completions import request as chat_completions
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.gemini import request as gemini
from muxi.wire.gemini.dialect import dialect_of as gemini_dialect
from muxi.wire.responses import request as responses
from muxi.wire.responses.dialect import dialect_of as responses_dialect

from .composed import CASES
from .questions import HI, QUESTIONS, TOOLS
from .test_chunking import read


def _anthropic(model: str) -> Any:
    return anthropic.RequestEncoder(model, anthropic_dialect(model), max_tokens=8192)


ENCODERS: dict[str, tuple[str, Callable[[ModelRequest], bytes]]] = {
    "gpt-4o": ("chat", chat_completions.RequestEncoder("gpt-4o", Quirks()).encode),
    "gpt-4.1": (
        "responses",
        responses.RequestEncoder("gpt-4.1", responses_dialect("gpt-4.1")).encode,
    ),
    "gpt-5": ("responses", responses.RequestEncoder("gpt-5", responses_dialect("gpt-5")).encode),
    **{
        name: ("anthropic", _anthropic(name).encode)
        for name in (
            "claude-3-7-sonnet-latest",
            "claude-sonnet-4-5",
            "claude-opus-5",
            "claude-opus-5-5",
            "kimi-k2",
        )
    },
    **{
        name: ("gemini", gemini.RequestEncoder(gemini_dialect(name)).encode)
        for name in ("gemini-2.5-flash", "gemini-3-pro-preview")
    },
}


DROPPED = {"anthropic": {"temperature", "top_p"}}
"""Keys that the newest models refuse and the SDK's types no longer name; older models take them."""


@pytest.fixture(scope="session")
def conforms() -> Callable[[str, Any], None]:
    """Raises unless a body has the shape that the SDK of that format describes."""
    from anthropic.types.beta import BetaThinkingConfigAdaptiveParam
    from anthropic.types.message_create_params import MessageCreateParamsStreaming
    from google.genai import types
    from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
    from pydantic import TypeAdapter

    typed = {
        "chat": TypeAdapter[Any](CompletionCreateParamsStreaming),
        "responses": TypeAdapter[Any](ResponseCreateParamsStreaming),
        "anthropic": TypeAdapter[Any](MessageCreateParamsStreaming),
    }

    thinking = TypeAdapter[Any](BetaThinkingConfigAdaptiveParam)

    def check(format_: str, body: Any) -> None:
        if "block_binding" in body.get("thinking", {}):
            # A matter of the header for betas, and so of other types.
            assert thinking.validate_python(body["thinking"]) == body["thinking"]
            del body["thinking"]["block_binding"]
        if format_ != "gemini":
            # A key that the types do not know is dropped, and so is missed here.
            seen = _listed(typed[format_].validate_python(body))
            assert seen == {key: body[key] for key in body.keys() - DROPPED.get(format_, set())}
            return
        # These types refuse unknown keys by themselves.
        known = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
        assert body.keys() <= known
        for content in [*body["contents"], *filter(None, [body.get("systemInstruction")])]:
            types.Content.model_validate(content)
        for tool in body.get("tools", ()):
            types.Tool.model_validate(tool)
        types.ToolConfig.model_validate(body.get("toolConfig", {}))
        types.GenerationConfig.model_validate(body.get("generationConfig", {}))

    return check


def _listed(value: Any) -> Any:
    """`value` with the lazy lists of the typed dictionaries made real, which checks their items."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, str | bytes | int | float | None):
        return value
    return [_listed(item) for item in value]


@pytest.mark.parametrize("model", ENCODERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_body_has_the_shape_that_the_sdk_describes(
    conforms: Callable[[str, Any], None], model: str, question: str
) -> None:
    format_, encode = ENCODERS[model]
    conforms(format_, json.loads(encode(QUESTIONS[question])))


ANSWERS = {
    "gpt-5": "responses",
    "claude-sonnet-4-5": "anthropic",
    "gemini-3-pro-preview": "gemini",
    "gpt-4o": "chat_completions",
}


@pytest.mark.parametrize("model", ENCODERS)
@pytest.mark.parametrize("source", ANSWERS.values())
def test_every_answer_can_be_sent_back_to_every_provider(
    conforms: Callable[[str, Any], None], model: str, source: str
) -> None:
    format_, encode = ENCODERS[model]
    for case in CASES[source]:
        if case.error is None and "huge" not in case.name:
            conforms(format_, json.loads(encode(follow_up(source, case.stream))))


def follow_up(format_: str, stream: bytes) -> ModelRequest:
    """The next question of the conversation that `stream` answers in."""
    done = read(format_, [stream])[-1]
    assert isinstance(done, ResponseCompleted)
    answer = Message(role="assistant", parts=done.parts)
    results = [
        ToolResultPart(call_id=part.id, name=part.name)
        for part in done.parts
        if isinstance(part, ToolCallPart)
    ]
    after = Message(role="tool", parts=list(results)) if results else HI
    return ModelRequest(messages=[HI, answer, after], tools=TOOLS)
