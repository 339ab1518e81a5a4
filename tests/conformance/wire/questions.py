"""Requests of every kind, to be written in every format."""

from __future__ import annotations

from typing import Any

from muxi.core.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec

PNG = b"\x89PNG\r\n\x1a\n"

CLOSED = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}},
    "required": ["city"],
    "additionalProperties": False,
}
OPTIONAL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "default": "Rome"},
        "days": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
    },
}
FREE = {"type": "object", "additionalProperties": {"type": "number"}}
NESTED: dict[str, Any] = {
    "$defs": {"Stop": {"type": "object", "properties": {"at": {"type": "string"}}}},
    "type": "object",
    "properties": {"stops": {"type": "array", "items": {"$ref": "#/$defs/Stop"}, "maxItems": 9}},
    "required": ["stops"],
}

TOOLS = (
    ToolSpec(name="weather", description="The weather of a city.", parameters=CLOSED),
    ToolSpec(name="plan", parameters=OPTIONAL),
    ToolSpec(name="note", parameters=FREE),
    ToolSpec(name="now", strict=False),
)


def says(role: Any, *parts: Any) -> Message:
    return Message(
        role=role, parts=[TextPart(text=part) if isinstance(part, str) else part for part in parts]
    )


HI = says("user", "Hi")
CALLS = says(
    "assistant",
    "Let me look.",
    ToolCallPart(id="call_1", name="weather", arguments={"city": "Köln 🌦"}),
    ToolCallPart(id="call_2", name="now"),
)
RESULTS = [
    says(
        "tool",
        ToolResultPart(call_id="call_1", name="weather", content=[TextPart(text="Rain.")]),
    ),
    says(
        "tool",
        ToolResultPart(
            call_id="call_2", name="now", content=[TextPart(text="No clock.")], outcome="error"
        ),
    ),
]
SEEN = says(
    "tool",
    ToolResultPart(
        call_id="call_1",
        name="weather",
        content=[
            TextPart(text="A map."),
            ImagePart(media_type="image/png", data=PNG),
        ],
    ),
    ToolResultPart(call_id="call_2", name="now"),
)


def _ask(*messages: Message, **more: Any) -> ModelRequest:
    return ModelRequest(messages=list(messages), **more)


def _set(**settings: Any) -> ModelRequest:
    return _ask(HI, tools=TOOLS, settings=ModelSettings(**settings))


def _shape(schema: dict[str, Any], **more: Any) -> ModelRequest:
    output = OutputSchema(name="answer", json_schema=schema, description="The answer.")
    return _ask(HI, output=output, **more)


QUESTIONS: dict[str, ModelRequest] = {
    "plain": _ask(HI),
    "instructions": _ask(HI, instructions="Be brief."),
    "conversation": _ask(HI, says("assistant", "Hello."), says("user", "Bye")),
    "same_role_twice": _ask(
        HI, says("user", "Again"), says("assistant", "a"), says("assistant", "b"), HI
    ),
    "system_first": _ask(says("system", "Be kind."), HI),
    "system_in_the_middle": _ask(HI, says("system", "Be quick."), says("assistant", "a"), HI),
    "system_between_users": _ask(HI, says("system", "Be quick."), says("user", "b")),
    "empty_texts": _ask(says("user", ""), says("user", "  "), HI, says("assistant", ""), HI),
    "assistant_first": _ask(says("assistant", "Welcome."), HI),
    "several_texts": _ask(says("user", "one", "two")),
    "images": _ask(
        says(
            "user",
            "What?",
            ImagePart(media_type="image/png", data=PNG),
            ImagePart(media_type="image/png", url="https://example.org/a.png"),
        )
    ),
    "files": _ask(
        says(
            "user",
            FilePart(media_type="application/pdf", data=b"%PDF-1.7", name="a.pdf"),
            FilePart(media_type="text/plain", data="Grüße".encode(), name="a.txt"),
        )
    ),
    "tools": _ask(HI, tools=TOOLS),
    "tool_results": _ask(HI, CALLS, *RESULTS, tools=TOOLS),
    "tool_results_with_image": _ask(HI, CALLS, SEEN, says("user", "And?"), tools=TOOLS),
    "tool_call_malformed": _ask(
        HI,
        says("assistant", ToolCallPart(id="call_1", name="weather", malformed='{"city": Par')),
        RESULTS[0],
        tools=TOOLS,
    ),
    "tool_required": _ask(HI, tools=TOOLS, tool_choice="required"),
    "tool_none": _ask(HI, tools=TOOLS, tool_choice="none"),
    "tool_named": _ask(HI, tools=TOOLS, tool_choice=NamedTool(name="weather")),
    "tools_one_at_a_time": _set(parallel_tool_calls=False),
    "output": _shape(CLOSED),
    "output_optional": _shape(OPTIONAL),
    "output_nested": _shape(NESTED),
    "output_free": _shape(FREE),
    "output_with_tools": _shape(CLOSED, tools=TOOLS),
    "sampling": _set(temperature=0.5, max_tokens=99, stop=("END",), seed=7),
    "reasoning_off": _set(reasoning="off"),
    "reasoning_low": _set(reasoning="low"),
    "reasoning_high": _set(reasoning="high", max_tokens=32_000),
    "reasoning_budget": _set(reasoning=2000),
    "foreign_reasoning": _ask(HI, says("assistant", ReasoningPart(text="Hm."), "a"), HI),
    "refused_before": _ask(HI, says("assistant", RefusalPart(text="No.")), HI),
    "surrogates": _ask(
        HI,
        says("assistant", ToolCallPart(id="1", name="now", arguments={"a": "\ud83d"})),
        RESULTS[0],
    ),
}
SOUND = _ask(says("user", AudioPart(media_type="audio/wav", data=b"RIFF")))
