"""Chat completions: https://platform.openai.com/docs/api-reference/chat-streaming."""

from __future__ import annotations

import json
from typing import Any

from .case import Case, sse, transports

_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
UNICODE = "Grüße 👩‍👩‍👧 שלום \u0000 漢字 end"


def _chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-test-1",
        "choices": [choice],
        **more,
    }


def _usage(usage: Any) -> dict[str, Any]:
    return {**_chunk(), "choices": [], "usage": usage}


def _call(index: int, arguments: str | None = None, **start: Any) -> dict[str, Any]:
    function: dict[str, Any] = {}
    call: dict[str, Any] = {"index": index, "function": function}
    if start:
        call |= {"id": start["id"], "type": "function"}
        function["name"] = start["name"]
    if arguments is not None:
        function["arguments"] = arguments
    return _chunk({"tool_calls": [call]})


def _stream(*chunks: Any, usage: Any = _USAGE, done: bool = True) -> bytes:
    last = [_usage(usage)] if usage is not None else []
    return sse([*chunks, *last, *(["[DONE]"] if done else [])])


_START = _chunk({"role": "assistant", "content": ""})
_STOP = _chunk(finish="stop")
_TOOLS = _chunk(finish="tool_calls")
_WEATHER = ('{"ci', 'ty": "Par', 'is", "days"', ": 3}")

_RICH = Case(
    "rich",
    _stream(
        _START,
        _chunk({"content": "Let me "}),
        _chunk({"content": UNICODE}),
        _call(0, "", id="call_1", name="weather"),
        *[_call(0, piece) for piece in _WEATHER],
        _TOOLS,
    ),
)

