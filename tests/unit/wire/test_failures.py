from __future__ import annotations

from typing import Any

import pytest

from muxi.core.errors import (
    ContextTooLong,
    ModelAuthError,
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    UnknownModel,
)
from muxi.wire.failures import MAX_WORDS, failure, read_complaint


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "payload", "kind"),
    [
        (401, openai("Incorrect API key provided", "invalid_api_key"), ModelAuthError),
        (403, {"message": "forbidden"}, ModelAuthError),
        (
            400,
            {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}},
            ModelAuthError,
        ),
        (429, openai("Rate limit reached", "rate_limit_exceeded"), ModelRateLimited),
        (429, openai("You exceeded your quota", "insufficient_quota"), ModelRejected),
        (400, openai("too long", "context_length_exceeded"), ContextTooLong),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "prompt is too long: 9 tokens > 5 maximum",
                },
            },
            ContextTooLong,
        ),
        (
            400,
            {
                "error": {
                    "message": "The input token count (9) exceeds the maximum number of tokens",
                    "status": "INVALID_ARGUMENT",
                }
            },
            ContextTooLong,
        ),
        (
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 5 tokens.",
                "code": 400,
            },
            ContextTooLong,
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            ContextTooLong,
        ),
        (404, openai("The model `x` does not exist", "model_not_found"), UnknownModel),
        (
            404,
            {
                "type": "error",
                "error": {"type": "not_found_error", "message": "model: claude-9 not found"},
            },
            UnknownModel,
        ),
        (
            404,
            {
                "error": {
                    "code": 404,
                    "message": "models/x is not found for API version v1beta",
                    "status": "NOT_FOUND",
                }
            },
            UnknownModel,
        ),
        (404, {"error": 'model "x" not found, try pulling it first'}, UnknownModel),
        (400, {"error": {"message": "x is not a valid model ID", "code": 400}}, UnknownModel),
        (404, "404 page not found", ModelRejected),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "Extra inputs are not permitted"}]},
            ModelRejected,
        ),
        (400, openai("bad"), ModelRejected),
        (408, "", ModelTimeout),
        (504, "", ModelTimeout),
        (500, openai("oops", None, "server_error"), ModelUnavailable),
        (503, "", ModelUnavailable),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            ModelUnavailable,
        ),
        (None, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, ModelUnavailable),
        (
            None,
            {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}},
            ModelRateLimited,
        ),
        (None, {"error": {"type": "timeout_error", "message": "x"}}, ModelTimeout),
        (None, {"type": "invalid_request_error", "message": "bad"}, ModelRejected),
        (None, None, ModelUnavailable),
    ],
)
def test_each_providers_words_become_the_error_they_mean(
    status: int | None, payload: Any, kind: type[ModelError]
):
    error = failure(read_complaint(payload), status=status)
    assert type(error) is kind
    assert error.message


def test_the_message_is_the_providers_and_bounded():
    error = failure(read_complaint(openai("word " * 1000)), status=400)
    assert error.message.startswith("word word")
    assert len(error.message) <= MAX_WORDS + 1


def test_googles_delay_is_read_from_its_details():
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    payload = [{"error": {"code": 429, "message": "x", "details": [{"a": 1}, info]}}]
    assert read_complaint(payload).retry_after == 34.5


def test_an_error_keeps_the_providers_code_and_the_status():
    error = failure(read_complaint(openai("bad", "unsupported_value")), status=400)
    assert error.details == {"status": 400, "provider_code": "unsupported_value"}
