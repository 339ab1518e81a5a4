"""A person signs in to a remote server: from the address to open in a browser to the kept login.

Called by `runtime`, on behalf of the command line or of the dashboard, in two steps with a browser
between them. The tokens go from the authorization server to the vault; no door ever sees one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

import httpx2
from mcp import Client
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult
from mcp.shared.exceptions import MCPError

from muxi.core.errors import Conflict, LoginNeeded, MuxiError, ServerUnavailable
from muxi.core.mcp_login import LoginAnswer
from muxi.mcp.oauth.grant import Grant, Identity, Vault
from muxi.mcp.oauth.provider import ServerAuth, check_safe

_PATIENCE = 600.0
"""Seconds that a person has to grant access."""
_TIMEOUT = 30.0
_LONGEST_WORDS = 500


class Login:
    """One login to one server."""

    def __init__(
        self,
        server: str,
        url: str,
        vault: Vault,
        *,
        redirect_url: str,
        identity: Identity | None = None,
    ) -> None:
        self._server = server
        self._url = url
        self._auth = ServerAuth(
            server, url, vault, identity=identity, authorize=self._ask, redirect_url=redirect_url
        )
        self._asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[LoginAnswer] = asyncio.get_running_loop().create_future()
        self._work: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether it still waits for a person."""
        return self._work is not None and not self._work.done()

    async def begin(self) -> str | None:
        """The address to open in a browser; None if the server lets muxi in without a login.

        Raises:
            LoginNeeded: The server or its authorization server does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        self._work = asyncio.create_task(self._sign_in(), name=f"login to {self._server}")
        asked = self._asked
        await asyncio.wait((self._work, asked), return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        await self._finished()
        return None

    async def finish(self, answer: LoginAnswer) -> None:
        """Take what the browser came back with, and keep the login that it gives.

        Raises:
            Conflict: The login does not wait for an answer any more.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        if not self.open or self._answer.done():
            raise Conflict(f"No login to {self._server} waits for an answer.", hint="Begin anew.")
        self._answer.set_result(answer)
        await self._finished()

    async def cancel(self) -> None:
        """Give up; what was kept before stays."""
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError, MuxiError):
                await self._work

    async def _finished(self) -> None:
        assert self._work is not None
        await asyncio.shield(self._work)

    async def _sign_in(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._connect()
        except TimeoutError:
            raise LoginNeeded(f"Nobody granted access to {self._server} in time.") from None
        except Exception as error:  # noqa: BLE001 -- a task boundary: task groups of the SDK wrap whatever a server causes
            raise _told(self._server, error) from None

    async def _connect(self) -> None:
        """Connect as a client would: whatever asks for a login does so now, and it is tried."""
        check_safe(self._url)
        client = httpx2.AsyncClient(auth=self._auth, timeout=_TIMEOUT)
        async with client, Client(streamable_http_client(self._url, http_client=client)):
            pass

    async def _ask(self, address: str) -> AuthorizationCodeResult:
        if not self._asked.done():
            self._asked.set_result(address)
            answer = await self._answer
        else:
            raise OAuthFlowError("access was granted, but the server still refuses")
        if answer.error is not None or answer.code is None:
            raise OAuthFlowError(answer.error_description or answer.error or "no code came back")
        return AuthorizationCodeResult(code=answer.code, state=answer.state, iss=answer.iss)


async def log_out(server: str, url: str, vault: Vault) -> bool:
    """Forget a login, and revoke its tokens where the authorization server lets one (RFC 7009).

    Returns whether there was one.
    """
    grant = Grant.parse(await vault.load(server), url)
    if grant.tokens is None and grant.client is None:
        return False
    auth = ServerAuth(server, url, vault)
    await auth.read()
    await _revoke(auth)
    await vault.drop(server)
    return True


async def _revoke(auth: ServerAuth) -> None:
    """Tell the authorization server that tokens are no longer used. It may be gone: no matter."""
    metadata, tokens = auth.context.oauth_metadata, auth.context.current_tokens
    if metadata is None or metadata.revocation_endpoint is None or tokens is None:
        return
    endpoint = str(metadata.revocation_endpoint)
    client = auth.context.client_info
    with suppress(httpx2.HTTPError, OAuthFlowError):
        check_safe(endpoint)
        async with httpx2.AsyncClient(timeout=_TIMEOUT) as http:
            for kind in ("refresh_token", "access_token"):
                token = getattr(tokens, kind)
                if token is not None:
                    data = {"token": token, "token_type_hint": kind}
                    if client is not None:
                        data["client_id"] = client.client_id
                    data, headers = auth.context.prepare_token_auth(data, {})
                    await http.post(endpoint, data=data, headers=headers)


def _told(server: str, error: BaseException) -> MuxiError:
    """What became of a login, in words."""
    cause = _first(error)
    if isinstance(cause, MuxiError):
        return cause
    words = " ".join(str(cause).split())[:_LONGEST_WORDS] or type(cause).__name__
    if isinstance(cause, OAuthFlowError):
        return LoginNeeded(f"Signing in to {server} failed: {words}.", server=server)
    if isinstance(cause, httpx2.TransportError | OSError):
        return ServerUnavailable(
            f"Signing in to {server} failed: a server cannot be reached ({words}).",
            hint="Check the address and the network.",
        )
    if isinstance(cause, MCPError):
        return ServerUnavailable(
            f"Access to {server} was granted, but it does not answer as an MCP server: {words}."
        )
    return LoginNeeded(f"Signing in to {server} failed: {words}.", server=server)


def _first(error: BaseException) -> BaseException:
    """The error inside groups of errors that says why; flows of OAuth before what they broke."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    inner = [_first(one) for one in group.exceptions]
    return next((one for one in inner if isinstance(one, OAuthFlowError | MuxiError)), inner[0])
