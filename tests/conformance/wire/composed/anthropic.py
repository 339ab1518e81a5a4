"""Messages: https://platform.claude.com/docs/en/build-with-claude/streaming."""

from __future__ import annotations

import json
from typing import Any

from .case import Case, sse, transports
from .chat_completions import UNICODE

_PING = {"type": "ping"}
_END = {"type": "message_stop"}


def _start(**usage: Any) -> dict[str, Any]:
    return {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "claude-test-1",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 25, "output_tokens": 1, **usage},
        },
    }


def _block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *[_delta(index, delta) for delta in deltas],
        {"type": "content_block_stop", "index": index},
    ]


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _text(index: int, *pieces: str) -> list[dict[str, Any]]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return _block(index, {"type": "text", "text": ""}, *deltas)


def _tool(index: int, *pieces: str, name: str = "weather") -> list[dict[str, Any]]:
    start = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return _block(index, start, *deltas)


def _thinking(index: int, signature: str, *pieces: str) -> list[dict[str, Any]]:
    return _block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *[{"type": "thinking_delta", "thinking": piece} for piece in pieces],
        {"type": "signature_delta", "signature": signature},
    )


def _stop(reason: str = "end_turn", usage: Any = None, **delta: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **delta},
        "usage": {"output_tokens": 15} if usage is None else usage,
    }


def _name(event: Any) -> str:
    return event["type"] if isinstance(event, dict) else "content_block_delta"


def _stream(*events: Any) -> bytes:
    flat: list[Any] = []
    for event in events:
        flat.extend(event if isinstance(event, list) else [event])
    return sse(flat, names=_name)


_RICH = Case(
    "rich",
    _stream(
        _start(cache_read_input_tokens=100),
        _PING,
        _thinking(0, "c2lnbmVk", "The user ", "wants it."),
        _text(1, "Let me ", UNICODE),
        _tool(2, '{"ci', 'ty": "Par', 'is", "days"', ": 3}"),
        _stop("tool_use"),
        _END,
    ),
)

