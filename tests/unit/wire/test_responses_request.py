"""Requests in the Responses format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muxi.core.messages import (
    AudioPart,
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
from muxi.wire.responses.dialect import dialect_of
from muxi.wire.responses.request import RequestEncoder


def says(role: Any, *parts: Any) -> Message:
    return Message(
        role=role, parts=[TextPart(text=part) if isinstance(part, str) else part for part in parts]
    )


def body(*messages: Message, model: str = "gpt-5", **more: Any) -> dict[str, Any]:
    encoder = RequestEncoder(model, dialect_of(model))
    return json.loads(encoder.encode(ModelRequest(messages=list(messages), **more)))


ENCRYPTED = ReasoningPart(
    text="Hm.",
    provider={
        "responses": {
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "Z0FB",
        }
    },
)


def test_nothing_is_stored_with_the_provider() -> None:
    sent = body(says("user", "Hi"), instructions="Be kind.")
    assert sent["store"] is False
    assert sent["include"] == ["reasoning.encrypted_content"]
    assert sent["instructions"] == "Be kind."
    assert sent["input"] == [{"role": "user", "content": "Hi"}]


def test_encrypted_reasoning_goes_back_before_what_followed_it() -> None:
    call = ToolCallPart(id="call_1", name="f", arguments={"a": 1})
    sent = body(says("user", "Hi"), says("assistant", ENCRYPTED, call))
    assert sent["input"][1:] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "Z0FB",
        },
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
    ]


def test_reasoning_of_others_and_reasoning_that_nothing_follows_are_left_out() -> None:
    foreign = ReasoningPart(text="Hm.", provider={"anthropic": {"signature": "x"}})
    sent = body(says("user", "Hi"), says("assistant", foreign, "a", ENCRYPTED))
    assert sent["input"][1:] == [{"role": "assistant", "content": "a"}]


def test_the_phase_of_a_message_goes_back_with_it() -> None:
    part = TextPart(text="First.", provider={"responses": {"phase": "commentary"}})
    sent = body(says("user", "Hi"), says("assistant", part))
    assert sent["input"][1] == {"role": "assistant", "content": "First.", "phase": "commentary"}


def test_items_of_unknown_kinds_go_back_as_they_came() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    part = UnknownPart(type="responses.web_search_call", provider={"responses": {"item": item}})
    assert body(says("user", "Hi"), says("assistant", part))["input"][1] == item


def test_results_of_tools_may_hold_images() -> None:
    image = ImagePart(media_type="image/png", data=b"x")
    text = ToolResultPart(call_id="1", name="f", content=[TextPart(text="ok")])
    seen = ToolResultPart(call_id="2", name="f", content=[TextPart(text="see"), image])
    sent = body(says("tool", text, seen, ToolResultPart(call_id="3", name="f")))
    assert [item["output"] for item in sent["input"]] == [
        "ok",
        [
            {"type": "input_text", "text": "see"},
            {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,eA=="},
        ],
        "",
    ]


def test_files_go_by_value_or_by_address() -> None:
    value = FilePart(media_type="application/pdf", data=b"x")
    address = FilePart(media_type="application/pdf", url="https://example.org/a.pdf")
    assert body(says("user", value, address))["input"][0]["content"] == [
        {
            "type": "input_file",
            "filename": "file.pdf",
            "file_data": "data:application/pdf;base64,eA==",
        },
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]


def test_sound_is_told_of_in_words() -> None:
    sound = AudioPart(media_type="audio/wav", data=b"x", name="memo.wav")
    assert "memo.wav" in body(says("user", sound))["input"][0]["content"][0]["text"]


def test_what_the_model_wrote_as_arguments_goes_back_even_if_malformed() -> None:
    call = ToolCallPart(id="1", name="f", malformed="{oops")
    assert body(says("user", "a"), says("assistant", call))["input"][1]["arguments"] == "{oops"


def test_tools_are_strict_only_when_nothing_is_optional() -> None:
    required = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    optional = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = (ToolSpec(name="f", parameters=required), ToolSpec(name="g", parameters=optional))
    sent = body(says("user", "a"), tools=tools, tool_choice=NamedTool(name="f"))
    assert [tool["strict"] for tool in sent["tools"]] == [True, False]
    assert sent["tools"][0]["parameters"]["additionalProperties"] is False
    assert sent["tools"][1]["parameters"] == optional
    assert sent["tool_choice"] == {"type": "function", "name": "f"}


def test_an_answer_is_held_to_its_schema_with_every_property_required() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    sent = body(says("user", "a"), output=OutputSchema(name="x", json_schema=schema))
    form = sent["text"]["format"]
    assert form["strict"] is True
    assert form["schema"]["required"] == ["a"]


@pytest.mark.parametrize(
    ("model", "reasoning", "sent"),
    [
        ("gpt-5", "low", {"effort": "low", "summary": "auto"}),
        ("gpt-5", 9000, {"effort": "medium", "summary": "auto"}),
        ("gpt-5-mini", "off", {"effort": "minimal"}),
        ("gpt-5.1", "off", {"effort": "none"}),
        ("gpt-6", "off", {"effort": "none"}),
        ("o4-mini", "off", {"effort": "low"}),
        ("gpt-4.1", "off", None),
        ("gpt-5", None, None),
    ],
)
def test_reasoning_is_asked_for_as_the_model_knows_it(
    model: str, reasoning: Any, sent: Any
) -> None:
    asked = body(says("user", "a"), model=model, settings=ModelSettings(reasoning=reasoning))
    assert asked.get("reasoning") == sent


@pytest.mark.parametrize(
    ("model", "reasoning", "taken"),
    [
        ("gpt-4.1", None, True),
        ("gpt-5", None, False),
        ("gpt-5-chat-latest", None, True),
        ("gpt-5.1", "off", True),
        ("gpt-5", "off", False),
        ("o3", None, False),
    ],
)
def test_sampling_goes_only_where_it_is_taken(model: str, reasoning: Any, taken: bool) -> None:
    settings = ModelSettings(temperature=0.5, reasoning=reasoning)
    sent = body(says("user", "a"), model=model, settings=settings)
    assert ("temperature" in sent) is taken


def test_models_that_do_not_reason_are_not_asked_for_reasoning() -> None:
    assert "include" not in body(says("user", "a"), model="gpt-4.1")
