"""Who speaks to this server: finds the caller of a request, by what its credential says.

Called by the doors before any route. It must never tell a caller why a credential is wrong, and
never accept a name or an origin that is not this server's own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache

from muxi.core.caller import LOCAL_CALLER, Caller
from muxi.core.errors import AccessDenied
from muxi.server.problems import Refused

COOKIE = "muxi_session"
SESSION_SECONDS = 30 * 24 * 3600
_LINK_SECONDS = 15 * 60
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_NAMES = ("localhost", "127.0.0.1")

Address = tuple[str, int | None]

Authenticator = Callable[[str], Awaitable[Caller | None]]
"""Finds the caller to whom a credential belongs; None for one that is not of its kind.

It raises `AccessDenied` for one that is of its kind and not good.
"""


class Access:
    """Checks a request's host, origin and credentials.

    Args:
        token: The project's token; sessions are signed with a key made of it, so that they outlive
            a restart and end when the token file is removed.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._key = hashlib.sha256(b"muxi session\0" + self._token).digest()
        self._links: dict[bytes, float] = {}
        self.bearers: list[Authenticator] = []
        """Asked in turn about `Authorization: Bearer`, once it is not the token file's."""

    def link(self, url: str) -> str:
        """A link to the server at `url` that signs one browser in, once, within 15 minutes."""
        secret = secrets.token_urlsafe(24)
        now = time.monotonic()
        self._links = {key: end for key, end in self._links.items() if end > now}
        self._links[_digest(secret)] = now + _LINK_SECONDS
        return f"{url}/login?token={secret}"

    def redeem(self, secret: str) -> str:
        """The value of a fresh session's cookie.

        Raises:
            Refused: The link is unknown, used or too old.
        """
        end = self._links.pop(_digest(secret), 0.0)
        if end <= time.monotonic():
            raise Refused(
                401,
                AccessDenied(
                    "This sign-in link is used up or too old.",
                    hint="`muxi open` makes a new one.",
                ),
            )
        expiry = str(int(time.time()) + SESSION_SECONDS)
        return f"{expiry}.{self._sign(expiry)}"

    def check_address(self, headers: Mapping[bytes, bytes], server: Address | None) -> None:
        """Refuse names that are not this server's (DNS rebinding) and pages that are not ours.

        Args:
            headers: The request's, with names in lower case.
            server: Where the request came in: host and port, or path and None for a Unix socket.

        Raises:
            Refused: The host or the origin is foreign.
        """
        port = server[1] if server is not None else None
        hosts, origins = _own(port)
        if headers.get(b"host", b"").lower() not in hosts:
            raise Refused(
                403,
                AccessDenied(
                    "This server answers under localhost and 127.0.0.1 only.",
                    hint="Open it under the address that `muxi up` printed.",
                ),
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in origins:
            raise Refused(403, AccessDenied("Other web pages may not use this server."))

    async def identify(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        server: Address | None,
        client: Address | None,
    ) -> Caller:
        """The caller of a request, however it comes: by HTTP, or as the upgrade to a WebSocket.

        Args:
            method: The request's.
            headers: The request's, with names in lower case.
            server: Where the request came in.
            client: Where it came from; None from a Unix socket.

        Raises:
            Refused: No credentials, wrong ones, or a cookie that a foreign page may have sent.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(b" ")
            if scheme.lower() != b"bearer":
                raise _unknown()
            return await self._bearer(token.strip())
        if not self._valid(_cookie(headers.get(b"cookie", b""))):
            raise _unknown()
        if method not in _SAFE_METHODS and not _from_own_page(headers):
            # Cookies know no ports: another server on localhost could send ours along.
            raise Refused(403, AccessDenied("A browser must say that it comes from this page."))
        return LOCAL_CALLER

    async def _bearer(self, token: bytes) -> Caller:
        if hmac.compare_digest(token, self._token):
            return LOCAL_CALLER
        text = token.decode("latin-1")
        try:
            for authenticator in self.bearers:
                caller = await authenticator(text)
                if caller is not None:
                    return caller
        except AccessDenied:
            raise _unknown() from None
        raise _unknown()

    def _valid(self, session: str) -> bool:
        expiry, _, signature = session.partition(".")
        if not expiry.isascii() or not expiry.isdigit() or not signature.isascii():
            return False
        signed = hmac.compare_digest(signature, self._sign(expiry))
        return signed and int(expiry) > time.time()

    def _sign(self, expiry: str) -> str:
        return hmac.new(self._key, expiry.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=16)
def _own(port: int | None) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The hosts and origins of a server on `port`; nobody reaches a Unix socket by another name."""
    names = ["localhost"] if port is None else [f"{name}:{port}" for name in _NAMES]
    if port == 80:
        names += _NAMES
    hosts = frozenset(name.encode() for name in names)
    return hosts, frozenset(b"http://" + host for host in hosts)


def _unknown() -> Refused:
    error = AccessDenied(
        "Credentials are missing or wrong.",
        hint="Open the link that `muxi up` printed, or send the token of `.muxi/token`.",
    )
    return Refused(401, error, ((b"www-authenticate", b"Bearer"),))


def _digest(secret: str) -> bytes:
    # Looked up by digest, so that the time of a comparison tells nothing of the secret.
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _cookie(header: bytes) -> str:
    for pair in header.decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _from_own_page(headers: Mapping[bytes, bytes]) -> bool:
    # The origin, if there is one, was compared by `check_address`.
    return b"origin" in headers or headers.get(b"sec-fetch-site") == b"same-origin"
