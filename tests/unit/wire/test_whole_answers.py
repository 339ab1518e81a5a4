"""Servers that answer with one document where a stream was asked for."""

from __future__ import annotations

import json
from typing import Any

from muxi.core.events import ResponseCompleted
from muxi.core.messages import ReasoningPart, TextPart, ToolCallPart
from muxi.wire.anthropic.answer import MessagesDecoder
from muxi.wire.decoder import Decoder
from muxi.wire.gemini.answer import GeminiDecoder
from muxi.wire.responses.answer import ResponsesDecoder
from muxi.wire.sse import SseEvent


def read(decoder: Decoder, document: Any) -> ResponseCompleted:
    events = list(decoder.feed(SseEvent("message", json.dumps(document).encode())))
    if not decoder.done:
        events.extend(decoder.end())
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    return done


def test_a_whole_message() -> None:
    done = read(
        MessagesDecoder(provider="p", model="m"),
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "text", "text": "Hi"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
    )
    assert done.parts == [
        ReasoningPart(text="Hm.", provider={"anthropic": {"signature": "c2ln"}}),
        TextPart(text="Hi"),
        ToolCallPart(id="t", name="f", arguments={"a": 1}),
    ]
    assert (done.stop_reason, done.model, done.usage.output_tokens) == (
        "tool_calls",
        "p/claude-x",
        4,
    )


def test_a_whole_response() -> None:
    done = read(
        ResponsesDecoder(provider="p", model="m"),
        {
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "model": "gpt-x",
            "output": [
                {
                    "type": "message",
                    "id": "m",
                    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
            ],
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
    )
    assert done.parts == [TextPart(text="Hi"), ToolCallPart(id="c", name="f", arguments={"a": 1})]
    assert (done.stop_reason, done.usage.input_tokens) == ("tool_calls", 3)


def test_chunks_in_one_array() -> None:
    part = {"executableCode": {"code": "1"}}
    done = read(
        GeminiDecoder(provider="p", model="m"),
        [
            {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]},
            {"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]},
        ],
    )
    assert done.parts[0] == TextPart(text="Hi")
    assert done.parts[1].provider == {"gemini": {"part": part}}
    assert done.stop_reason == "stop"
