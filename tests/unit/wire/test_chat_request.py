from __future__ import annotations

import json
from typing import Any

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.models.providers import PROVIDERS
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import FORMAT, RequestEncoder

ADD = ToolSpec(
    name="add",
    description="Add.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
OPTIONAL = ToolSpec(
    name="list", parameters={"type": "object", "properties": {"limit": {"type": "integer"}}}
)


def body(request: ModelRequest, quirks: Quirks | None = None, model: str = "m") -> dict[str, Any]:
    return json.loads(RequestEncoder(model, quirks or Quirks()).encode(request))


def ask(*messages: Message, **fields: Any) -> ModelRequest:
    return ModelRequest(messages=list(messages), **fields)


def assistant(*parts: AnyPart) -> Message:
    return Message(role="assistant", parts=list(parts))


def results(*parts: ToolResultPart) -> Message:
    return Message(role="tool", parts=list(parts))


def test_a_question_becomes_a_streamed_request_with_usage():
    sent = body(ask(user_message("hi"), instructions="Be brief."))
    assert sent == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_calls_and_their_results_keep_their_ids():
    call = ToolCallPart(id="c1", name="add", arguments={"a": 1})
    sent = body(
        ask(
            user_message("1+2"),
            assistant(TextPart(text="Wait."), call),
            results(ToolResultPart(call_id="c1", name="add", content=[TextPart(text="3")])),
        )
    )
    said, answered = sent["messages"][1:]
    assert said["content"] == "Wait."
    assert said["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    ]
    assert answered == {"role": "tool", "tool_call_id": "c1", "content": "3"}


def test_malformed_arguments_go_back_as_the_model_wrote_them():
    call = ToolCallPart(id="c1", name="add", malformed='{"a":')
    sent = body(ask(assistant(call)))
    assert sent["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"a":'
    assert sent["messages"][0]["content"] is None


def test_images_of_tools_wait_until_all_results_are_told():
    image = ImagePart(media_type="image/png", data=b"png")
    first = ToolResultPart(call_id="c1", name="draw", content=[TextPart(text="done"), image])
    second = ToolResultPart(call_id="c2", name="add", content=[TextPart(text="3")])
    calls = assistant(ToolCallPart(id="c1", name="draw"), ToolCallPart(id="c2", name="add"))
    sent = body(ask(calls, results(first), results(second), user_message("thanks")))
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["assistant", "tool", "tool", "user", "user"]
    assert sent["messages"][3]["content"][1]["image_url"]["url"] == "data:image/png;base64,cG5n"


def test_media_of_every_kind_is_sent_as_it_is_wanted():
    message = Message(
        role="user",
        parts=[
            TextPart(text="see"),
            ImagePart(media_type="image/png", url="https://x/y.png"),
            AudioPart(media_type="audio/mpeg", data=b"a"),
            FilePart(media_type="application/pdf", data=b"p", name="a.pdf"),
            FilePart(media_type="text/plain", data=b"words", name="a.txt"),
        ],
    )
    content = body(ask(message))["messages"][0]["content"]
    assert content == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_audio", "input_audio": {"data": "YQ==", "format": "mp3"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cA=="},
        },
        {"type": "text", "text": "File a.txt:\nwords"},
    ]


