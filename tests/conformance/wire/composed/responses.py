"""Responses: https://platform.openai.com/docs/api-reference/responses-streaming."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .case import Case, sse, transports
from .chat_completions import UNICODE

_USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 123,
}


def _answer(status: str, output: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": "gpt-test-1",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        **more,
    }


class _Item:
    """One output item: the events that bring it, and what it is at the end."""

    def __init__(self, index: int, started: dict[str, Any], final: dict[str, Any]) -> None:
        self.index = index
        self.final = final
        self.head: list[dict[str, Any]] = [
            {"type": "response.output_item.added", "output_index": index, "item": started}
        ]
        self.pieces: list[dict[str, Any]] = []
        self.tail: list[dict[str, Any]] = [
            {"type": "response.output_item.done", "output_index": index, "item": final}
        ]

    def piece(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "item_id": self.final["id"], "output_index": self.index, **fields}
        self.pieces.append(event)

    def __iter__(self):
        return iter([*self.head, *self.pieces, *self.tail])


def _said(index: int, *pieces: str, refusal: bool = False, phase: str | None = None) -> _Item:
    text = "".join(pieces)
    if refusal:
        part: dict[str, Any] = {"type": "refusal", "refusal": text}
        empty: dict[str, Any] = {"type": "refusal", "refusal": ""}
    else:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        empty = {**part, "text": ""}
    base = {"id": f"msg_{index}", "type": "message", "role": "assistant"}
    if phase:
        base["phase"] = phase
    item = _Item(
        index,
        {**base, "status": "in_progress", "content": []},
        {**base, "status": "completed", "content": [part]},
    )
    item.piece("response.content_part.added", content_index=0, part=empty)
    delta = "response.refusal.delta" if refusal else "response.output_text.delta"
    for piece in pieces:
        item.piece(delta, content_index=0, delta=piece, logprobs=[])
    if refusal:
        item.piece("response.refusal.done", content_index=0, refusal=text)
    else:
        item.piece("response.output_text.done", content_index=0, text=text, logprobs=[])
    item.piece("response.content_part.done", content_index=0, part=part)
    return item


def _call(index: int, *pieces: str, name: str = "weather") -> _Item:
    base = {"id": f"fc_{index}", "type": "function_call", "call_id": f"call_{index}", "name": name}
    text = "".join(pieces)
    item = _Item(
        index,
        {**base, "status": "in_progress", "arguments": ""},
        {**base, "status": "completed", "arguments": text},
    )
    for piece in pieces:
        item.piece("response.function_call_arguments.delta", delta=piece)
    item.piece("response.function_call_arguments.done", arguments=text, name=name)
    return item


def _reasoning(index: int, *summaries: str, encrypted: str | None = "Z0FBQUE=") -> _Item:
    base: dict[str, Any] = {"id": f"rs_{index}", "type": "reasoning"}
    parts = [{"type": "summary_text", "text": text} for text in summaries]
    item = _Item(
        index,
        {**base, "summary": []},
        {**base, "summary": parts, "encrypted_content": encrypted},
    )
    for number, text in enumerate(summaries):
        where = {"summary_index": number}
        item.piece(
            "response.reasoning_summary_part.added",
            part={"type": "summary_text", "text": ""},
            **where,
        )
        for piece in (text[:4], text[4:]):
            item.piece("response.reasoning_summary_text.delta", delta=piece, **where)
        item.piece("response.reasoning_summary_text.done", text=text, **where)
        item.piece("response.reasoning_summary_part.done", part=parts[number], **where)
    return item


def _thoughts(index: int, text: str) -> _Item:
    base: dict[str, Any] = {"id": f"rs_{index}", "type": "reasoning", "summary": []}
    content = [{"type": "reasoning_text", "text": text}]
    item = _Item(index, base, {**base, "content": content})
    for piece in (text[:3], text[3:]):
        item.piece("response.reasoning_text.delta", content_index=0, delta=piece)
    item.piece("response.reasoning_text.done", content_index=0, text=text)
    return item


def _numbered(events: Iterable[Any]) -> bytes:
    out = [
        {**event, "sequence_number": number} if isinstance(event, dict) else event
        for number, event in enumerate(events)
    ]
    return sse(out, names=lambda event: event["type"] if isinstance(event, dict) else "message")


_HEAD = [
    {"type": kind, "response": _answer("in_progress", [])}
    for kind in ("response.created", "response.in_progress")
]


def _end(items: Iterable[_Item], status: str = "completed", **more: Any) -> dict[str, Any]:
    more.setdefault("usage", _USAGE)
    output = [item.final for item in items]
    return {"type": f"response.{status}", "response": _answer(status, output, **more)}


def _stream(*items: _Item, status: str = "completed", **more: Any) -> bytes:
    events = [event for item in items for event in item]
    return _numbered([*_HEAD, *events, _end(items, status, **more)])


def _interleaved(one: _Item, two: _Item) -> bytes:
    pairs = zip(one.pieces, two.pieces, strict=True)
    pieces = [piece for pair in pairs for piece in pair]
    events = [*_HEAD, *one.head, *two.head, *pieces, *one.tail, *two.tail, _end([one, two])]
    return _numbered(events)


_RICH_ITEMS = (
    _reasoning(0, "The user wants it.", "So do it."),
    _said(1, "Let me ", UNICODE),
    _call(2, '{"ci', 'ty": "Par', 'is", "days"', ": 3}"),
)
_RICH = Case("rich", _stream(*_RICH_ITEMS))
_HI = _said(0, "Hi", " you")

_VALID = [
    _RICH,
    Case("text", _stream(_HI)),
    Case("empty", _stream()),
    Case("empty_text", _stream(_said(0, ""))),
    Case("many_tokens", _stream(_said(0, *[f"{i} " for i in range(400)]))),
    Case("two_messages", _stream(_said(0, "one", phase="commentary"), _said(1, "two"))),
    Case("refusal", _stream(_said(0, "I can", "not.", refusal=True))),
    Case("tool_whole", _stream(_call(0, '{"a": 1}'))),
    Case("tool_fragments", _stream(_call(0, *'{"city": "Köln \\"x\\" 🌦"}'))),
    Case("tool_no_arguments", _stream(_call(0, "{}", name="now"))),
    Case("tool_empty_arguments", _stream(_call(0, name="now"))),
    Case("tools_parallel", _stream(_call(0, '{"city":', '"Rome"}'), _call(1, '{"city":"Oslo"}'))),
    Case("tools_interleaved", _interleaved(_call(0, '{"x":', "1}"), _call(1, '{"y":', "2}"))),
    Case("tool_malformed_arguments", _stream(_call(0, '{"city": Par'))),
    Case(
        "tool_huge_arguments", _stream(_call(0, '{"text": "', *["lorem ipsum " * 500] * 20, '"}'))
    ),
    Case("reasoning", _stream(_reasoning(0, "Hm, so 4."), _said(1, "4"))),
    Case("reasoning_hidden", _stream(_reasoning(0), _said(1, "4"))),
    Case("reasoning_not_encrypted", _stream(_reasoning(0, "Hm.", encrypted=None), _said(1, "4"))),
    Case("reasoning_in_full", _stream(_thoughts(0, "Hm, so 4."), _said(1, "4"))),
    Case(
        "usage_details",
        _stream(
            _HI,
            usage={
                "input_tokens": 2006,
                "input_tokens_details": {"cached_tokens": 1920, "cache_write_tokens": 64},
                "output_tokens": 300,
                "output_tokens_details": {"reasoning_tokens": 256},
                "total_tokens": 2306,
            },
        ),
    ),
    Case(
        "incomplete_length",
        _stream(
            _said(0, "Hel"),
            status="incomplete",
            incomplete_details={"reason": "max_output_tokens"},
        ),
    ),
    Case(
        "incomplete_filter",
        _stream(
            _said(0, "Hel"), status="incomplete", incomplete_details={"reason": "content_filter"}
        ),
    ),
    Case(
        "queued_first",
        _numbered(
            [
                _HEAD[0],
                {"type": "response.queued", "response": _answer("queued", [])},
                *_HI,
                _end([_HI]),
            ]
        ),
    ),
    Case(
        "web_search_call",
        _stream(
            _Item(
                0,
                {"id": "ws_0", "type": "web_search_call", "status": "in_progress"},
                {
                    "id": "ws_0",
                    "type": "web_search_call",
                    "status": "completed",
                    "action": {"type": "search", "query": "x"},
                },
            ),
            _said(1, "Found."),
        ),
    ),
    Case(
        "unknown_fields",
        _numbered(
            [
                *_HEAD,
                *[{**event, "obfuscation": "a8Q", "novelty": {"deep": [1]}} for event in _HI],
                _end([_HI], mood="fine"),
            ]
        ),
    ),
    Case(
        "unknown_event",
        _numbered(
            [
                *_HEAD,
                {"type": "response.mood.delta", "delta": {"hue": 3}, "output_index": "none"},
                *_HI,
                _end([_HI]),
            ]
        ),
    ),
    Case(
        "done_marker",
        _stream(_HI) + b"data: [DONE]\n\n",
    ),
    Case(
        "without_deltas",
        _numbered([*_HEAD, *_HI.head, *_HI.tail, _end([_HI])]),
    ),
    Case(
        "half_surrogates",
        _numbered([*_HEAD, *_HI.head, _HI.pieces[0]])
        + sse(
            [
                json.dumps({**_HI.pieces[1], "delta": "a\ud83d", "sequence_number": 8}),
                json.dumps({**_HI.pieces[1], "delta": "\ude00b", "sequence_number": 9}),
            ]
        )
        + _numbered([*_said(0, "a😀b").tail, _end([_said(0, "a😀b")])]),
    ),
    *transports(_RICH, differing=["ids_and_retry"]),
]

_HALF = [*_HEAD, *_HI.head, *_HI.pieces[:2]]


def _failed(code: str | None, words: str = "Sorry.") -> dict[str, Any]:
    error = {"code": code, "message": words}
    return {"type": "response.failed", "response": _answer("failed", [], error=error)}


def _error(code: str | None, words: str = "Sorry.") -> dict[str, Any]:
    return {"type": "error", "code": code, "message": words, "param": None}


_BROKEN = [
    Case("error_first", _numbered([_error("server_error")]), "ModelUnavailable"),
    Case("error_in_the_middle", _numbered([*_HALF, _error("server_error")]), "ModelUnavailable"),
    Case(
        "error_nested",
        _numbered(
            [
                *_HALF,
                {
                    "type": "error",
                    "error": {
                        "type": "invalid_request_error",
                        "code": "context_length_exceeded",
                        "message": "Your input exceeds the context window of this model.",
                    },
                },
            ]
        ),
        "ContextTooLong",
    ),
    Case("error_rate_limit", _numbered([_error("rate_limit_exceeded")]), "ModelRateLimited"),
    Case("failed_server", _numbered([*_HALF, _failed("server_error")]), "ModelUnavailable"),
    Case(
        "failed_rate_limit",
        _numbered([*_HEAD, _failed("rate_limit_exceeded")]),
        "ModelRateLimited",
    ),
    Case("failed_prompt", _numbered([*_HEAD, _failed("invalid_prompt")]), "ModelRejected"),
    Case("failed_image", _numbered([*_HEAD, _failed("image_too_large")]), "ModelRejected"),
    Case("ends_early", _numbered(_HALF), "ModelConnectionError"),
    Case("ends_at_once", b"", "ModelConnectionError"),
    Case("cut", _numbered(_HALF), "ModelConnectionError", cut=True),
    Case("cut_inside_an_event", _numbered(_HALF)[:-9], "ModelConnectionError", cut=True),
    Case("cut_before_the_end", _numbered([*_HEAD, *_HI]), "ModelConnectionError"),
    Case("malformed_json", _numbered([*_HALF, '{"type": "response.']), "ModelProtocolError"),
    Case("not_an_object", _numbered([*_HALF, "42"]), "ModelProtocolError"),
    Case("delta_without_item", _numbered([*_HEAD, _HI.pieces[1]]), "ModelProtocolError"),
    Case(
        "wrong_type_delta",
        _numbered([*_HALF, {**_HI.pieces[1], "delta": 5}]),
        "ModelProtocolError",
    ),
    Case(
        "wrong_type_index",
        _numbered([*_HEAD, {**_HI.head[0], "output_index": "zero"}]),
        "ModelProtocolError",
    ),
    Case("wrong_type_item", _numbered([*_HEAD, {**_HI.head[0], "item": 5}]), "ModelProtocolError"),
    Case(
        "wrong_type_response",
        _numbered([*_HEAD, *_HI, {"type": "response.completed", "response": "yes"}]),
        "ModelProtocolError",
    ),
    Case("web_page", b"<html>Sign in</html>", "ModelProtocolError", kind="text/html"),
]


def _refused(name: str, status: int, error: Any, ours: str, **headers: str) -> Case:
    body = json.dumps(error).encode()
    return Case(name, body, ours, status=status, kind="application/json", headers=headers)


_REFUSED = [
    _refused("http_400", 400, {"error": {"message": "bad"}}, "ModelRejected"),
    _refused("http_401", 401, {"error": {"message": "Incorrect API key"}}, "ModelAuthError"),
    _refused(
        "http_429", 429, {"error": {"message": "Slow"}}, "ModelRateLimited", **{"Retry-After": "7"}
    ),
    _refused("http_500", 500, {"error": {"message": "Oops"}}, "ModelUnavailable"),
]

CASES = [*_VALID, *_BROKEN, *_REFUSED]
