"""The connection of a client: HTTP over TCP or over a Unix socket. Used by `client` only."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Self
from urllib.parse import quote

import aiohttp

from muxi.client.calls import Answer, Content, Params
from muxi.client.errors import LATE, LOST, connection_errors, reported_error
from muxi.core.errors import NotFound, SecretMissing, ServerUnavailable
from muxi.core.users import TENANT_HEADER, USER_HEADER, user_id

Regain = Callable[[ServerUnavailable], Awaitable[None]]
"""Returns when there is a server again; raises if there is none, for instance what it was given."""

_SILENCE = 45.0
"""Seconds without a byte after which a stream is dead: the server sends a comment every 15."""

_MOST_SERVERS = 20
"""How many servers may come and go before one request is given up."""


class Connection:
    """Requests to one server, and streams of events from it. It opens when it is first used.

    Args:
        base_url: Where the server listens; ignored when `socket` is given.
        socket: Path of the socket beside a project, `.muxi/muxi.sock`.
        token: Content of the project's token file.
        timeout: Seconds to wait for an answer. Streams of events have no such bound.
        user: Id of the user to act for; who the token belongs to if None.
        tenant: Id of the tenant to act in, for who runs the project; their own if None.
        regain: Finds another server in the place of one that is gone. A request is then made again,
            unless it may have been carried out already and must not be twice.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:5050",
        *,
        socket: str | Path | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        user: str | None = None,
        tenant: str | None = None,
        regain: Regain | None = None,
    ) -> None:
        self._base_url = "http://localhost" if socket is not None else base_url.rstrip("/")
        self._socket = str(socket) if socket is not None else None
        self._token = token
        self._timeout = timeout
        self._user = None if user is None else user_id(user)
        self._tenant = tenant
        self._regain = regain
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
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
        params: Params | None = None,
        body: object = None,
        again: bool | None = None,
        makes: str | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """The body of the answer to a request.

        Args:
            method: Of HTTP.
            path: What is asked.
            params: The query.
            body: What is sent, as JSON unless it is a `Content`.
            again: Whether it does no harm to ask twice; anything but a POST, unless told.
            makes: Where that which a POST makes is found afterwards. If its answer was lost, it is
                made again only if there is nothing.
            seconds: To wait for the answer, if not those of the connection.
        """
        seconds = self._timeout if seconds is None else seconds
        ask = partial(self._ask, method, path, params=params, body=body, seconds=seconds)
        if self._regain is None:
            return await ask()
        harmless = method != "POST" if again is None else again
        lost = False
        for _ in range(_MOST_SERVERS):
            try:
                return await ask()
            except ServerUnavailable as error:
                lost = lost or error.details.get("request") == LOST
                if error.details.get("request") == LATE or not (harmless or makes or not lost):
                    raise
                await self._regain(error)
            except (NotFound, SecretMissing):
                if lost and method == "DELETE":
                    # It was carried out before its answer was lost.
                    return Answer()
                raise
            if lost and makes is not None:
                with suppress(NotFound):
                    return await self._call("GET", makes)
        return await ask()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Params | None,
        body: object,
        seconds: float,
    ) -> Answer:
        if body is not None and not isinstance(body, Content):
            body = Content(json.dumps(body).encode(), "application/json")
        # As a file, which aiohttp sends in pieces.
        data = None if body is None else BytesIO(body.data)
        headers = None if body is None else {"Content-Type": body.media_type, **body.headers}
        with connection_errors(self._where):
            async with self._connected().request(
                method,
                self._base_url + path,
                params=_query(params),
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                content = Answer(await response.read())
                content.etag = response.headers.get("ETag")
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

    @asynccontextmanager
    async def _open_socket(
        self, token: str | None
    ) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to the server, with another token than the client's if one is given."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        with connection_errors(self._where):
            try:
                socket = await self._connected().ws_connect(
                    f"{self._base_url}/ws", headers=headers, heartbeat=_SILENCE, max_msg_size=0
                )
            except aiohttp.WSServerHandshakeError as error:
                if error.status >= 500:
                    raise ServerUnavailable(f"The server answered {error.status}.") from error
                raise reported_error(error.status, b"") from error
            async with socket:
                yield socket

    async def _lines(self, path: str, *, params: Params | None = None) -> AsyncGenerator[bytes]:
        """The lines of an answer as they come, without their ends."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=_SILENCE)
        with connection_errors(self._where):
            async with self._connected().get(
                self._base_url + path, params=_query(params), timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise reported_error(response.status, await response.read())
                rest = b""
                async for chunk in response.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line
        if rest:
            yield rest

    async def converse(self, lines: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
        """Speak MCP with the server: a message a line, both ways, until either side has ended.

        Args:
            lines: What is said to the server, each with its line end.

        Raises:
            ServerUnavailable: The connection was cut; what was said last may have been heard.
            MuxiError: The server refused.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout)
        rest = b""
        with connection_errors(self._where):
            async with self._connected().post(
                f"{self._base_url}/mcp/lines",
                data=lines,
                headers={"Content-Type": "application/x-ndjson"},
                timeout=timeout,
            ) as response:
                if response.status >= 400:
                    raise reported_error(response.status, await response.read())
                async for chunk in response.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line + b"\n"

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
            headers: dict[str, str] = {}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            if self._user is not None:
                headers[USER_HEADER] = quote(self._user, safe="")
            if self._tenant is not None:
                headers[TENANT_HEADER] = self._tenant
            self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self._session


def _query(params: Params | None) -> dict[str, str]:
    return {key: str(value) for key, value in (params or {}).items() if value is not None}