_VALID = [
    _RICH,
    Case("text", _stream(_START, _chunk({"content": "Hello"}), _chunk({"content": " you"}), _STOP)),
    Case("empty", _stream(_START, _STOP)),
    Case("no_role", _stream(_chunk({"content": "Hi"}), _STOP)),
    Case("null_content", _stream(_chunk({"role": "assistant", "content": None}), _STOP)),
    Case(
        "many_tokens", _stream(_START, *[_chunk({"content": f"{i} "}) for i in range(400)], _STOP)
    ),
    # Usage that nobody reports is estimated.
    Case("no_usage", _stream(_START, _chunk({"content": "Hi"}), _STOP, usage=None), differs=True),
    Case(
        "usage_details",
        _stream(
            _START,
            _chunk({"content": "Hi"}),
            _STOP,
            usage={
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 256,
                    "accepted_prediction_tokens": 0,
                },
            },
        ),
    ),
    Case(
        "usage_null_details",
        _stream(
            _START,
            _chunk({"content": "Hi"}),
            _STOP,
            usage={**_USAGE, "prompt_tokens_details": None, "completion_tokens_details": None},
        ),
    ),
    Case(
        "usage_with_last_choice",
        _stream(_START, _chunk({"content": "Hi"}), {**_STOP, "usage": _USAGE}, usage=None),
    ),
    Case("length", _stream(_START, _chunk({"content": "Hel"}), _chunk(finish="length"))),
    Case(
        "content_filter",
        _stream(_START, _chunk({"content": "I "}), _chunk(finish="content_filter")),
    ),
    Case(
        "refusal",
        _stream(
            _chunk({"role": "assistant", "refusal": "I can"}), _chunk({"refusal": "not."}), _STOP
        ),
    ),
    Case(
        "tool_whole",
        _stream(_call(0, '{"a": 1}', id="call_1", name="f"), _TOOLS),
    ),
    Case(
        "tool_fragments",
        _stream(
            _START,
            _call(0, "", id="call_1", name="weather"),
            *[_call(0, letter) for letter in '{"city": "Köln \\"x\\" 🌦"}'],
            _TOOLS,
        ),
    ),
    Case("tool_no_arguments", _stream(_call(0, "", id="call_1", name="now"), _TOOLS)),
    Case(
        "tools_parallel",
        _stream(
            _START,
            _call(0, '{"city":', id="call_1", name="weather"),
            _call(0, '"Rome"}'),
            _call(1, '{"city":', id="call_2", name="weather"),
            _call(1, '"Oslo"}'),
            _TOOLS,
        ),
    ),
    Case(
        "tools_interleaved",
        _stream(
            _START,
            _call(0, "", id="call_1", name="a"),
            _call(1, "", id="call_2", name="b"),
            _call(0, '{"x":'),
            _call(1, '{"y":'),
            _call(0, "1}"),
            _call(1, "2}"),
            _TOOLS,
        ),
    ),
    Case(
        "tools_in_one_chunk",
        _stream(
            _chunk(
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "index": index,
                            "id": f"call_{index}",
                            "type": "function",
                            "function": {"name": "f", "arguments": json.dumps({"n": index})},
                        }
                        for index in range(3)
                    ],
                }
            ),
            _TOOLS,
        ),
    ),
    Case(
        "tool_malformed_arguments",
        _stream(_call(0, '{"city": Par', id="call_1", name="weather"), _TOOLS),
    ),
    Case("tool_arguments_no_object", _stream(_call(0, "[1, 2]", id="call_1", name="f"), _TOOLS)),
    Case(
        "tool_huge_arguments",
        _stream(
            _call(0, '{"text": "', id="call_1", name="write"),
            *[_call(0, "lorem ipsum " * 500) for _ in range(40)],
            _call(0, '"}'),
            _TOOLS,
        ),
    ),
    Case(
        "reasoning_content",
        _stream(
            _chunk({"role": "assistant", "content": None, "reasoning_content": "Hm, "}),
            _chunk({"reasoning_content": "so 4."}),
            _chunk({"content": "4"}),
            _STOP,
        ),
    ),
    Case(
        "unknown_fields",
        _stream(
            _chunk({"content": "Hi", "mood": {"deep": [1]}}, service_tier="x", obfuscation="aQ"),
            _chunk(finish="stop", system_fingerprint=None, novelty=[1]),
            usage={**_USAGE, "queue_time": 0.1},
        ),
    ),
    Case(
        "second_choice",
        _stream(
            _chunk({"content": "one"}),
            {**_chunk(), "choices": [{"index": 1, "delta": {"content": "two"}}]},
            _STOP,
            {**_chunk(), "choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]},
        ),
    ),
    Case(
        "prompt_filter_first",
        _stream(
            {**_chunk(), "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            _chunk({"content": "Hi"}),
            _STOP,
        ),
    ),
    Case(
        "no_done",
        _stream(_START, _chunk({"content": "Hi"}), _STOP, done=False),
    ),
    Case(
        "half_surrogates",
        sse(
            [
                json.dumps(_chunk({"content": "a\ud83d"})),
                json.dumps(_chunk({"content": "\ude00b"})),
                _STOP,
                _usage(_USAGE),
                "[DONE]",
            ]
        ),
    ),
    *transports(_RICH, differing=["ids_and_retry"]),
]

_ERROR = {
    "error": {
        "message": "The server had an error while processing your request.",
        "type": "server_error",
        "code": None,
    }
}
_BROKEN = [
    Case("error_first", sse([_ERROR]), "ModelUnavailable"),
    Case(
        "error_in_the_middle", sse([_START, _chunk({"content": "He"}), _ERROR]), "ModelUnavailable"
    ),
    Case(
        "error_rate_limit",
        sse(
            [
                {
                    "error": {
                        "message": "Slow down.",
                        "type": "requests",
                        "code": "rate_limit_exceeded",
                    }
                }
            ]
        ),
        "ModelRateLimited",
    ),
    Case(
        "error_named_event",
        sse([_START, b'event: error\ndata: {"message": "boom"}\n\n']),
        "ModelUnavailable",
    ),
    Case("ends_early", sse([_START, _chunk({"content": "He"})]), "ModelConnectionError"),
    Case("ends_at_once", b"", "ModelConnectionError"),
    Case("cut", sse([_START, _chunk({"content": "He"})]), "ModelConnectionError", cut=True),
    Case(
        "cut_inside_an_event",
        sse([_START, _chunk({"content": "He"})])[:-9],
        "ModelConnectionError",
        cut=True,
    ),
    Case("malformed_json", sse([_START, '{"choices": [{']), "ModelProtocolError"),
    Case("not_an_object", sse([_START, "42"]), "ModelProtocolError"),
    Case("wrong_type_choices", sse([_START, {**_chunk(), "choices": 5}]), "ModelProtocolError"),
    Case("wrong_type_content", sse([_START, _chunk({"content": 5}), _STOP]), "ModelProtocolError"),
    Case("wrong_type_calls", sse([_chunk({"tool_calls": "x"}), _TOOLS]), "ModelProtocolError"),
    Case("web_page", b"<html>Sign in</html>", "ModelProtocolError", kind="text/html"),
]


def _refused(name: str, status: int, error: Any, ours: str, **headers: str) -> Case:
    body = json.dumps(error).encode()
    return Case(name, body, ours, status=status, kind="application/json", headers=headers)


_REFUSED = [
    _refused(
        "http_400_context",
        400,
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens.",
                "type": "invalid_request_error",
                "code": "context_length_exceeded",
            }
        },
        "ContextTooLong",
    ),
    _refused("http_401", 401, {"error": {"message": "Incorrect API key"}}, "ModelAuthError"),
    _refused(
        "http_404", 404, {"error": {"code": "model_not_found", "message": "no"}}, "UnknownModel"
    ),
    _refused(
        "http_429", 429, {"error": {"message": "Slow"}}, "ModelRateLimited", **{"Retry-After": "7"}
    ),
    _refused("http_500", 500, {"error": {"message": "Oops"}}, "ModelUnavailable"),
    _refused("http_503_text", 503, "overloaded", "ModelUnavailable"),
]

CASES = [*_VALID, *_BROKEN, *_REFUSED]
