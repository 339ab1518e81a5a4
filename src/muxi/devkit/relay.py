"""Stands before a server of MCP that wants credentials, for programs that cannot send any.

Called by `conformance`. It passes everything on as it is, also a foreign `Host`, since whether the
server refuses that is one of the questions.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from yarl import URL

from muxi.core.errors import ServerUnavailable

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

_PATIENCE: Final = 10.0
"""Seconds in which a server that lives answers a first request."""
_HOP_BY_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-length", "upgrade")
_PROBE: Final = {"jsonrpc": "2.0", "id": 0, "method": "ping"}


async def check_alive(url: str, headers: Mapping[str, str] | None = None) -> None:
    """Return if whatever listens at `url` speaks JSON-RPC.

    Raises:
        ServerUnavailable: It does not.
    """
    import aiohttp

    timeout = aiohttp.ClientTimeout(_PATIENCE)
    accept = {"accept": "application/json, text/event-stream", **(headers or {})}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=_PROBE, headers=accept) as answer,
        ):
            said = await answer.text()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _dead(url, str(error) or type(error).__name__) from None
    if '"jsonrpc"' not in said:
        raise _dead(url, f"HTTP {answer.status} {said[:200]}")


@asynccontextmanager
async def relayed(url: str, headers: Mapping[str, str] | None) -> AsyncGenerator[str]:
    """An address that leads to the server at `url` and adds `headers`; `url` itself without any."""
    if not headers:
        yield url
        return
    import aiohttp
    from aiohttp import web

    target = URL(url)
    # Compressed bodies are passed on as they are.
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def pass_on(request: web.BaseRequest) -> web.StreamResponse:
            return await _pass_on(session, request, target, headers)

        server = web.Server(pass_on)
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            yield str(target.with_host("127.0.0.1").with_port(port))
        finally:
            await runner.cleanup()


async def _pass_on(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    target: URL,
    headers: Mapping[str, str],
) -> web.StreamResponse:
    from aiohttp import web

    here = request.transport.get_extra_info("sockname")[1] if request.transport else None
    sent: Any = request.headers.copy()
    for name in _HOP_BY_HOP:
        sent.popall(name, None)
    for name in ("Host", "Origin"):
        if name in sent:
            sent[name] = sent[name].replace(f":{here}", f":{target.port}")
    sent.update(headers)
    url = target.with_path(request.path, encoded=True).with_query(request.query)
    async with session.request(
        request.method, url, headers=sent, data=await request.read(), allow_redirects=False
    ) as answer:
        told = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        response = web.StreamResponse(status=answer.status, headers=told)
        await response.prepare(request)
        with suppress(ConnectionResetError):  # who asked has gone
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
    return response


def _dead(url: str, why: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"No server of MCP answers at {url}: {why}", hint="Check its address and credentials."
    )
