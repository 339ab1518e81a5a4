"""What the published Open Responses specification demands of a server, as raw HTTP.

Written from https://www.openresponses.org/specification: its rules for requests, answers, items,
the order of events, errors, chaining and the choice of tools.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.served import Served, served

from muxi.core.errors import ModelRejected
from muxi.core.messages import ReasoningPart, TextPart
from muxi.models.scripted import Reply, ScriptedModel, call

REQUIRED = frozenset(
    (
        *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model"),
        *("previous_response_id", "instructions", "output", "error", "tools", "tool_choice"),
        *("truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty"),
        *("frequency_penalty", "top_logprobs", "temperature", "reasoning", "user", "usage"),
        *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier"),
        *("metadata", "safety_identifier", "prompt_cache_key"),
    )
)
"""Members that every response has, whatever their values."""

NUMBERS = ("top_p", "presence_penalty", "frequency_penalty", "top_logprobs", "temperature")
TERMINAL = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
SAY_HELLO: Any = [{"type": "message", "role": "user", "content": "Say hello."}]
LOCATION: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
OTHER: Any = {**LOCATION, "name": "other"}


def check_response(response: Any) -> None:
    assert response.keys() >= REQUIRED, REQUIRED - response.keys()
    assert response["object"] == "response"
    assert isinstance(response["created_at"], int)
    assert all(isinstance(response[name], int | float) for name in NUMBERS)
    assert response["text"]["format"]["type"] in ("text", "json_object", "json_schema")
    for item in response["output"]:
        check_item(item)
        if item["status"] == "incomplete":
            assert item is response["output"][-1]
            assert response["status"] == "incomplete"
    if response["status"] == "completed":
        assert isinstance(response["completed_at"], int)
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert "cached_tokens" in usage["input_tokens_details"]
        assert "reasoning_tokens" in usage["output_tokens_details"]


def check_item(item: Any) -> None:
    """Every item can be referred to, interpreted, and says how far it is."""
    assert item["id"]
    assert item["type"]
    assert item["status"] in ("in_progress", "completed", "incomplete", "failed")
    if item["type"] == "message":
        assert item["role"] == "assistant"
        for part in item["content"]:
            assert part["type"] in ("output_text", "refusal")
            if part["type"] == "output_text":
                assert isinstance(part["annotations"], list)
    elif item["type"] == "function_call":
        assert item["call_id"]
        assert item["name"]
        assert isinstance(item["arguments"], str)
    elif item["type"] == "reasoning":
        assert isinstance(item["summary"], list)


def check_events(events: list[Any]) -> Any:
    """The rules of a stream; gives the response with which it ends."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[1]["type"] == "response.in_progress"
    assert [event["type"] for event in events if event["type"] in TERMINAL] == [events[-1]["type"]]
    items: dict[int, Any] = {}
    done: set[int] = set()
    parts: dict[tuple[int, int], str] = {}
    arguments: dict[int, str] = {}
    for event in events[2:-1]:
        kind, at = event["type"], event["output_index"]
        assert at not in done, "nothing is told of an item that is done"
        if kind == "response.output_item.added":
            assert at == len(items)
            check_item(event["item"])
            items[at] = event["item"]
            continue
        if kind == "response.output_item.done":
            check_item(event["item"])
            assert event["item"]["id"] == items[at]["id"]
            items[at] = event["item"]
            done.add(at)
            continue
        assert event["item_id"] == items[at]["id"]
        if kind == "response.content_part.added":
            parts[at, event["content_index"]] = ""
        elif "function_call_arguments" in kind or "mcp_call_arguments" in kind:
            if kind.endswith(".delta"):
                arguments[at] = arguments.get(at, "") + event["delta"]
            else:
                assert event["arguments"] == arguments[at]
        elif "content_index" in event:
            place = (at, event["content_index"])
            assert place in parts, "content is backed by a part"
            if kind.endswith(".delta"):
                parts[place] += event["delta"]
            elif kind != "response.content_part.done":
                assert event.get("text", event.get("refusal")) == parts[place]
            else:
                said = event["part"]
                assert said.get("text", said.get("refusal")) == parts[place]
    response = events[-1]["response"]
    assert response["status"] == TERMINAL[events[-1]["type"]]
    assert done == set(items)
    assert response["output"] == [items[at] for at in sorted(items)]
    check_response(response)
    return response


@asynccontextmanager
async def open_responses(
    folder: Path, script: Any, **declared: Any
) -> AsyncGenerator[tuple[Served, ScriptedModel]]:
    model = ScriptedModel(script)
    async with served(folder, model, **declared) as muxi:
        yield muxi, model


async def post(muxi: Served, body: Any, status: int = 200) -> Any:
    body = {"model": "a", **body}
    async with muxi.http.post(f"{muxi.url}/v1/responses", json=body) as answer:
        assert answer.status == status, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.json()


async def stream(muxi: Served, body: Any) -> list[Any]:
    """The events of a stream, whose form is checked on the way."""
    body = {"model": "a", **body, "stream": True}
    async with muxi.http.post(f"{muxi.url}/v1/responses", json=body) as answer:
        assert answer.content_type == "text/event-stream"
        text = (await answer.read()).decode()
    *frames, last, rest = text.split("\n\n")
    assert (last, rest) == ("data: [DONE]", "")
    events: list[Any] = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


