"""generateContent: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse."""

from __future__ import annotations

import json
from typing import Any

from .case import Case, sse, transports
from .chat_completions import UNICODE

_USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21}


def _chunk(*parts: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if finish is not None:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": _USAGE,
        "modelVersion": "gemini-test-1",
        "responseId": "resp-1",
        **more,
    }


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, **more}


def _thought(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "thought": True, **more}


def _call(name: str, args: Any, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    call = {"name": name, "args": args}
    return {"functionCall": call if call_id is None else {"id": call_id, **call}, **more}


_SIGNED = {"thoughtSignature": "c2lnbmVk"}
_RICH = Case(
    "rich",
    sse(
        [
            _chunk(_thought("The user ")),
            _chunk(_thought("wants it.")),
            _chunk(_text("Let me ")),
            _chunk(_text(UNICODE)),
            _chunk(_call("weather", {"city": "Paris", "days": 3}, "fc-1", **_SIGNED)),
            _chunk(_text(""), finish="STOP"),
        ]
    ),
)

_VALID = [
    _RICH,
    Case("text", sse([_chunk(_text("Hello")), _chunk(_text(" you"), finish="STOP")])),
    Case("empty_part", sse([_chunk({}), _chunk(_text("Hi"), finish="STOP")])),
    Case("done_marker", sse([_chunk(_text("Hi"), finish="STOP"), "[DONE]"]), differs=True),
    Case("one_chunk", sse([_chunk(_text("Hello"), finish="STOP")])),
    Case("empty", sse([_chunk(finish="STOP")])),
    Case(
        "empty_content",
        sse([{**_chunk(), "candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}]),
    ),
    Case(
        "many_tokens",
        sse([*[_chunk(_text(f"{i} ")) for i in range(400)], _chunk(finish="STOP")]),
    ),
    Case("several_parts", sse([_chunk(_text("a"), _text("b")), _chunk(_text("c"), finish="STOP")])),
    Case("max_tokens", sse([_chunk(_text("Hel"), finish="MAX_TOKENS")])),
    Case("safety", sse([_chunk(_text("I ")), _chunk(finish="SAFETY")])),
    Case("recitation", sse([_chunk(_text("I ")), _chunk(finish="RECITATION")])),
    Case("prohibited", sse([_chunk(finish="PROHIBITED_CONTENT")])),
    Case("other_reason", sse([_chunk(_text("Hm"), finish="OTHER")])),
    Case("unknown_reason", sse([_chunk(_text("Hm"), finish="BORED")])),
    Case(
        "prompt_blocked",
        sse(
            [
                {
                    "promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []},
                    "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
                    "modelVersion": "gemini-test-1",
                }
            ]
        ),
    ),
    Case("tool", sse([_chunk(_call("f", {"a": 1}, "fc-1"), finish="STOP")])),
    Case("tool_without_id", sse([_chunk(_call("f", {"a": 1}), finish="STOP")])),
    Case(
        "tool_no_arguments",
        sse([_chunk({"functionCall": {"name": "now", "id": "1"}}, finish="STOP")]),
    ),
    Case("tool_unicode", sse([_chunk(_call("f", {"city": "Köln 🌦"}, "1"), finish="STOP")])),
    Case(
        "tools_parallel",
        sse(
            [
                _chunk(
                    _call("weather", {"city": "Rome"}, "1", **_SIGNED),
                    _call("weather", {"city": "Oslo"}, "2"),
                ),
                _chunk(finish="STOP"),
            ]
        ),
    ),
    Case(
        "tools_in_several_chunks",
        sse(
            [
                _chunk(_text("Both.")),
                _chunk(_call("a", {"x": 1}, "1", **_SIGNED)),
                _chunk(_call("b", {"y": 2}, "2")),
                _chunk(_text(""), finish="STOP"),
            ]
        ),
    ),
    Case(
        "tool_huge_arguments",
        sse([_chunk(_call("f", {"text": "lorem " * 40_000}, "1"), finish="STOP")]),
    ),
    Case(
        "thoughts",
        sse(
            [_chunk(_thought("Hm, ")), _chunk(_thought("so 4.")), _chunk(_text("4"), finish="STOP")]
        ),
    ),
    Case(
        "signature_at_the_end",
        sse([_chunk(_text("4")), _chunk(_text("", **_SIGNED), finish="STOP")]),
    ),
    Case(
        "signature_on_text",
        sse([_chunk(_text("4", **_SIGNED)), _chunk(_text("2"), finish="STOP")]),
    ),
    Case("signature_alone", sse([_chunk(_text("4")), _chunk(_SIGNED, finish="STOP")])),
    Case(
        "usage_details",
        sse(
            [
                _chunk(_text("Hi")),
                _chunk(
                    finish="STOP",
                    usageMetadata={
                        "promptTokenCount": 2006,
                        "candidatesTokenCount": 40,
                        "thoughtsTokenCount": 256,
                        "cachedContentTokenCount": 1920,
                        "toolUsePromptTokenCount": 5,
                        "totalTokenCount": 2307,
                        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2006}],
                    },
                ),
            ]
        ),
    ),
    Case(
        "usage_after_the_end",
        sse(
            [
                _chunk(_text("Hi"), finish="STOP", usageMetadata=None),
                {"usageMetadata": _USAGE, "modelVersion": "gemini-test-1", "responseId": "resp-1"},
            ]
        ),
    ),
    Case(
        "image_out",
        sse([_chunk({"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}, finish="STOP")]),
    ),
    Case(
        "code_execution",
        sse(
            [
                _chunk({"executableCode": {"language": "PYTHON", "code": "print(4)"}}),
                _chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "4"}}),
                _chunk(_text("4"), finish="STOP"),
            ]
        ),
    ),
    Case(
        "second_candidate",
        sse(
            [
                {
                    **_chunk(),
                    "candidates": [
                        {
                            "index": 0,
                            "content": {"parts": [{"text": "one"}]},
                            "finishReason": "STOP",
                        },
                        {
                            "index": 1,
                            "content": {"parts": [{"text": "two"}]},
                            "finishReason": "STOP",
                        },
                    ],
                }
            ]
        ),
    ),
    Case(
        "unknown_fields",
        sse(
            [
                _chunk(_text("Hi", novelty={"deep": [1]}), mood="fine"),
                _chunk(finish="STOP", usageMetadata={**_USAGE, "novelTokenCount": 1}),
            ]
        ),
    ),
    Case(
        "half_surrogates",
        sse(
            [
                json.dumps(_chunk(_text("a\ud83d"))),
                json.dumps(_chunk(_text("\ude00b"), finish="STOP")),
            ]
        ),
    ),
    *transports(
        _RICH,
        differing=[
            "bom",
            "comments",
            "comment_inside",
            "ids_and_retry",
            "no_space_after_colon",
            "data_on_two_lines",
        ],
    ),
]


def _error(code: int, status: str, words: str = "Sorry.") -> dict[str, Any]:
    return {"error": {"code": code, "message": words, "status": status}}


_HALF = [_chunk(_text("He"))]
_BROKEN = [
    Case("error_first", sse([_error(503, "UNAVAILABLE")]), "ModelUnavailable"),
    Case("error_in_the_middle", sse([*_HALF, _error(503, "UNAVAILABLE")]), "ModelUnavailable"),
    Case("error_quota", sse([*_HALF, _error(429, "RESOURCE_EXHAUSTED")]), "ModelRateLimited"),
    Case("error_argument", sse([_error(400, "INVALID_ARGUMENT")]), "ModelRejected"),
    Case("malformed_call", sse([_chunk(finish="MALFORMED_FUNCTION_CALL")]), "ModelUnavailable"),
    Case("unexpected_call", sse([_chunk(finish="UNEXPECTED_TOOL_CALL")]), "ModelUnavailable"),
    Case("missing_signature", sse([_chunk(finish="MISSING_THOUGHT_SIGNATURE")]), "ModelRejected"),
    Case("ends_early", sse(_HALF), "ModelConnectionError"),
    Case("ends_at_once", b"", "ModelConnectionError"),
    Case("cut", sse(_HALF), "ModelConnectionError", cut=True),
    Case("cut_inside_an_event", sse([*_HALF, *_HALF])[:-9], "ModelConnectionError", cut=True),
    Case("malformed_json", sse([*_HALF, '{"candidates": [']), "ModelProtocolError"),
    Case("not_an_object", sse([*_HALF, "42"]), "ModelProtocolError"),
    Case("wrong_type_text", sse([_chunk({"text": 5})]), "ModelProtocolError"),
    Case("wrong_type_args", sse([_chunk(_call("f", "x", "1"))]), "ModelProtocolError"),
    Case(
        "wrong_type_parts", sse([{"candidates": [{"content": {"parts": 5}}]}]), "ModelProtocolError"
    ),
    Case("wrong_type_candidates", sse([{"candidates": "none"}]), "ModelProtocolError"),
    Case("web_page", b"<html>Sign in</html>", "ModelProtocolError", kind="text/html"),
]


def _refused(name: str, status: int, error: Any, ours: str, **headers: str) -> Case:
    body = json.dumps(error).encode()
    return Case(name, body, ours, status=status, kind="application/json", headers=headers)


_REFUSED = [
    _refused("http_400", 400, _error(400, "INVALID_ARGUMENT"), "ModelRejected"),
    _refused(
        "http_400_key",
        400,
        _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        "ModelAuthError",
    ),
    _refused(
        "http_400_context",
        400,
        _error(400, "INVALID_ARGUMENT", "The input token count (2) exceeds the maximum number"),
        "ContextTooLong",
    ),
    _refused("http_403", 403, _error(403, "PERMISSION_DENIED"), "ModelAuthError"),
    _refused("http_429", 429, [_error(429, "RESOURCE_EXHAUSTED")], "ModelRateLimited"),
    _refused("http_500", 500, _error(500, "INTERNAL"), "ModelUnavailable"),
]

CASES = [*_VALID, *_BROKEN, *_REFUSED]
