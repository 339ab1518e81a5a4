"""`Idempotency-Key`: a POST that is sent again is carried out once and answered alike.

Called by the dispatcher. The header is that of the IETF draft on the Idempotency-Key header field;
a key may stand in quotes, as there, or without, as most clients send it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.responses import Response, StreamingResponse

from muxi.core.errors import InvalidInput, MuxiError, OutcomeUnknown, ServerUnavailable
from muxi.runtime.idempotency import KeptAnswer
from muxi.server.operations import Call, EventStream, Operation
from muxi.server.problems import Refused, status_of

HEADER = b"idempotency-key"
REPLAYED = (b"idempotency-replayed", b"true")
"""Told with an answer that was given before."""

_KEY = re.compile(rb'"?([\x21\x23-\x7e]{1,255})"?')

Rendered = Response | EventStream


def key_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key that a request names.

    Raises:
        InvalidInput: It names two, or what it names is no key.
    """
    named = [value.strip() for name, value in headers if name == HEADER]
    match = _KEY.fullmatch(named[0]) if len(named) == 1 else None
    if match is None:
        raise InvalidInput(
            "`Idempotency-Key` is not one key of 1 to 255 visible ASCII characters.",
            hint="Send a fresh UUID with each request, and the same one to repeat it.",
        )
    return match[1].decode()


async def once(
    operation: Operation[Any, Any],
    call: Call[Any, Any],
    key: str,
    *,
    parts: Iterable[bytes],
    carry_out: Callable[[], Awaitable[Rendered]],
) -> Rendered:
    """The answer to a request under a key: what it got before, or what it gets now.

    Args:
        operation: What is asked for.
        call: The request.
        key: Of its idempotency.
        parts: What makes it the same request as another: method, address, body.
        carry_out: Does it.

    Raises:
        IdempotencyKeyReused: The key stands for another request.
        RequestInProgress: The same request is being carried out.
        OutcomeUnknown: It was, and it is not known with what result.
    """
    keys = call.runtime.idempotency
    repeatable = operation.starts_run
    claim = await keys.claim(call.who, key, _fingerprint(parts), repeatable=repeatable)
    if claim.answer is not None:
        return _replay(claim.answer)
    call.claim = claim
    try:
        answer = await carry_out()
    except Exception as error:
        if _changed_nothing(error):
            await keys.release(claim)
        raise
    else:
        kept = None if operation.confidential or claim.private else _kept(answer)
        await keys.keep(claim, kept, repeatable=repeatable)
    finally:
        keys.abandon(claim)
    if claim.again:
        _tell_replayed(answer)
    return answer


def _fingerprint(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _changed_nothing(error: Exception) -> bool:
    """Whether a request that failed so may be made anew, as if it had never been."""
    if isinstance(error, OutcomeUnknown):
        return False
    if isinstance(error, Refused):
        return error.status < 500
    if isinstance(error, MuxiError):
        return isinstance(error, ServerUnavailable) or status_of(error) < 500
    return False


def _kept(answer: Rendered) -> KeptAnswer | None:
    if isinstance(answer, EventStream | StreamingResponse):
        return None
    headers = tuple(
        (name, value) for name, value in answer.raw_headers if name != b"content-length"
    )
    return KeptAnswer(answer.status_code, headers, bytes(answer.body))


def _replay(kept: KeptAnswer) -> Response:
    answer = Response(kept.body, kept.status)
    answer.raw_headers = [
        *kept.headers,
        (b"content-length", str(len(kept.body)).encode()),
        REPLAYED,
    ]
    return answer


def _tell_replayed(answer: Rendered) -> None:
    if isinstance(answer, EventStream):
        answer.headers = (*answer.headers, REPLAYED)
    else:
        answer.raw_headers.append(REPLAYED)
