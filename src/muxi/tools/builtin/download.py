"""Fetches what lies at an address of the web. Called by `page` and by `knowledge`.

It must never talk to a private network, follow a redirect into one, or read without bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin

import aiohttp
from aiohttp.abc import AbstractResolver

from muxi.core.errors import ToolFailed
from muxi.tools.builtin.public_address import PrivateAddress, PublicResolver, checked_url, denied
from muxi.tools.builtin.user_agent import user_agent

_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class Download(NamedTuple):
    """What a server gave."""

    url: str
    """Where it was found in the end."""
    media_type: str
    """Empty if the server did not say."""
    charset: str | None
    body: bytes
    cut: bool
    """Whether there is more of it than might be read."""


async def download(
    url: str,
    *,
    headers: Mapping[str, str],
    allow_hosts: Sequence[str] = (),
    seconds: float = 20.0,
    max_bytes: int = 1_000_000,
    resolver: AbstractResolver | None = None,
) -> Download:
    """What lies at `url`.

    Args:
        url: Its address; https is taken where none is said.
        headers: What is asked for.
        allow_hosts: Private hosts that may be read nevertheless.
        seconds: Time for all exchanges together.
        max_bytes: Most bytes that are read.
        resolver: Finds the addresses of names; the system's by default.

    Raises:
        ToolArgumentsInvalid: `url` is no address of the web.
        ToolDenied: It leads into a private network.
        ToolFailed: It cannot be read.
    """
    parts = checked_url(url, allow_hosts)
    connector = aiohttp.TCPConnector(
        resolver=PublicResolver(allow_hosts, resolver), use_dns_cache=False
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": user_agent(), **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as session:
            return await _follow(session, parts, allow_hosts, max_bytes)
    except TimeoutError as error:
        raise ToolFailed(f"{parts.hostname} did not answer within {seconds:g} seconds.") from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddress):
            raise denied(error.host) from error
        raise ToolFailed(f"{error.host} cannot be reached.") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ToolFailed(f"{parts.hostname} cannot be read: {type(error).__name__}.") from error


async def _follow(
    session: aiohttp.ClientSession, parts: SplitResult, allow_hosts: Sequence[str], max_bytes: int
) -> Download:
    """Ask for a page and follow its redirects, each of which is checked like the first address."""
    for _ in range(_MAX_REDIRECTS + 1):
        url = parts.geturl()
        async with session.get(url, allow_redirects=False) as response:
            target = response.headers.get("Location")
            if response.status in _REDIRECTS and target:
                parts = checked_url(urljoin(url, target), allow_hosts)
                continue
            if not response.ok:
                words = f"{parts.hostname} answered {response.status} {response.reason or ''}"
                raise ToolFailed(f"{words.strip()}.")
            declared = "Content-Type" in response.headers
            body, cut = await _read(response, max_bytes)
            return Download(
                url=url,
                media_type=response.content_type.lower() if declared else "",
                charset=response.charset,
                body=body,
                cut=cut,
            )
    raise ToolFailed(f"{parts.hostname} redirects more than {_MAX_REDIRECTS} times.")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False
