"""Which hosts a tool may talk to: the public web, and private hosts that the project names.

Used by `page`. A name is resolved once, every address is checked, and the connection goes to those
addresses, so that a name cannot change its meaning between the check and the connection.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

from muxi.core.errors import ToolArgumentsInvalid, ToolDenied

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MAX_URL = 4_000
_HINT = "The project can allow it, by `allow_hosts` where it says who reads."


class PrivateAddress(OSError):
    """A name leads into a private network."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also behind the forms that wrap IPv4
    addresses in IPv6 ones."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def checked_url(url: str, allow_hosts: Sequence[str]) -> SplitResult:
    """`url` in parts, with a scheme.

    Raises:
        ToolArgumentsInvalid: It is no address of the web.
        ToolDenied: It leads into a private network that is not allowed.
    """
    text = url.strip().strip("<>\"'`")
    scheme, separator, _ = text.partition("://")
    if not separator:
        text = f"https://{text}"
    elif scheme.lower() not in ("http", "https"):
        raise ToolArgumentsInvalid(f"Only http and https can be read, not `{scheme[:20]}`.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _no_address(url) from None
    host = parts.hostname or ""
    if len(text) > _MAX_URL or not host or any(c.isspace() or ord(c) < 32 for c in text):
        raise _no_address(url)
    if parts.username is not None or parts.password is not None:
        raise ToolArgumentsInvalid("The address has a user name or a password in it.")
    if "." not in host and ":" not in host and not is_allowed(host, port, allow_hosts):
        raise ToolDenied(
            f"`{host}` is a name of a private network.",
            hint=_HINT,
        )
    if _is_ip(host) and not is_public(host) and not is_allowed(host, port, allow_hosts):
        raise denied(host)
    return parts


def refuse_private(host: str, allow_hosts: Sequence[str]) -> None:
    """Raise `ToolDenied` for an address in numbers that is private: names are checked when they are
    resolved."""
    if _is_ip(host) and not is_public(host) and not is_allowed(host, None, allow_hosts):
        raise denied(host)


def denied(host: str) -> ToolDenied:
    """The refusal to talk to a private host."""
    return ToolDenied(
        f"`{host}` lies in a private network.",
        hint=_HINT,
    )


def is_allowed(host: str, port: int | None, allow_hosts: Sequence[str]) -> bool:
    """Whether the project names this host: `host`, `host:port` or `*.domain`."""
    host = host.lower().rstrip(".")
    for pattern in allow_hosts:
        wanted = pattern.lower()
        if wanted in (host, f"{host}:{port}", f"[{host}]:{port}", f"[{host}]"):
            return True
        if wanted.startswith("*.") and host.endswith(wanted[1:]):
            return True
    return False


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _no_address(url: str) -> ToolArgumentsInvalid:
    return ToolArgumentsInvalid(
        f"`{url[:80]}` is no address of the web.", hint="Write it like `https://example.com/page`."
    )


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, those of allowed hosts excepted."""

    def __init__(self, allow_hosts: Sequence[str], inner: AbstractResolver | None = None) -> None:
        self._allow_hosts = allow_hosts
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not is_allowed(host, port, self._allow_hosts):
            for each in found:
                if not is_public(each["host"]):
                    raise PrivateAddress(f"{host} leads into a private network")
        return found

    async def close(self) -> None:
        await self._inner.close()
