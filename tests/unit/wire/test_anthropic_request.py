"""Requests in the Messages format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.messages import (
    AudioPart,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    UnknownPart,
)
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.wire.anthropic.dialect import dialect_of
from muxi.wire.anthropic.request import RequestEncoder

MARK = {"type": "ephemeral"}
SHAPE = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 3}},
    "required": ["a"],
}


BOUND = {
    "type": "adaptive",
    "display": "summarized",
    "block_binding": {"prefix_mismatch_behavior": "drop_block"},
}


def says(role: Any, *parts: Any) -> Message:
    return Message(
        role=role, parts=[TextPart(text=part) if isinstance(part, str) else part for part in parts]
    )


def body(*messages: Message, model: str = "claude-sonnet-4-5", **more: Any) -> dict[str, Any]:
    encoder = RequestEncoder(model, dialect_of(model), max_tokens=8192)
    return json.loads(encoder.encode(ModelRequest(messages=list(messages), **more)))


def plain(*messages: Message, **more: Any) -> list[dict[str, Any]]:
    settings = ModelSettings(cache_prompt=False)
    return body(*messages, settings=settings, **more)["messages"]


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def test_messages_of_one_role_in_a_row_become_one() -> None:
    result = ToolResultPart(call_id="1", name="f", content=[TextPart(text="ok")])
    sent = plain(
        says("user", "a"),
        says("assistant", ToolCallPart(id="1", name="f")),
        says("tool", result),
        says("user", "b"),
    )
    assert [each["role"] for each in sent] == ["user", "assistant", "user"]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "text"]


def test_breakpoints_lie_on_system_tools_and_the_last_two_turns_of_the_user() -> None:
    turns = [says("user", "1"), says("assistant", "2"), says("user", "3"), says("assistant", "4")]
    sent = body(*turns, says("user", "5"), instructions="Be kind.", tools=(ToolSpec(name="f"),))
    assert sent["system"] == [{**text("Be kind."), "cache_control": MARK}]
    marked = ["cache_control" in turn["content"][-1] for turn in sent["messages"]]
    assert marked == [False, False, True, False, True]
    assert "cache_control" not in sent["tools"][-1], "the mark on the system prompt covers tools"
    assert "cache_control" in body(says("user", "x"), tools=(ToolSpec(name="f"),))["tools"][-1]


def test_no_breakpoint_is_set_when_the_cache_is_not_wanted() -> None:
    sent = body(says("user", "a"), instructions="b", settings=ModelSettings(cache_prompt=False))
    assert "cache_control" not in json.dumps(sent)


def test_thoughts_go_back_unchanged_before_the_call_that_they_led_to() -> None:
    signed = ReasoningPart(text="Hm.", provider={"anthropic": {"signature": "c2ln"}})
    hidden = ReasoningPart(provider={"anthropic": {"redacted": "ZW5j"}})
    call = ToolCallPart(id="1", name="f", arguments={"a": 1})
    sent = plain(says("user", "a"), says("assistant", signed, hidden, call))
    assert sent[1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZW5j"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
    ]


def test_thoughts_of_others_and_thoughts_that_nothing_follows_are_left_out() -> None:
    foreign = ReasoningPart(text="Hm.", provider={"gemini": {"thoughtSignature": "x"}})
    signed = ReasoningPart(text="Hm.", provider={"anthropic": {"signature": "c2ln"}})
    sent = plain(says("user", "a"), says("assistant", foreign, "b", signed), says("user", "c"))
    assert sent[1]["content"] == [text("b")]


def test_blocks_of_unknown_kinds_go_back_as_they_came() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}
    part = UnknownPart(type="anthropic.server_tool_use", provider={"anthropic": {"block": block}})
    assert plain(says("user", "a"), says("assistant", part))[1]["content"] == [block]


def test_a_leading_system_message_joins_the_instructions() -> None:
    sent = body(says("system", "One."), says("user", "a"), instructions="Two.")
    assert sent["system"][0]["text"] == "Two.\n\nOne."


@pytest.mark.parametrize(
    ("model", "roles"),
    [
        ("claude-sonnet-4-5", ["user", "assistant", "user"]),
        ("claude-opus-5", ["user", "system", "assistant", "user"]),
    ],
)
def test_a_system_message_in_the_middle_stands_only_where_the_model_takes_it(
    model: str, roles: list[str]
) -> None:
    sent = plain(
        says("user", "a"), says("system", "Hush."), says("assistant", "b"), says("user", "c"),
        model=model,
    )  # fmt: skip
    assert [each["role"] for each in sent] == roles
    assert "Hush." in json.dumps(sent)


def test_a_conversation_that_lost_its_beginning_begins_with_the_user() -> None:
    assert [each["role"] for each in plain(says("assistant", "a"), says("user", "b"))] == [
        "user",
        "assistant",
        "user",
    ]


def test_blank_texts_are_left_out() -> None:
    assert plain(says("user", "a", " \n"), says("assistant", ""), says("user", "b")) == [
        {"role": "user", "content": [text("a"), text("b")]}
    ]


def test_results_say_whether_they_are_errors_and_may_hold_images() -> None:
    image = ImagePart(media_type="image/png", data=b"x")
    result = ToolResultPart(call_id="a b", name="f", content=[image], outcome="error")
    assert plain(says("user", "x"), says("tool", result))[0]["content"][1] == {
        "type": "tool_result",
        "tool_use_id": "a_b",
        "content": [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "eA=="},
            }
        ],
        "is_error": True,
    }


def test_sound_is_told_of_in_words() -> None:
    sound = AudioPart(media_type="audio/wav", data=b"x", name="memo.wav")
    assert "memo.wav" in plain(says("user", sound))[0]["content"][0]["text"]


def test_a_blob_that_was_not_loaded_is_refused() -> None:
    with pytest.raises(InvalidInput):
        body(says("user", ImagePart(media_type="image/png", blob="sha256:0")))


def test_arguments_that_were_no_object_go_back_under_a_key() -> None:
    call = ToolCallPart(id="1", name="f", malformed="{oops")
    sent = plain(says("user", "a"), says("assistant", call))
    assert sent[1]["content"][0]["input"] == {"INVALID_JSON": "{oops"}


def test_a_schema_is_enforced_where_the_model_can_and_told_elsewhere() -> None:
    output = OutputSchema(name="x", json_schema=SHAPE)
    held = body(says("user", "a"), output=output)
    form = held["output_config"]["format"]["schema"]
    assert form["additionalProperties"] is False
    assert form["properties"]["a"] == {"type": "integer", "description": "minimum: 3"}
    told = body(says("user", "a"), output=output, model="claude-3-7-sonnet-latest")
    assert "output_config" not in told
    assert '"minimum":3' in told["system"][0]["text"]


def test_a_map_of_free_keys_is_told_and_not_enforced() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "number"}}
    sent = body(says("user", "a"), output=OutputSchema(name="x", json_schema=schema))
    assert "output_config" not in sent


def test_tools_are_strict_within_the_limits_of_the_provider() -> None:
    few = tuple(ToolSpec(name=f"f{i}", parameters=SHAPE) for i in range(20))
    assert all(tool["strict"] for tool in body(says("user", "a"), tools=few)["tools"])
    many = (*few, ToolSpec(name="g", parameters=SHAPE))
    assert not any("strict" in tool for tool in body(says("user", "a"), tools=many)["tools"])


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        ("auto", None, None),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", None, {"type": "any"}),
        ("none", False, {"type": "none"}),
        (
            NamedTool(name="f"),
            True,
            {"type": "tool", "name": "f", "disable_parallel_tool_use": False},
        ),
    ],
)
def test_the_choice_of_tools(choice: Any, parallel: bool | None, sent: Any) -> None:
    settings = ModelSettings(parallel_tool_calls=parallel)
    tools = (ToolSpec(name="f"),)
    asked = body(says("user", "a"), tools=tools, tool_choice=choice, settings=settings)
    assert asked.get("tool_choice") == sent


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        ("claude-sonnet-4-5", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        ("claude-sonnet-4-5", 100, {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-sonnet-4-5", "off", None, None),
        ("claude-opus-5", "high", {"type": "adaptive", "display": "summarized"}, "high"),
        ("claude-opus-5", 9000, {"type": "adaptive", "display": "summarized"}, "medium"),
        ("claude-opus-5", "off", {"type": "disabled"}, None),
        ("claude-fable-5", "off", {"type": "adaptive", "display": "summarized"}, "low"),
        ("claude-opus-5-5", "off", BOUND, "low"),
        ("claude-opus-5-5", None, BOUND, None),
        ("claude-opus-5", None, None, None),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(
    model: str, reasoning: Any, thinking: Any, effort: str | None
) -> None:
    sent = body(says("user", "a"), model=model, settings=ModelSettings(reasoning=reasoning))
    assert sent.get("thinking") == thinking
    assert sent.get("output_config", {}).get("effort") == effort


def test_thinking_leaves_room_for_the_answer() -> None:
    assert body(says("user", "a"), settings=ModelSettings(reasoning=4000))["max_tokens"] == 12_192
    tight = body(says("user", "a"), settings=ModelSettings(reasoning="high", max_tokens=2000))
    assert tight["thinking"]["budget_tokens"] == 1999
    tiny = body(says("user", "a"), settings=ModelSettings(reasoning="high", max_tokens=500))
    assert "thinking" not in tiny


@pytest.mark.parametrize(
    ("model", "thinking"),
    [("claude-sonnet-4-5", None), ("claude-opus-5", {"type": "disabled"})],
)
def test_a_forced_tool_excludes_thinking(model: str, thinking: Any) -> None:
    sent = body(
        says("user", "a"),
        tools=(ToolSpec(name="f"),),
        tool_choice="required",
        settings=ModelSettings(reasoning="high"),
        model=model,
    )
    assert sent.get("thinking") == thinking


def test_a_model_that_may_not_be_forced_is_told() -> None:
    sent = body(
        says("user", "a"),
        tools=(ToolSpec(name="f"),),
        tool_choice=NamedTool(name="f"),
        model="claude-opus-5-5",
    )
    assert "tool_choice" not in sent
    assert sent["messages"][-1] == {
        "role": "system",
        "content": "Answer with a call of the tool f.",
    }


def test_sampling_goes_only_where_it_is_taken() -> None:
    settings = ModelSettings(temperature=1.5, top_p=0.5)
    old = body(says("user", "a"), settings=settings)
    assert old["temperature"] == 1.0
    assert "top_p" not in old
    new = body(says("user", "a"), settings=settings, model="claude-opus-4-7")
    assert "temperature" not in new


def test_extra_settings_are_merged_into_the_body() -> None:
    settings = ModelSettings(
        reasoning="low", extra={"output_config": {"effort": "max"}, "service_tier": "auto"}
    )
    sent = body(says("user", "a"), settings=settings, model="claude-opus-5")
    assert sent["output_config"] == {"effort": "max"}
    assert sent["service_tier"] == "auto"
