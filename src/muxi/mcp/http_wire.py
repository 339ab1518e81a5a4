"""The way to a server at an address: streamable HTTP, with bounds on what is read.

Used by `target`. The protocol itself is the SDK's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from muxi.core.version import __version__

_CONNECT_SECONDS = 15.0


@asynccontextmanager
async def speaking(
    url: str,
    *,
    headers: Mapping[str, str],
    auth: httpx2.Auth | None,
    max_message: int,
    silence: float,
) -> AsyncGenerator[Any]:
    """A transport for the SDK's client.

    Args:
        url: Address of the server.
        headers: Of each request.
        auth: Gives requests their credentials.
        max_message: Bytes of the longest answer or event that is read.
        silence: Seconds after which an open answer is given up.
    """
    bounded = Bounded(httpx2.AsyncHTTPTransport(), max_message)
    timing = httpx2.Timeout(_CONNECT_SECONDS, read=silence)
    agent = {"user-agent": f"muxi/{__version__}"}
    async with httpx2.AsyncClient(
        headers={**agent, **headers}, auth=auth, timeout=timing, transport=bounded
    ) as client:
        yield streamable_http_client(url, http_client=client, max_sse_event_size=max_message)


class Bounded(httpx2.AsyncBaseTransport):
    """Ends answers that are no streams of events when they become too long."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, most: int) -> None:
        self._inner = inner
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if "text/event-stream" not in response.headers.get("content-type", ""):
            response.stream = _BoundedStream(response.stream, self._most)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any, most: int) -> None:
        self._inner = inner
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > self._most:
                raise httpx2.StreamError(f"The answer is longer than {self._most:,} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
