"""Waits on this machine for a browser to come back from a page on which access is granted.

Called by `mcp_login`. It answers one path to one visitor, from this machine only, and hands on what
came in the address without believing any of it: the login checks that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from muxi.core.errors import LoginNeeded, MuxiError
from muxi.core.mcp_login import LoginAnswer

_PATH = "/callback"
_USUAL_PORT = 8914
"""Tried first, so that a server which knows the address from an earlier login knows it again."""
_LONGEST = 32_768
_PATIENCE = 10.0
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>muxi</title>"
    "<p style='font: 1.2em system-ui; margin: 3em'>{words}"
)


@dataclass(slots=True)
class Browser:
    """The browser that is waited for."""

    url: str
    """Where it shall come back to."""
    _came: asyncio.Future[LoginAnswer]

    async def answer(self, seconds: float) -> LoginAnswer:
        """What it came back with.

        Raises:
            LoginNeeded: It did not come in time.
        """
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._came)
        except TimeoutError:
            raise LoginNeeded(f"The browser did not come back within {seconds:g} s.") from None


@asynccontextmanager
async def waiting_browser(url: str | None = None) -> AsyncGenerator[Browser]:
    """Listen for a browser at `url`, an address of this machine; by default at a free port.

    Raises:
        MuxiError: The port of `url` is taken.
    """
    came: asyncio.Future[LoginAnswer] = asyncio.get_running_loop().create_future()
    path = _PATH if url is None else urlsplit(url).path or "/"

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE):
                await _receive(reader, writer, path, came)
        writer.close()

    server = await _listen(visited, url)
    try:
        port = server.sockets[0].getsockname()[1]
        yield Browser(url or f"http://127.0.0.1:{port}{_PATH}", came)
    finally:
        server.close()


async def _listen(visited: object, url: str | None) -> asyncio.Server:
    async def at(host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(visited, host, port, limit=_LONGEST)  # pyright: ignore[reportArgumentType] -- a callback, as it was made

    if url is not None:
        parts = urlsplit(url)
        try:
            return await at(parts.hostname or "127.0.0.1", parts.port or 80)
        except OSError as error:
            raise MuxiError(
                f"Nothing can listen at {url}: {error.strerror}.",
                hint="Stop the program that does, or set another `auth.redirect_url`.",
            ) from error
    try:
        return await at("127.0.0.1", _USUAL_PORT)
    except OSError:
        return await at("127.0.0.1", 0)


async def _receive(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    came: asyncio.Future[LoginAnswer],
) -> None:
    line = (await reader.readuntil(b"\n")).decode("latin-1")
    while (await reader.readuntil(b"\n")).strip():
        """Headers, none of which matters."""
    method, _, rest = line.partition(" ")
    target = urlsplit(rest.partition(" ")[0])
    found = parse_qs(target.query)
    given = {name: found[name][0] for name in LoginAnswer.model_fields if name in found}
    if method != "GET" or target.path != path or not ({"code", "error"} & given.keys()):
        await _say(writer, "404 Not Found", "There is nothing here.")
        return
    await _say(writer, "200 OK", "You can close this page and go back to the terminal.")
    if not came.done():
        came.set_result(LoginAnswer(**given))


async def _say(writer: asyncio.StreamWriter, status: str, words: str) -> None:
    body = _PAGE.format(words=words).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
