"""Answers for web pages of other servers that the project has declared (CORS).

Called by the dispatcher. Such pages send keys or tokens: browsers are never told to send cookies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Send

_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS: Final = (
    b"authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, "
    b"tus-resumable, upload-length, upload-metadata, upload-offset, x-muxi-tenant, x-muxi-user, "
    b"x-request-id"
)
_TOLD: Final = (
    b"etag, idempotency-replayed, location, retry-after, tus-resumable, upload-length, "
    b"upload-offset, x-request-id, x-run-id, x-thread-id"
)
_SECONDS: Final = b"600"


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks what a page may send, before it lets the page send it."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def preflight() -> Response:
    """What a page may send."""
    answer = Response(status_code=204)
    answer.raw_headers.extend(
        (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", _SECONDS),
        )
    )
    return answer


def shown_to(origin: bytes, send: Send) -> Send:
    """`send`, whose answers a page of `origin` may read."""
    told = (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _TOLD),
        (b"vary", b"origin"),
    )

    async def with_headers(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *told]}
        await send(message)

    return with_headers
