"""Errors in the form of OpenAI's API. Called by the dispatcher and for answers that break off."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from muxi.core.errors import MuxiError
from muxi.server.problems import ProblemDetails, problem_for
from muxi.wire.encoded import to_json

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    429: "too_many_requests",
    500: "server_error",
    502: "model_error",
    503: "server_error",
    504: "model_error",
    507: "server_error",
}
_AS_BAD_REQUEST = (405, 415, 422)
"""Statuses that OpenAI does not tell from a request that is malformed."""


def problem(details: ProblemDetails) -> Response:
    """The answer to a request that failed."""
    status = 400 if details.status in _AS_BAD_REQUEST else details.status
    body = to_json({"error": error_object(details)})
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


def error_object(details: ProblemDetails) -> dict[str, Any]:
    """What went wrong, as OpenAI tells it, with our hint."""
    mistakes = details.details.get("mistakes") or ()
    param = mistakes[0].get("where") if mistakes else details.details.get("param")
    missing_model = details.code == "not_found" and param == "model"
    return {
        "message": details.detail,
        "type": _TYPES.get(details.status, "invalid_request_error"),
        "param": param,
        "code": "model_not_found" if missing_model else details.code,
        "hint": details.hint,
    }


def error_of(error: MuxiError) -> dict[str, Any]:
    """As `error_object`, of an error that ends a stream."""
    return error_object(problem_for(error))