async def test_answers_have_all_that_a_response_must_have(tmp_path: Path) -> None:
    async with open_responses(tmp_path, ["Ahoy.", "Hello.", "Alice."]) as (muxi, model):
        check_response(await post(muxi, {"input": SAY_HELLO}))
        check_response(await post(muxi, {"input": "Say hello."}))
        system = {"type": "message", "role": "system", "content": "You are a pirate."}
        said = [
            system,
            {"type": "message", "role": "user", "content": "My name is Alice."},
            {"type": "message", "role": "assistant", "content": "Hello Alice!"},
            {"type": "message", "role": "user", "content": "What is my name?"},
        ]
        response = await post(muxi, {"input": said})
        assert response["output"][0]["content"][0]["text"] == "Alice."
        asked = model.requests[-1]
        assert asked.instructions.endswith("You are a pirate.")
        assert [message.role for message in asked.messages] == ["user", "assistant", "user"]


def lookup(word: str) -> str:
    """Look a word up."""
    raise LookupError(word)


async def test_streams_follow_the_rules_of_items_and_events(tmp_path: Path) -> None:
    script: list[Any] = [
        Reply(parts=[ReasoningPart(text="Let me think."), TextPart(text="One two three.")]),
        [TextPart(text="I look."), call("lookup", word="x"), call("get_weather", location="Rome")],
        Reply(parts=[TextPart(text="One two")], stop_reason="length"),
        Reply(parts=[TextPart(text="One two")], error=ModelRejected("No.", model="m")),
        '{"n": 1}',
    ]
    agents = {"a": {"name": "a", "tools": ["lookup"]}}
    tools = {"lookup": lookup}
    async with open_responses(tmp_path, script, tools=tools, agents=agents) as (muxi, _):
        whole = check_events(await stream(muxi, {"input": SAY_HELLO}))
        assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
        called = check_events(await stream(muxi, {"input": SAY_HELLO, "tools": [LOCATION]}))
        assert {item["type"]: item["status"] for item in called["output"]} == {
            "message": "completed",
            "mcp_call": "failed",
            "function_call": "completed",
        }
        short = check_events(await stream(muxi, {"input": SAY_HELLO}))
        assert short["incomplete_details"] == {"reason": "max_output_tokens"}
        assert short["output"][-1]["status"] == "incomplete"
        failed = (await stream(muxi, {"input": SAY_HELLO}))[-1]
        assert failed["type"] == "response.failed"
        assert failed["response"]["error"]["message"].startswith("No.")
        shape = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
        formed = check_events(await stream(muxi, {"input": "n?", "text": {"format": shape}}))
        assert formed["text"]["format"] == shape


async def test_the_input_output_and_new_input_of_a_chain_keep_their_order(tmp_path: Path) -> None:
    script = [call("get_weather", location="Oslo"), "Cold.", "Told you."]
    async with open_responses(tmp_path, script) as (muxi, model):
        first = await post(muxi, {"input": "Oslo?", "tools": [LOCATION]})
        (asked,) = first["output"]
        output = {"type": "function_call_output", "call_id": asked["call_id"], "output": "-20"}
        second = await post(muxi, {"input": [output], "previous_response_id": first["id"]})
        assert second["previous_response_id"] == first["id"]
        await post(muxi, {"input": "Sure?", "previous_response_id": second["id"]})
        said = model.requests[-1].messages
        assert [message.role for message in said] == [
            *("user", "assistant", "tool", "assistant", "user"),
        ]
        missing = await post(muxi, {"input": "x", "previous_response_id": "resp_1"}, status=404)
        assert missing["error"]["param"] == "previous_response_id"


async def test_the_choice_of_tools_is_a_hard_constraint(tmp_path: Path) -> None:
    script = [
        "No tools.",
        call("other", location="x"),
        "Then not.",
        call("get_weather", location="x"),
    ]
    async with open_responses(tmp_path, script) as (muxi, model):
        tools = [LOCATION, OTHER]
        none = await post(muxi, {"input": "x", "tools": tools, "tool_choice": "none"})
        assert model.requests[-1].tools == ()
        assert none["tool_choice"] == "none"
        only = {"type": "allowed_tools", "tools": [{"type": "function", "name": "get_weather"}]}
        kept = await post(muxi, {"input": "x", "tools": tools, "tool_choice": only})
        assert [item["type"] for item in kept["output"]] == ["message"], "the call was rejected"
        assert len(kept["tools"]) == 2
        named = {"type": "function", "name": "get_weather"}
        forced = await post(muxi, {"input": "x", "tools": tools, "tool_choice": named})
        assert forced["output"][0]["name"] == "get_weather"


async def test_errors_say_what_is_wrong_and_where(tmp_path: Path) -> None:
    async with open_responses(tmp_path, []) as (muxi, _):
        wrong: list[tuple[Any, int, str, str | None]] = [
            ({"model": "nobody", "input": "x"}, 404, "not_found", "model"),
            ({"input": 7}, 400, "invalid_request_error", "input"),
            ({"input": "x", "temperature": 9}, 400, "invalid_request_error", "temperature"),
            ({"input": "x", "nonsense": 9}, 400, "invalid_request_error", "nonsense"),
        ]
        for body, status, kind, param in wrong:
            error = (await post(muxi, body, status=status))["error"]
            assert error["message"]
            assert error["code"]
            assert (error["type"], error["param"].split(".")[0]) == (kind, param)