def test_what_the_format_cannot_say_becomes_a_note():
    parts: list[AnyPart] = [
        AudioPart(media_type="audio/ogg", data=b"a"),
        FilePart(media_type="application/pdf", url="https://x/a.pdf", name="a.pdf"),
    ]
    content = body(ask(Message(role="user", parts=parts)))["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "text"]
    assert "a.pdf" in content[1]["text"]


def test_a_blob_that_nobody_loaded_is_refused():
    message = Message(role="user", parts=[ImagePart(media_type="image/png", blob="sha256:1")])
    with pytest.raises(InvalidInput):
        body(ask(message))


def test_a_refusal_and_an_empty_answer_stay_usable_history():
    sent = body(ask(assistant(RefusalPart(text="No.")), assistant(ReasoningPart(text="hm"))))
    assert sent["messages"] == [{"role": "assistant", "content": "No."}]


def test_lone_surrogates_and_nul_never_stop_a_request():
    call = ToolCallPart(id="c", name="t", arguments={"k\ud800": ["\udfff", 1]})
    sent = body(ask(user_message("a\ud800b\0"), assistant(call), instructions="\ud800"))
    assert sent["messages"][0]["content"] == "\ufffd"
    assert sent["messages"][1]["content"] == "a\ufffdb\0"
    arguments = sent["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"k\ufffd": ["\ufffd", 1]}


def test_tools_are_strict_only_where_their_schema_allows_it():
    sent = body(ask(tools=(ADD, OPTIONAL)), Quirks(strict_tools=True))
    add, listing = (tool["function"] for tool in sent["tools"])
    assert add["strict"] is True
    assert add["parameters"]["additionalProperties"] is False
    assert "strict" not in listing
    assert "tool_choice" not in sent


@pytest.mark.parametrize(
    ("choice", "quirks", "expected"),
    [
        ("none", Quirks(), "none"),
        ("required", Quirks(), "required"),
        ("required", PROVIDERS["mistral"].quirks, "any"),
        (NamedTool(name="add"), Quirks(), {"type": "function", "function": {"name": "add"}}),
        (NamedTool(name="add"), PROVIDERS["ollama"].quirks, "required"),
    ],
)
def test_a_tool_choice_is_said_in_the_dialect(choice: Any, quirks: Quirks, expected: Any):
    sent = body(ask(tools=(ADD, OPTIONAL), tool_choice=choice), quirks)
    assert sent["tool_choice"] == expected
    alone = isinstance(choice, NamedTool) and not quirks.tool_named
    assert len(sent["tools"]) == (1 if alone else 2)


SHAPE = OutputSchema(
    name="city", json_schema={"type": "object", "properties": {"name": {"type": "string"}}}
)


def test_a_shape_of_the_answer_is_a_strict_schema():
    sent = body(ask(user_message("hi"), output=SHAPE))
    shape = sent["response_format"]["json_schema"]
    assert shape["strict"] is True
    assert shape["schema"]["required"] == ["name"]


def test_a_shape_with_free_keys_is_not_marked_strict():
    free = OutputSchema(name="x", json_schema={"type": "object", "additionalProperties": True})
    sent = body(ask(user_message("hi"), output=free))
    assert sent["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(("provider", "kind"), [("deepseek", "json_object"), ("groq", None)])
def test_a_server_without_schemas_is_told_in_words(provider: str, kind: str | None):
    sent = body(ask(user_message("hi"), output=SHAPE), PROVIDERS[provider].quirks)
    assert (sent.get("response_format") or {}).get("type") == kind
    assert "JSON Schema" in sent["messages"][0]["content"]


def test_settings_are_named_as_the_provider_names_them():
    settings = ModelSettings(
        temperature=0.5, top_p=0.9, max_tokens=10, stop=("x",), seed=7, extra={"user": "u"}
    )
    plain = body(ask(settings=settings))
    assert (plain["max_tokens"], plain["seed"], plain["stop"]) == (10, 7, ["x"])
    assert (plain["temperature"], plain["top_p"], plain["user"]) == (0.5, 0.9, "u")
    assert body(ask(settings=settings), PROVIDERS["openai"].quirks)["max_completion_tokens"] == 10
    assert body(ask(settings=settings), PROVIDERS["mistral"].quirks)["random_seed"] == 7


@pytest.mark.parametrize(
    ("provider", "wish", "expected"),
    [
        ("openai", "high", {"reasoning_effort": "high"}),
        ("openai", "off", {"reasoning_effort": "none"}),
        ("openai", 20_000, {"reasoning_effort": "high"}),
        ("openrouter", 2000, {"reasoning": {"max_tokens": 2000}}),
        ("openrouter", "low", {"reasoning": {"effort": "low"}}),
        ("openrouter", "off", {"reasoning": {"enabled": False}}),
        ("deepseek", "off", {"thinking": {"type": "disabled"}}),
        ("deepseek", "low", {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
        ("vllm", "off", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("xai", "off", {}),
    ],
)
def test_effort_is_asked_for_in_the_dialect(provider: str, wish: Any, expected: dict[str, Any]):
    request = ask(settings=ModelSettings(reasoning=wish))
    plain = body(ask(), PROVIDERS[provider].quirks)
    sent = body(request, PROVIDERS[provider].quirks)
    assert {k: v for k, v in sent.items() if k not in plain} == expected


def thought(text: str, **kept: Any) -> ReasoningPart:
    return ReasoningPart(text=text, provider={FORMAT: kept})


CALL = ToolCallPart(id="c1", name="add", arguments={})


@pytest.mark.parametrize(
    ("replay", "expected"),
    [
        ("none", {}),
        ("reasoning_content", {"reasoning_content": "hm"}),
        ("reasoning", {"reasoning": "hm"}),
        ("reasoning_details", {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
    ],
)
def test_reasoning_goes_back_in_the_field_it_is_wanted_in(replay: Any, expected: dict[str, Any]):
    details = [{"type": "reasoning.text", "text": "hm"}]
    message = assistant(thought("hm", reasoning_details=details), CALL)
    sent = body(ask(message), Quirks(replay=replay))["messages"][0]
    assert {k: v for k, v in sent.items() if k.startswith("reasoning")} == expected


def test_mistral_gets_its_thoughts_back_as_chunks():
    sent = body(ask(assistant(thought("hm"), TextPart(text="So."))), PROVIDERS["mistral"].quirks)
    thinking, text = sent["messages"][0]["content"]
    assert thinking == {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    assert text == {"type": "text", "text": "So."}


def test_a_call_without_thoughts_says_so_where_they_are_demanded():
    sent = body(ask(assistant(CALL)), PROVIDERS["deepseek"].quirks)
    assert sent["messages"][0]["reasoning_content"] == ""


def test_thoughts_of_another_provider_are_not_passed_off_as_ones_own():
    foreign = ReasoningPart(text="hm", provider={"anthropic": {"signature": "s"}})
    sent = body(ask(assistant(foreign, TextPart(text="x"))), Quirks(replay="reasoning_content"))
    assert "reasoning_content" not in sent["messages"][0]


def test_what_a_call_carried_goes_back_with_it():
    call = ToolCallPart(
        id="c", name="t", provider={FORMAT: {"extra_content": {"google": {"signature": "s"}}}}
    )
    sent = body(ask(assistant(call)))["messages"][0]["tool_calls"][0]
    assert sent["extra_content"] == {"google": {"signature": "s"}}


def test_ids_are_made_short_where_only_short_ones_are_taken():
    call = ToolCallPart(id="call_of_another_provider", name="t")
    result = ToolResultPart(call_id="call_of_another_provider", name="t")
    sent = body(ask(assistant(call), results(result)), PROVIDERS["mistral"].quirks)
    short = sent["messages"][0]["tool_calls"][0]["id"]
    assert len(short) == 9
    assert short.isalnum()
    assert sent["messages"][1]["tool_call_id"] == short


def test_a_cache_that_needs_marks_gets_them_and_others_do_not():
    quirks = PROVIDERS["openrouter"].quirks
    request = ask(user_message("a"), user_message("b"), instructions="sys")
    marked = body(request, quirks, model="anthropic/claude-sonnet-5")["messages"]
    assert marked[0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert marked[1]["content"] == "a"
    assert marked[2]["content"][0]["cache_control"] == {"type": "ephemeral"}
    plain = body(request, quirks, model="openai/gpt-5")["messages"]
    assert [message["content"] for message in plain] == ["sys", "a", "b"]


def test_the_same_conversation_is_written_the_same_the_second_time():
    encoder = RequestEncoder("m", Quirks())
    request = ask(user_message("hi"), assistant(TextPart(text="ho")), tools=(ADD,))
    assert encoder.encode(request) == encoder.encode(request)
