"""Where an MCP server may lead muxi while it signs in: metadata, registration, tokens.

Used by `provider`, `login` and `machine`. The addresses come from the server, which may be hostile
and name what only muxi can reach. Names are resolved here, each address is checked, and the
connection goes to it, so that a name cannot change its meaning in between.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import httpx2
from mcp.client.auth import OAuthFlowError

from muxi.tools.builtin.public_address import is_public

_MOST = 4 << 20
"""Bytes of the longest answer that is no stream."""
_PORTS = {"http": 80, "https": 443}


class Reach:
    """What is open to a server at `url`.

    The project has named the server and, if it says so, its issuer; those are open wherever they
    are. Anything else must be public, or private like the server itself; never link-local, where
    clouds keep the credentials of their machines.
    """

    def __init__(self, url: str, issuer: str | None = None) -> None:
        self._own = httpx2.URL(url)
        self._named = {_origin(httpx2.URL(each)) for each in (url, issuer) if each}

    def client(self, **options: Any) -> httpx2.AsyncClient:
        """A client that goes nowhere else."""
        from muxi.mcp.http_wire import Bounded

        return httpx2.AsyncClient(transport=Bounded(_Guarded(self), _MOST), **options)

    async def open_to(self, url: httpx2.URL) -> list[str] | None:
        """The addresses in numbers to which a request for `url` may go; None for any.

        Raises:
            OAuthFlowError: It may not.
            OSError: The name cannot be resolved.
        """
        if _origin(url) in self._named:
            return None
        found = await resolve(url)
        private = [each for each in found if not is_public(each)]
        if private and (_any_link_local(private) or not await self._is_private()):
            raise OAuthFlowError(f"{url.host} lies in a private network")
        return found

    async def _is_private(self) -> bool:
        return not all(is_public(each) for each in await resolve(self._own))


class _Guarded(httpx2.AsyncBaseTransport):
    """Asks `Reach` before each connection."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._named = httpx2.AsyncHTTPTransport()
        # A connection is kept by its address in numbers, and two names may share one.
        self._others = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            found = await self._reach.open_to(request.url)
        except OSError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        if found is None:
            return await self._named.handle_async_request(request)
        for address in found[:-1]:
            try:
                return await self._others.handle_async_request(_sent_to(address, request))
            except httpx2.ConnectError:
                continue
        return await self._others.handle_async_request(_sent_to(found[-1], request))

    async def aclose(self) -> None:
        await self._named.aclose()
        await self._others.aclose()


async def resolve(url: httpx2.URL) -> list[str]:
    """All addresses of a host, in numbers. Raises `OSError`."""
    port = url.port or _PORTS.get(url.scheme, 0)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _any_link_local(addresses: list[str]) -> bool:
    return any(_plain(each).is_link_local for each in addresses)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _sent_to(address: str, request: httpx2.Request) -> httpx2.Request:
    """The same request, to a checked address; its `Host` and certificate are those of the name."""
    sent = httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
    sent.headers["Host"] = request.url.netloc.decode("ascii")
    return sent


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)
