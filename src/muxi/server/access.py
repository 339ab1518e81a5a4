"""Who speaks to this server: finds the caller of a request, by what its credential says.

Called by the doors before any route. It must never tell a caller why a credential is wrong, and
never accept a name or an origin that is not this server's own.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response

from muxi.core.caller import DEFAULT_TENANT, LOCAL_CALLER, LOCAL_USER, Caller
from muxi.core.errors import AccessDenied
from muxi.core.identities import SignInLink
from muxi.identity.identity import Identity
from muxi.identity.sessions import LINK_SECONDS, Browser
from muxi.server.addresses import Address, Addresses
from muxi.server.login_page import Way, login_page
from muxi.server.problems import Refused
from muxi.server.rates import Rates
from muxi.storage.records import instant

COOKIE: Final = "muxi_session"
_SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""Over HTTPS: browsers take it from this very host only, so that no neighbour can plant one."""
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_SECURE: Final = ("https", "wss")

Authenticator = Callable[[str, str | None], Awaitable[Caller | None]]
"""Finds the caller to whom a credential belongs; None for one that is not of its kind.

It is told the protected resource that is asked for, if there are tokens for that alone. It raises
`AccessDenied` for a credential that is of its kind and not good.
"""


class Access:
    """Checks a request's host, origin and credentials.

    Args:
        token: Of the project's token file, which makes its holder the person at this machine.
        identity: Users, and what they show.
        addresses: The names that this server has.
        rates: How often each caller may ask; asked by the doors.
    """

    def __init__(self, token: str, identity: Identity, addresses: Addresses, rates: Rates) -> None:
        self.identity = identity
        self.addresses = addresses
        self.rates = rates
        self._token = token.encode()
        self.bearers: list[Authenticator] = [self._known_here]
        """Asked in turn about `Authorization: Bearer`, once it is not the token file's."""
        self.session_checks: list[Callable[[Caller], Awaitable[None]]] = []
        """Asked about each session; they raise `AccessDenied` for one that holds no longer."""
        self.ways: list[Way] = []
        """Ways to sign in beside a password, such as identity providers."""

    async def link(
        self,
        url: str,
        *,
        tenant: str = DEFAULT_TENANT,
        user: str = LOCAL_USER,
        seconds: int = LINK_SECONDS,
    ) -> SignInLink:
        """A link to the server at `url` that signs one browser in, once.

        Raises:
            AccessDenied: The user may not sign in.
        """
        text, until = await self.identity.sessions.link(tenant, user, seconds=seconds)
        return SignInLink(url=f"{url}/login?token={text}", user=user, expires_at=instant(until))

    async def redeem(self, link: str, browser: Browser) -> str:
        """The token of a fresh session.

        Raises:
            Refused: The link is unknown, used or too old.
        """
        try:
            return await self.identity.sessions.redeem(link, browser)
        except AccessDenied as error:
            raise Refused(401, error) from None

    def login_page(
        self, *, tenant: str = "", name: str = "", wrong: str = "", status: int = 401
    ) -> Response:
        """The page on which people sign in."""
        return login_page(
            passwords=self.identity.sessions.with_passwords,
            ways=self.ways,
            tenant=tenant,
            name=name,
            wrong=wrong,
            status=status,
        )

    def keep_session(self, answer: Response, session: str, *, scheme: str) -> Response:
        """Let the browser that gets `answer` keep a session."""
        secure = scheme in _SECURE
        answer.set_cookie(
            _SECURE_COOKIE if secure else COOKIE,
            session,
            max_age=self.identity.sessions.seconds,
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    def drop_session(self, answer: Response, *, scheme: str) -> Response:
        """Let the browser that gets `answer` forget its session."""
        secure = scheme in _SECURE
        name = _SECURE_COOKIE if secure else COOKIE
        answer.delete_cookie(name, secure=secure, httponly=True, samesite="strict")
        return answer

    def check_address(
        self, headers: Mapping[bytes, bytes], server: Address | None, scheme: str = "http"
    ) -> None:
        """Refuse names that are not this server's (DNS rebinding) and pages that are not ours.

        Args:
            headers: The request's, with names in lower case.
            server: Where the request came in: host and port, or path and None for a Unix socket.
            scheme: How it came, such as `https`.

        Raises:
            Refused: The host or the origin is foreign.
        """
        self.addresses.check(headers, server, scheme)

    async def identify(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        server: Address | None,
        client: Address | None,
        *,
        scheme: str = "http",
        resource: str | None = None,
    ) -> Caller:
        """The caller of a request, however it comes: by HTTP, or as the upgrade to a WebSocket.

        Args:
            method: The request's; `WEBSOCKET` for an upgrade, by which much can be done.
            headers: The request's, with names in lower case.
            server: Where the request came in.
            client: Where it came from; None from a Unix socket.
            scheme: How it came, such as `https`.
            resource: The protected resource that is asked for, if there are tokens for that alone.

        Raises:
            Refused: No credentials, wrong ones, or a cookie that a foreign page may have sent.
        """
        authorization = headers.get(b"authorization")
        if authorization is not None:
            kind, _, token = authorization.partition(b" ")
            if kind.lower() != b"bearer":
                raise _unknown()
            return await self._bearer(token.strip(), resource)
        caller = await self._session(_cookie(headers, scheme))
        page = self.addresses.check(headers, server, scheme)
        own = page == "own" or (page == "none" and headers.get(b"sec-fetch-site") == b"same-origin")
        if not own and (method not in _SAFE_METHODS or page == "allowed"):
            # Cookies know no ports: another server on localhost could send ours along.
            raise Refused(403, AccessDenied("A browser must say that it comes from this page."))
        return caller

    async def _known_here(self, text: str, _: str | None) -> Caller | None:
        return await self.identity.callers.identify(text)

    async def _bearer(self, token: bytes, resource: str | None) -> Caller:
        if hmac.compare_digest(token, self._token):
            return LOCAL_CALLER
        text = token.decode("latin-1")
        for authenticator in self.bearers:
            caller = await _answer(authenticator, text, resource)
            if caller is not None and caller.credential.kind != "session":
                return caller
        raise _unknown()

    async def _session(self, text: str) -> Caller:
        caller = await _answer(self._known_here, text, None)
        if caller is None or caller.credential.kind != "session":
            raise _unknown()
        try:
            for check in self.session_checks:
                await check(caller)
        except AccessDenied:
            raise _unknown() from None
        return caller


async def _answer(authenticator: Authenticator, text: str, resource: str | None) -> Caller | None:
    try:
        return await authenticator(text, resource)
    except AccessDenied:
        raise _unknown() from None


def _unknown() -> Refused:
    error = AccessDenied(
        "Credentials are missing or wrong.",
        hint="Sign in, or send a key as `Authorization: Bearer …`; `muxi open` gives a link.",
    )
    return Refused(401, error, ((b"www-authenticate", b"Bearer"),))


def _cookie(headers: Mapping[bytes, bytes], scheme: str) -> str:
    wanted = _SECURE_COOKIE if scheme in _SECURE else COOKIE
    for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            return value
    return ""
