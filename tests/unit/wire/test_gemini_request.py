"""Requests in the generateContent format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muxi.core.messages import (
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    UnknownPart,
)
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.wire.gemini.dialect import dialect_of
from muxi.wire.gemini.request import RequestEncoder

SHAPE = {"type": "object", "properties": {"a": {"type": "integer"}}}
SIGNED = {"gemini": {"thoughtSignature": "c2ln"}}


def says(role: Any, *parts: Any) -> Message:
    return Message(
        role=role, parts=[TextPart(text=part) if isinstance(part, str) else part for part in parts]
    )


def body(*messages: Message, model: str = "gemini-3-pro-preview", **more: Any) -> dict[str, Any]:
    encoder = RequestEncoder(dialect_of(model))
    return json.loads(encoder.encode(ModelRequest(messages=list(messages), **more)))


def test_instructions_and_leading_system_messages_are_the_system_instruction() -> None:
    sent = body(says("system", "One."), says("user", "a"), instructions="Two.")
    assert sent["systemInstruction"] == {"parts": [{"text": "Two.\n\nOne."}]}
    assert sent["contents"] == [{"role": "user", "parts": [{"text": "a"}]}]


def test_a_system_message_in_the_middle_is_told_by_the_user() -> None:
    sent = body(says("user", "a"), says("system", "Hush."), says("assistant", "b"))
    assert [content["role"] for content in sent["contents"]] == ["user", "model"]
    assert sent["contents"][0]["parts"][1]["text"] == "<system>\nHush.\n</system>"


def test_all_results_of_one_turn_stand_in_one_content() -> None:
    calls = [ToolCallPart(id=f"c{i}", name="f", arguments={"a": i}) for i in range(2)]
    results = [
        ToolResultPart(call_id=f"c{i}", name="f", content=[TextPart(text=str(i))], outcome=outcome)
        for i, outcome in enumerate(("ok", "error"))
    ]
    sent = body(
        says("user", "a"),
        says("assistant", *calls),
        says("tool", results[0]),
        says("tool", results[1]),
        model="gemini-2.5-pro",
    )
    assert sent["contents"][1]["parts"][1] == {
        "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}
    }
    assert sent["contents"][2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "c0", "name": "f", "response": {"output": "0"}}},
            {"functionResponse": {"id": "c1", "name": "f", "response": {"error": "1"}}},
        ],
    }


def test_ids_that_we_made_up_are_not_sent() -> None:
    call = ToolCallPart(id="gemini-r-0", name="f", provider=SIGNED)
    result = ToolResultPart(call_id="gemini-r-0", name="f")
    sent = body(says("user", "a"), says("assistant", call), says("tool", result))
    assert '"id"' not in json.dumps(sent)


def test_signatures_go_back_on_the_parts_that_they_came_with() -> None:
    parts = (
        ReasoningPart(text="Unsigned thoughts are for people."),
        TextPart(text="a", provider=SIGNED),
        ToolCallPart(id="1", name="f", provider=SIGNED),
        ToolCallPart(id="2", name="f"),
        TextPart(text="", provider=SIGNED),
    )
    sent = body(says("user", "a"), says("assistant", *parts))["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in sent] == ["c2ln", "c2ln", None, "c2ln"]


@pytest.mark.parametrize(
    ("model", "signature"),
    [
        ("gemini-3-flash", "skip_thought_signature_validator"),
        ("gemini-2.5-flash", None),
    ],
)
def test_calls_of_another_model_pass_where_signatures_are_demanded(
    model: str, signature: str | None
) -> None:
    calls = (ToolCallPart(id="1", name="f"), ToolCallPart(id="2", name="f"))
    sent = body(says("user", "a"), says("assistant", *calls), model=model)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in sent] == [signature, None]


def test_media_of_results_stand_in_them_or_beside_them() -> None:
    image = ImagePart(media_type="image/png", data=b"x")
    result = ToolResultPart(call_id="1", name="f", content=[image])
    inline = {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    inside = body(says("user", "a"), says("tool", result))["contents"][0]["parts"][1]
    assert inside["functionResponse"]["parts"] == [inline]
    beside = body(says("user", "a"), says("tool", result), model="gemini-2.5-pro")
    assert beside["contents"][0]["parts"][2] == inline


def test_files_that_no_model_reads_are_told_of_in_words() -> None:
    archive = FilePart(media_type="application/zip", data=b"x", name="a.zip")
    assert "a.zip" in body(says("user", archive))["contents"][0]["parts"][0]["text"]


def test_parts_of_unknown_kinds_go_back_as_they_came() -> None:
    raw = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    part = UnknownPart(type="gemini.executableCode", provider={"gemini": {"part": raw}})
    assert body(says("user", "a"), says("assistant", part))["contents"][1]["parts"] == [raw]


def test_a_conversation_that_lost_its_beginning_begins_with_the_user() -> None:
    assert body(says("assistant", "a"))["contents"][0]["role"] == "user"


def test_a_schema_beside_tools_is_told_where_the_model_cannot_be_held_to_it() -> None:
    output = OutputSchema(name="x", json_schema=SHAPE)
    tools = (ToolSpec(name="f", parameters=SHAPE),)
    held = body(says("user", "a"), output=output, tools=tools)
    assert held["generationConfig"]["responseJsonSchema"] == SHAPE
    told = body(says("user", "a"), output=output, tools=tools, model="gemini-2.5-pro")
    assert "generationConfig" not in told
    assert "JSON Schema" in told["systemInstruction"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", None),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        (NamedTool(name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_of_tools(choice: Any, sent: Any) -> None:
    asked = body(says("user", "a"), tools=(ToolSpec(name="f"),), tool_choice=choice)
    assert asked.get("toolConfig", {}).get("functionCallingConfig") == sent


@pytest.mark.parametrize(
    ("model", "reasoning", "sent"),
    [
        ("gemini-3-pro", "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3-pro", "off", {"thinkingLevel": "LOW"}),
        ("gemini-3-pro", 500, {"includeThoughts": True, "thinkingBudget": 500}),
        ("gemini-2.5-flash", "off", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "off", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "high", {"includeThoughts": True, "thinkingBudget": 24576}),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(model: str, reasoning: Any, sent: Any) -> None:
    asked = body(says("user", "a"), model=model, settings=ModelSettings(reasoning=reasoning))
    assert asked["generationConfig"]["thinkingConfig"] == sent


def test_extra_settings_are_merged_into_the_body() -> None:
    settings = ModelSettings(temperature=0.5, extra={"generationConfig": {"topK": 3}})
    sent = body(says("user", "a"), settings=settings)
    assert sent["generationConfig"] == {"temperature": 0.5, "topK": 3}