_VALID = [
    _RICH,
    Case("text", _stream(_start(), _text(0, "Hello", " you"), _stop(), _END)),
    Case("empty", _stream(_start(), _stop(), _END)),
    Case("many_tokens", _stream(_start(), _text(0, *[f"{i} " for i in range(400)]), _stop(), _END)),
    Case(
        "text_in_block_start",
        _stream(
            _start(),
            _block(0, {"type": "text", "text": "Hel"}, {"type": "text_delta", "text": "lo"}),
            _stop(),
            _END,
        ),
    ),
    Case("two_texts", _stream(_start(), _text(0, "one"), _text(1, "two"), _stop(), _END)),
    Case(
        "stop_sequence",
        _stream(_start(), _text(0, "a"), _stop("stop_sequence", stop_sequence="b"), _END),
    ),
    Case("max_tokens", _stream(_start(), _text(0, "Hel"), _stop("max_tokens"), _END)),
    Case(
        "context_full",
        _stream(_start(), _text(0, "Hel"), _stop("model_context_window_exceeded"), _END),
    ),
    Case("pause_turn", _stream(_start(), _text(0, "Hel"), _stop("pause_turn"), _END)),
    Case("refusal", _stream(_start(), _text(0, "I can"), _stop("refusal"), _END)),
    Case(
        "refusal_explained",
        _stream(
            _start(),
            _stop(
                "refusal",
                stop_details={"type": "refusal", "category": "bio", "explanation": "No."},
            ),
            _END,
        ),
    ),
    Case("tool_whole", _stream(_start(), _tool(0, '{"a": 1}'), _stop("tool_use"), _END)),
    Case(
        "tool_fragments",
        _stream(
            _start(),
            _tool(0, "", *'{"city": "Köln \\"x\\" 🌦"}'),
            _stop("tool_use"),
            _END,
        ),
    ),
    Case("tool_no_arguments", _stream(_start(), _tool(0, ""), _stop("tool_use"), _END)),
    Case(
        "tools_parallel",
        _stream(
            _start(),
            _text(0, "Both."),
            _tool(1, '{"city":', '"Rome"}'),
            _tool(2, '{"city":', '"Oslo"}'),
            _stop("tool_use"),
            _END,
        ),
    ),
    Case(
        "tools_interleaved",
        _stream(
            _start(),
            _tool(0)[:1],
            _tool(1)[:1],
            _delta(0, {"type": "input_json_delta", "partial_json": '{"x":'}),
            _delta(1, {"type": "input_json_delta", "partial_json": '{"y":'}),
            _delta(0, {"type": "input_json_delta", "partial_json": "1}"}),
            _delta(1, {"type": "input_json_delta", "partial_json": "2}"}),
            _tool(0)[-1:],
            _tool(1)[-1:],
            _stop("tool_use"),
            _END,
        ),
    ),
    Case(
        "tool_huge_arguments",
        _stream(
            _start(),
            _tool(0, '{"text": "', *["lorem ipsum " * 500] * 20, '"}'),
            _stop("tool_use"),
            _END,
        ),
    ),
    Case(
        "tool_malformed_arguments",
        _stream(_start(), _tool(0, '{"city": Par'), _stop("tool_use"), _END),
        differs=True,
    ),
    Case(
        "tool_cut_by_length",
        _stream(_start(), _tool(0, '{"city": "Par'), _stop("max_tokens"), _END),
        differs=True,
    ),
    Case(
        "thinking",
        _stream(_start(), _thinking(0, "c2ln", "Hm, ", "so 4."), _text(1, "4"), _stop(), _END),
    ),
    Case(
        "thinking_omitted",
        _stream(_start(), _thinking(0, "b25seSBzaWduZWQ="), _text(1, "4"), _stop(), _END),
    ),
    Case(
        "thinking_redacted",
        _stream(
            _start(),
            _block(0, {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"}),
            _text(1, "4"),
            _stop(),
            _END,
        ),
    ),
    Case(
        "thinking_between_tools",
        _stream(
            _start(),
            _thinking(0, "YQ==", "First."),
            _tool(1, "{}"),
            _thinking(2, "Yg==", "Then."),
            _tool(3, '{"b": 2}'),
            _stop("tool_use"),
            _END,
        ),
    ),
    Case(
        "usage_cached",
        _stream(
            _start(
                cache_read_input_tokens=1800,
                cache_creation_input_tokens=200,
                cache_creation={"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 0},
            ),
            _text(0, "Hi"),
            _stop(usage={"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 30}}),
            _END,
        ),
    ),
    Case(
        "usage_corrected_at_the_end",
        _stream(
            _start(),
            _text(0, "Hi"),
            _stop(
                usage={
                    "input_tokens": 31,
                    "output_tokens": 9,
                    "cache_read_input_tokens": 5,
                    "cache_creation_input_tokens": 6,
                }
            ),
            _END,
        ),
    ),
    Case(
        "usage_nulls",
        _stream(
            _start(cache_read_input_tokens=None, cache_creation_input_tokens=None),
            _text(0, "Hi"),
            _stop(usage={"output_tokens": 2, "input_tokens": None}),
            _END,
        ),
    ),
    Case(
        "pings",
        _stream(_PING, _start(), _PING, *_text(0, "a", "b"), _PING, _stop(), _PING, _END),
        differs=False,
    ),
    Case(
        "citations",
        _stream(
            _start(),
            _block(
                0,
                {"type": "text", "text": "", "citations": []},
                {
                    "type": "citations_delta",
                    "citation": {
                        "type": "char_location",
                        "cited_text": "x",
                        "document_index": 0,
                        "document_title": None,
                        "start_char_index": 0,
                        "end_char_index": 1,
                        "file_id": None,
                    },
                },
                {"type": "text_delta", "text": "So it says."},
            ),
            _stop(),
            _END,
        ),
    ),
    Case(
        "server_tool",
        _stream(
            _start(),
            _block(
                0,
                {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"query": "x"}'},
            ),
            _block(1, {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}),
            _text(2, "Found."),
            _stop(),
            _END,
        ),
    ),
    Case(
        "unknown_fields",
        _stream(
            {**_start(), "novelty": 1},
            [{**event, "more": {"deep": [1]}} for event in _text(0, "Hi")],
            {**_stop(), "context_management": {"applied_edits": []}},
            _END,
        ),
    ),
    Case(
        "unknown_event",
        _stream(
            _start(),
            {"type": "message_mood", "delta": 5, "index": "x"},
            *_text(0, "Hi"),
            _stop(),
            _END,
        ),
    ),
    Case(
        "unknown_delta",
        _stream(
            _start(),
            _block(
                0,
                {"type": "text", "text": ""},
                {"type": "hue_delta", "hue": 3},
                {"type": "text_delta", "text": "Hi"},
            ),
            _stop(),
            _END,
        ),
    ),
    Case("no_message_stop", _stream(_start(), _text(0, "Hi"), _stop())),
    Case(
        "half_surrogates",
        _stream(
            _start(),
            _text(0)[:1],
            json.dumps(_delta(0, {"type": "text_delta", "text": "a\ud83d"})),
            json.dumps(_delta(0, {"type": "text_delta", "text": "\ude00b"})),
            _text(0)[-1:],
            _stop(),
            _END,
        ),
    ),
    *transports(_RICH, differing=["bom"]),
]


def _error(kind: str, words: str = "Sorry.") -> dict[str, Any]:
    return {
        "type": "error",
        "error": {"type": kind, "message": words},
        "request_id": "req_1",
    }


_HALF = [_start(), *_text(0, "He")[:2]]
_BROKEN = [
    Case("error_first", _stream(_error("overloaded_error", "Overloaded")), "ModelUnavailable"),
    Case("error_in_the_middle", _stream(_HALF, _error("overloaded_error")), "ModelUnavailable"),
    Case("error_api", _stream(_HALF, _error("api_error")), "ModelUnavailable"),
    Case("error_rate_limit", _stream(_HALF, _error("rate_limit_error")), "ModelRateLimited"),
    Case("error_key", _stream(_error("authentication_error")), "ModelAuthError"),
    Case("error_request", _stream(_error("invalid_request_error", "bad")), "ModelRejected"),
    Case(
        "error_context",
        _stream(_error("invalid_request_error", "prompt is too long: 210000 tokens > 200000")),
        "ContextTooLong",
    ),
    Case(
        "error_not_json",
        _stream(_HALF) + b"event: error\ndata: upstream went away\n\n",
        "ModelUnavailable",
    ),
    Case("ends_early", _stream(_HALF), "ModelConnectionError"),
    Case("ends_at_once", b"", "ModelConnectionError"),
    Case("cut", _stream(_HALF), "ModelConnectionError", cut=True),
    Case("cut_inside_an_event", _stream(_HALF)[:-9], "ModelConnectionError", cut=True),
    Case("cut_before_the_reason", _stream(_start(), _text(0, "Hi")), "ModelConnectionError"),
    Case("malformed_json", _stream(_HALF, '{"type": "content_'), "ModelProtocolError"),
    Case("not_an_object", _stream(_HALF, "42"), "ModelProtocolError"),
    Case("no_start", _stream(_text(0, "Hi"), _stop(), _END), "ModelProtocolError"),
    Case(
        "delta_without_block",
        _stream(_start(), _delta(3, {"type": "text_delta", "text": "x"})),
        "ModelProtocolError",
    ),
    Case(
        "wrong_type_text",
        _stream(
            _start(), _block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": 5})
        ),
        "ModelProtocolError",
    ),
    Case(
        "wrong_type_index",
        _stream(_start(), {**_text(0)[0], "index": "zero"}),
        "ModelProtocolError",
    ),
    Case(
        "wrong_type_message", _stream({"type": "message_start", "message": 5}), "ModelProtocolError"
    ),
    Case("web_page", b"<html>Sign in</html>", "ModelProtocolError", kind="text/html"),
]


def _refused(
    name: str, status: int, kind: str, ours: str, words: str = "No.", **headers: str
) -> Case:
    body = json.dumps(_error(kind, words)).encode()
    return Case(name, body, ours, status=status, kind="application/json", headers=headers)


_REFUSED = [
    _refused("http_400", 400, "invalid_request_error", "ModelRejected"),
    _refused(
        "http_400_context", 400, "invalid_request_error", "ContextTooLong", "prompt is too long: 9"
    ),
    _refused("http_401", 401, "authentication_error", "ModelAuthError"),
    _refused("http_404", 404, "not_found_error", "UnknownModel", "model: claude-x not found"),
    _refused("http_429", 429, "rate_limit_error", "ModelRateLimited", **{"Retry-After": "7"}),
    _refused("http_500", 500, "api_error", "ModelUnavailable"),
    _refused("http_529", 529, "overloaded_error", "ModelUnavailable"),
]

CASES = [*_VALID, *_BROKEN, *_REFUSED]
