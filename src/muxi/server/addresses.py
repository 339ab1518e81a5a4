"""Under which names this server answers, and whose pages may call it. Used by `access`.

Browsers send requests to wherever a name points, and whoever owns a name may let it point here (DNS
rebinding); so a request for a name that was not declared is refused, whatever it shows.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from muxi.config.server_settings import ServerSettings
from muxi.core.errors import AccessDenied
from muxi.server.problems import Refused

Address = tuple[str, int | None]
PageKind = Literal["none", "own", "allowed"]
"""What sent a request: no page that says so, one of this server, or one that was declared."""

_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 -- compared with, not listened on
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?")
_MOST: Final = 1_000
"""Judgements that are kept."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    page: PageKind
    wrong: str = ""
    """What is wrong with the host or the origin; empty if nothing is."""


class Addresses:
    """The names and pages that this server knows.

    Args:
        settings: What the project declares.
        host: The address that the server listens on.
    """

    def __init__(self, settings: ServerSettings, *, host: str = "127.0.0.1") -> None:
        url = [settings.url.partition("://")[2]] if settings.url else []
        self.hint = "Open it under the address that `muxi up` printed."
        self._declared = frozenset(name.lower() for name in (*settings.hosts, *url))
        self._origins = frozenset(origin.encode() for origin in settings.origins)
        self._wide = not is_local(host)
        self._own = frozenset(_names(host))
        self._kept: dict[tuple[bytes, bytes | None, int | None, str], _Judgement] = {}

    def check(
        self, headers: Mapping[bytes, bytes], server: Address | None, scheme: str
    ) -> PageKind:
        """What sent a request.

        Args:
            headers: The request's, with names in lower case.
            server: Where it came in: host and port, or path and None for a Unix socket.
            scheme: How it came, such as `https`.

        Raises:
            Refused: The host or the origin is foreign.
        """
        port = server[1] if server is not None else None
        key = (headers.get(b"host", b"").lower(), headers.get(b"origin"), port, scheme)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            found = self._kept[key] = self._judge(*key)
        if found.wrong:
            hint = self.hint if found.page == "none" else None
            raise Refused(403, AccessDenied(found.wrong, hint=hint))
        return found.page

    def allows_origin(self, origin: bytes) -> bool:
        """Whether pages of this other server may call this one."""
        return origin.lower() in self._origins

    def _judge(
        self, host: bytes, origin: bytes | None, port: int | None, scheme: str
    ) -> _Judgement:
        name = host.decode("latin-1")
        if not self._answers(name, port, scheme):
            return _Judgement("none", f"This server does not answer under {name[:100]!r}.")
        if origin is None:
            return _Judgement("none")
        page = origin.lower().decode("latin-1")
        web = scheme.replace("ws", "http")
        # Who declares a name answers for it, also where a proxy in front of it speaks HTTPS.
        if page == f"{web}://{name}" or (
            self._is_declared(name) and page in (f"http://{name}", f"https://{name}")
        ):
            return _Judgement("own")
        if origin.lower() in self._origins:
            return _Judgement("allowed")
        return _Judgement("allowed", "Other web pages may not use this server.")

    def _answers(self, host: str, port: int | None, scheme: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        if self._is_declared(host):
            return True
        if port is None:
            # Nobody reaches a Unix socket by another name.
            return host == "localhost"
        if int(found[2] or _DEFAULT_PORTS.get(scheme, 0)) != port:
            return False
        return found[1] in self._own or (self._wide and _is_address(found[1]))

    def _is_declared(self, host: str) -> bool:
        return host in self._declared or re.sub(r":[0-9]+$", "", host) in self._declared


def _names(host: str) -> list[str]:
    """The names of this machine, as far as it is reached by them."""
    if is_local(host):
        return list(_LOCAL)
    if host not in _EVERYWHERE:
        return [*_LOCAL, host.lower()]
    own = socket.gethostname().lower()
    return [*_LOCAL, own, f"{own}.local"]


def _is_address(host: str) -> bool:
    """Whether it is no name: nobody can let an address point elsewhere."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    return host in _LOCAL


def reached_at(settings: ServerSettings, host: str, port: int) -> str:
    """The address under which people reach a server that listens on `host` and `port`."""
    if settings.url is not None:
        return settings.url
    scheme = "http" if settings.tls is None else "https"
    name = "localhost" if is_local(host) else _outward() if host in _EVERYWHERE else host
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def _outward() -> str:
    """The address of this machine that others most likely see."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            # Sends nothing: the system only chooses a way, to an address for documents (RFC 5737).
            asking.connect(("192.0.2.1", 9))
            return str(asking.getsockname()[0])
        except OSError:
            return socket.gethostname()
