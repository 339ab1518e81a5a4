"""Errors as answers of HTTP: the one place that maps them to RFC 9457.

Called by the dispatcher for whatever a route raises. It must never show what an unexpected error
says, which may hold a secret or a path: that goes to the log under an id.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from muxi.core import errors
from muxi.core.errors import InvalidInput, MuxiError
from muxi.core.ids import new_id
from muxi.core.problems import problem_of, sentence
from muxi.telemetry.context import REQUEST_ID
from muxi.telemetry.redaction import SECRETS

_log = logging.getLogger("muxi.server")

MEDIA_TYPE = "application/problem+json"

# The nearest class of an error's own line decides.
_STATUS: Mapping[type[MuxiError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.IdempotencyKeyReused: 422,
    errors.PreconditionFailed: 412,
    errors.ProjectInUse: 409,
    errors.LeaseLost: 409,
    errors.InvalidInput: 422,
    errors.TooLarge: 413,
    errors.ConfigError: 422,
    errors.AccessDenied: 403,
    errors.ToolError: 422,
    errors.SecretMissing: 422,
    errors.UnknownModel: 422,
    errors.ModelKeyMissing: 422,
    errors.PriceUnknown: 422,
    errors.LimitReached: 429,
    errors.RateLimited: 429,
    errors.ModelRateLimited: 503,
    errors.ModelUnavailable: 503,
    errors.ModelTimeout: 504,
    errors.ModelError: 502,
    errors.WeightsUnavailable: 503,
    errors.DocumentUnreadable: 422,
    errors.ProgramFailed: 503,
    errors.LockInvalid: 409,
    errors.LoginNeeded: 409,
    errors.ServerUnavailable: 503,
    errors.IdentityProviderUnavailable: 503,
    errors.KeyServiceFailed: 503,
    errors.StorageBusy: 503,
    errors.StorageUnavailable: 503,
    errors.StorageFull: 507,
    errors.StorageReadOnly: 507,
    errors.RunError: 409,
}

_TITLES = {
    400: "Malformed request",
    401: "Sign in first",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    426: "Upgrade required",
    408: "Too slow",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Wrong media type",
    422: "Invalid input",
    429: "Limit reached",
    500: "Internal error",
    502: "The model provider failed",
    503: "Unavailable",
    504: "The model provider was too slow",
    507: "Storage cannot be written",
}


_MOST_MISTAKES = 100
"""Mistakes of one request that are told."""

_LONGEST_PLACE = 200
"""Characters of the place of a mistake, whose names are those that were sent."""


class ProblemDetails(BaseModel):
    """An error as RFC 9457 writes it, with what muxi adds."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """Stable name of the kind of error, for programs."""
    hint: str | None = None
    """What to do about it."""
    request_id: str | None = None
    """Of the request that had it: the header `X-Request-Id`, and what logs call it."""
    details: dict[str, Any] = Field(default_factory=dict)


class Refused(Exception):
    """A request that HTTP itself refuses, with the status that says how."""

    def __init__(
        self,
        status: int,
        error: MuxiError,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers


def problem_for(error: Exception) -> ProblemDetails:
    """The answer for whatever a route raised."""
    if isinstance(error, Refused):
        return _render(error.status, error.error)
    if isinstance(error, MuxiError):
        return _render(status_of(error), error)
    reference = new_id("err")
    _log.error("Unexpected error %s", reference, exc_info=error)
    told = MuxiError(
        "Something in muxi broke.",
        hint="The log of the server has the whole story under this reference.",
        reference=reference,
    )
    return _render(500, told)


def invalid(error: ValidationError) -> InvalidInput:
    """What was wrong with a body or a query: each mistake with its place."""
    told = error.errors(include_url=False, include_context=False, include_input=False)
    mistakes = [
        {"where": _place(item["loc"]), "what": item["msg"]} for item in told[:_MOST_MISTAKES]
    ]
    first = mistakes[0]
    more = f" ({len(told) - 1} more)" if len(told) > 1 else ""
    found = InvalidInput(
        sentence(f"{first['where']}: {first['what']}{more}"),
        hint="`details.mistakes` lists the places; /openapi.json has the schema.",
    )
    found.details["mistakes"] = mistakes
    return found


def _place(steps: tuple[int | str, ...]) -> str:
    """Where a mistake is, without the brackets in which pydantic names its own alternatives."""
    place = ".".join(str(step) for step in steps if "[" not in str(step))
    return place[:_LONGEST_PLACE] or "body"


def status_of(error: MuxiError) -> int:
    """The status of HTTP for an error."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def _render(status: int, error: MuxiError) -> ProblemDetails:
    problem = problem_of(error)
    details: dict[str, Any] = dict(problem.details)
    if "mistakes" in error.details:
        details["mistakes"] = error.details["mistakes"]
    return ProblemDetails(
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=SECRETS.redact(problem.message),
        code=problem.code,
        hint=problem.hint,
        request_id=REQUEST_ID.get(),
        details=details,
    )
