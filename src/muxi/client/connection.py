"""The connection of a client: HTTP over TCP or over a Unix socket. Used by `client` only."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from muxi.client.errors import connection_errors, reported_error
from muxi.core.errors import ServerUnavailable

_SILENCE = 45.0
"""Seconds without a byte after which a stream is dead: the server sends a comment every 15."""


class Connection:
    """Requests to one server, and streams of events from it. It opens when it is first used.

    Args:
        base_url: Where the server listens; ignored when `socket` is given.
        socket: Path of the socket beside a project, `.muxi/muxi.sock`.
        token: Content of the project's token file.
        timeout: Seconds to wait for an answer. Streams of events have no such bound.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:5050",
        *,
        socket: str | Path | None = None,
        token: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._base_url = "http://localhost" if socket is not None else base_url.rstrip("/")
        self._socket = str(socket) if socket is not None else None
        self._token = token
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. The next call would open new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ready(self) -> None:
        """Raise `StorageError` unless the server's database answers and can be written."""
        await self._call("GET", "/readyz")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int | None] | None = None,
        body: object = None,
    ) -> bytes:
        query = {key: str(value) for key, value in (params or {}).items() if value is not None}
        # As a file, which aiohttp sends in pieces.
        data = None if body is None else BytesIO(json.dumps(body).encode())
        headers = {"Content-Type": "application/json"} if data is not None else None
        with connection_errors(self._where):
            async with self._connected().request(
                method,
                self._base_url + path,
                params=query,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as response:
                content = await response.read()
        if response.status >= 400:
            raise reported_error(response.status, content)
        return content

    @asynccontextmanager
    async def _open_stream(self, path: str, since: int) -> AsyncGenerator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=_SILENCE)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(since)}
        with connection_errors(self._where):
            async with self._connected().get(
                self._base_url + path, headers=headers, timeout=timeout
            ) as response:
                if response.status >= 500:
                    raise ServerUnavailable(f"The server answered {response.status}.")
                if response.status >= 400:
                    raise reported_error(response.status, await response.read())
                yield response

    @property
    def _where(self) -> str:
        return self._socket or self._base_url

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(self._socket)
                if self._socket is not None
                else aiohttp.TCPConnector()
            )
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
            self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self._session
