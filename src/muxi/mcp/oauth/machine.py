"""Signing in without a person: a client with a password of its own (OAuth's client credentials).

Made by `runtime` where a project says so. Discovery and the exchange are the SDK's; a token is
asked for when one is needed, kept in memory only, and asked for again before it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus

import httpx2
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from muxi.core.errors import LoginNeeded
from muxi.mcp.oauth.grant import Identity
from muxi.mcp.oauth.provider import check_safe
from muxi.mcp.oauth.reach import Reach
from muxi.telemetry.redaction import SECRETS

_EARLY = 30.0
_TIMEOUT = 30.0
_PATIENCE = 10.0
"""Seconds between two exchanges, so that a server which refuses every token is not pressed."""
_KNOCK = {"jsonrpc": "2.0", "method": "notifications/initialized"}
"""A message that asks for nothing: what counts is that the server wants to know who sends it."""


class MachineAuth(httpx2.Auth):
    """The credentials of one remote server that needs no person. See `provider.ServerAuth`."""

    refusal: LoginNeeded | None = None
    """Why the last answer was a refusal; None if it was none."""

    def __init__(self, server: str, url: str, identity: Identity) -> None:
        """
        Args:
            server: Its name in the project.
            url: Its address.
            identity: The client; it has an id, a password and the issuer that knows both.
        """
        self._server = server
        self._url = url
        assert identity.client_id is not None
        assert identity.client_secret is not None
        self._kept = _Kept()
        self._reach = Reach(url, identity.issuer)
        self._exchange = ClientCredentialsOAuthProvider(
            url,
            self._kept,
            identity.client_id,
            identity.client_secret,
            scope=" ".join(identity.scopes) or None,
            issuer=identity.issuer,
        )
        self._lock = asyncio.Lock()
        self._patience = 0.0

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The requests that one request of the connection becomes; called by the HTTP client."""
        token = await self._token(None)
        _bear(request, token)
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = await self._token(token)
            if renewed not in (None, token):
                _bear(request, renewed)
                response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            self.refusal = None
        elif self.refusal is None:
            self.refusal = self._refused("its token is not accepted")

    async def _token(self, refused: str | None) -> str | None:
        """A token that is not the one that was refused; None if none is to be had."""
        async with self._lock:
            known = self._kept.token(refused)
            if known is None and time.monotonic() >= self._patience:
                await self._ask()
                known = self._kept.token(refused)
            return known

    async def _ask(self) -> None:
        """Have the SDK find the authorization server and ask it for a token."""
        self._patience = time.monotonic() + _PATIENCE
        self._kept.tokens = None
        self._exchange.context.clear_tokens()
        try:
            check_safe(self._url)
            async with self._reach.client(auth=self._exchange, timeout=_TIMEOUT) as client:
                headers = {"Accept": "application/json, text/event-stream"}
                await client.post(self._url, json=_KNOCK, headers=headers)
        except (OAuthFlowError, httpx2.TransportError) as error:
            words = " ".join(str(error).split())[:500] or type(error).__name__
            self.refusal = self._refused(words)

    def _refused(self, words: str) -> LoginNeeded:
        return LoginNeeded(
            f"Signing in to the MCP server {self._server} failed: {words}.",
            hint=f"Check `mcp.servers.{self._server}.auth` in muxi.yaml.",
            server=self._server,
        )


class _Kept:
    """The token of a client, as long as the process lives."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self._ends: float | None = None

    def token(self, refused: str | None) -> str | None:
        """The token, if it is good for a while and not this one."""
        if self.tokens is None or self.tokens.access_token == refused:
            return None
        ended = self._ends is not None and time.monotonic() >= self._ends
        return None if ended else self.tokens.access_token

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        SECRETS.learn(tokens.access_token)
        self.tokens = tokens
        lifetime = tokens.expires_in
        early = 0.0 if lifetime is None else min(_EARLY, lifetime / 10)
        self._ends = None if lifetime is None else time.monotonic() + lifetime - early

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """The client is the project's own, and known."""


def _bear(request: httpx2.Request, token: str | None) -> None:
    if token is not None:
        request.headers["Authorization"] = f"Bearer {token}"
