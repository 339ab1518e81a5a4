"""What providers say when they refuse, told apart and put into our errors. Pure values in and out.

Called by the decoders for errors inside a stream and by `models.endpoint` for HTTP answers. It
must never be given a key: what a provider echoes is scrubbed by the endpoint, which knows it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

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
from muxi.core.json_shapes import is_array
from muxi.core.record import clean

MAX_WORDS = 600
"""Characters of a provider's message that are kept."""

_CONTEXT_CODES = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "request_too_large",
        "string_above_max_length",
    }
)
_CONTEXT_WORDS = re.compile(
    r"maximum context length|context length exceeded|context_length_exceeded|context window"
    r"|prompt is too long|prompt too long|too many (?:input )?tokens"
    r"|reduce the length of the messages"
    r"|input token count .{0,80}exceeds|exceeds? the (?:available|model'?s?) context"
    r"|maximum prompt length|exceeds? the maximum number of tokens|too large for model with",
    re.IGNORECASE | re.DOTALL,
)
_MODEL_CODES = frozenset(
    {
        "model_not_found",
        "deploymentnotfound",
        "model_not_available",
        "invalid_model",
        "unknown_model",
    }
)
_MODEL_WORDS = re.compile(
    r"\bmodels?\b.{0,200}\b(?:not found|does not exist|not exist|not supported|unknown)"
    r"|not a valid model|invalid model|unknown model|no such model|not found, try pulling it",
    re.IGNORECASE | re.DOTALL,
)
_KEY_WORDS = re.compile(
    r"api[ _-]?key.{0,40}(?:invalid|not valid|incorrect|expired|missing)"
    r"|(?:invalid|incorrect|missing|expired).{0,40}api[ _-]?key|api_key_invalid",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"}
)

_BY_NAME: dict[str, type[ModelError]] = {
    "authentication_error": ModelAuthError,
    "invalid_api_key": ModelAuthError,
    "permission_error": ModelAuthError,
    "permission_denied": ModelAuthError,
    "unauthenticated": ModelAuthError,
    "rate_limit_error": ModelRateLimited,
    "rate_limit_exceeded": ModelRateLimited,
    "tokens": ModelRateLimited,
    "requests": ModelRateLimited,
    "resource_exhausted": ModelRateLimited,
    "too_many_requests": ModelRateLimited,
    "overloaded_error": ModelUnavailable,
    "api_error": ModelUnavailable,
    "server_error": ModelUnavailable,
    "internal_server_error": ModelUnavailable,
    "internal": ModelUnavailable,
    "unavailable": ModelUnavailable,
    "service_unavailable": ModelUnavailable,
    "timeout_error": ModelTimeout,
    "timeout": ModelTimeout,
    "deadline_exceeded": ModelTimeout,
    "not_found_error": UnknownModel,
    "invalid_request_error": ModelRejected,
    "invalid_argument": ModelRejected,
    "failed_precondition": ModelRejected,
    "invalid_prompt": ModelRejected,
    "content_filter": ModelRejected,
    "billing_error": ModelRejected,
}


class Complaint(NamedTuple):
    """A provider's error, whatever its format."""

    message: str
    code: str | None
    kind: str | None
    retry_after: float | None
    """Seconds the provider asks to wait, when its words say so."""
    status: int | None


def read_complaint(payload: Any) -> Complaint:
    """The provider's words out of decoded JSON of any of the known shapes, or out of a text.

    Known shapes: `{"error": {...}}` (OpenAI, Anthropic, Google and those alike), a list of these
    (Google), `{"error": "text"}` (Ollama), the error itself at the top (Mistral, vLLM, Azure's
    gateway) and `{"detail": ...}` (FastAPI servers).
    """
    if isinstance(payload, list):
        items = cast("list[Any]", payload)
        payload = items[0] if items else {}
    if not isinstance(payload, dict):
        return Complaint(_words(payload), None, None, None, None)
    fields = cast("dict[str, Any]", payload)
    inner: Any = fields.get("error", fields)
    if not isinstance(inner, dict):
        return Complaint(_words(inner), None, None, None, _status(fields))
    error = cast("dict[str, Any]", inner)
    words = error.get("message") or error.get("detail") or error.get("error")
    code, kind = error.get("code"), error.get("type") or error.get("status")
    return Complaint(
        _words(words if words is not None else error),
        code if isinstance(code, str) and not code.isdigit() else None,
        kind if isinstance(kind, str) else None,
        _delay(error.get("details")),
        _status(error) or _status(fields),
    )


def failure(
    complaint: Complaint, *, status: int | None = None, retry_after: float | None = None
) -> ModelError:
    """The error of our tree for what a provider said, by its code, its status and its words.

    Args:
        complaint: What the provider said.
        status: HTTP status of the answer; None for an error inside a stream.
        retry_after: Seconds the provider asks to wait.
    """
    kind, hint = _kind(complaint, status or complaint.status)
    code = complaint.code or complaint.kind
    if hint is None and retry_after is not None and kind.retryable:
        hint = f"The provider asks for a pause of {retry_after:g} s. {kind.hint}"
    return kind(
        complaint.message or None,
        hint=hint,
        status=status or complaint.status,
        provider_code=code,
        retry_after=retry_after,
    )


def _kind(complaint: Complaint, status: int | None) -> tuple[type[ModelError], str | None]:
    names = [name.lower() for name in (complaint.code, complaint.kind) if name]
    words = complaint.message
    if any(name in _QUOTA_CODES for name in names):
        return ModelRejected, "The account's quota is used up; add credit with the provider."
    if status in (None, 400, 404, 413, 422, 500):
        special = _special(names, words)
        if special is not None:
            return special, None
    if status is not None:
        return _by_status(status)
    for name in names:
        if name in _BY_NAME:
            return _BY_NAME[name], None
    return ModelUnavailable, None


def _special(names: list[str], words: str) -> type[ModelError] | None:
    if any(name in _CONTEXT_CODES for name in names) or _CONTEXT_WORDS.search(words):
        return ContextTooLong
    if any(name in _MODEL_CODES for name in names) or _MODEL_WORDS.search(words):
        return UnknownModel
    if "invalid_api_key" in names or _KEY_WORDS.search(words):
        return ModelAuthError
    return None


def _by_status(status: int) -> tuple[type[ModelError], str | None]:
    if status in (401, 403):
        return ModelAuthError, None
    if status == 429:
        return ModelRateLimited, None
    if status in (408, 504):
        return ModelTimeout, None
    if status >= 500:
        return ModelUnavailable, None
    if status == 404:
        return ModelRejected, "Check the base URL: the provider knows no such address."
    if 300 <= status < 400:
        return ModelRejected, "The provider redirects elsewhere; set the base URL it names."
    return ModelRejected, None


def _status(fields: dict[str, Any]) -> int | None:
    for name in ("code", "statusCode", "status"):
        value = fields.get(name)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _delay(details: Any) -> float | None:
    """Google's `RetryInfo`, whose `retryDelay` reads `34.5s`."""
    for detail in details if is_array(details) else []:
        delay = (
            cast("dict[str, Any]", detail).get("retryDelay") if isinstance(detail, dict) else None
        )
        if isinstance(delay, str) and re.fullmatch(r"\d{1,6}(?:\.\d+)?s", delay):
            return float(delay[:-1])
    return None


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value in (None, {}, []) else str(value)
    text = clean(" ".join(text.split()))
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + "…"
