"""A person signs in to a remote server: from the address to open in a browser to the kept login.

Called by `runtime`, on behalf of the command line or of the dashboard, in two steps with a browser
between them, which need not be taken by one process. The tokens go from the authorization server to
the vault; no door ever sees one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import cast

import httpx2
from mcp import Client
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from muxi.core.errors import LoginNeeded, MuxiError, ServerUnavailable
from muxi.core.mcp_login import LoginAnswer
from muxi.mcp.oauth.grant import Grant, Identity, Vault, Waiting
from muxi.mcp.oauth.provider import ServerAuth, check_safe

_TIMEOUT = 30.0
_LONGEST_WORDS = 500


class Login:
    """A login to one server, from its beginning to the person, or from there to its end."""

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
        self._entry = ServerAuth(server, url, vault, identity=identity)
        self._asked: asyncio.Future[tuple[str, Waiting]] = (
            asyncio.get_running_loop().create_future()
        )

    async def begin(self) -> tuple[str, Waiting] | None:
        """The address to open in a browser, and what to go on with; None if no login is wanted.

        Raises:
            LoginNeeded: The server or its authorization server does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        work = asyncio.create_task(self._connect(self._auth), name=f"login to {self._server}")
        try:
            await asyncio.wait((work, self._asked), return_when=asyncio.FIRST_COMPLETED)
            if self._asked.done():
                return self._asked.result()
            await work
            return None
        finally:
            work.cancel()
            await asyncio.wait((work,))

    async def finish(self, waiting: Waiting, answer: LoginAnswer) -> None:
        """Take what the browser came back with, and keep the login that it gives.

        Raises:
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        with _telling(self._server):
            await self._auth.redeem(waiting, answer)
        try:
            await self._connect(self._entry)
        except MuxiError:
            if self._entry.refusal is None:
                raise
            words = "access was granted, but the server still refuses"
            raise _failed(self._server, words) from None

    async def _connect(self, auth: ServerAuth) -> None:
        """Connect as a client would: whatever asks for a login does so now, and it is tried."""
        with _telling(self._server):
            check_safe(self._url)
            client = auth.reach.client(auth=auth, timeout=_TIMEOUT)
            async with client, Client(streamable_http_client(self._url, http_client=client)):
                pass

    async def _ask(self, address: str, waiting: Waiting) -> LoginAnswer:
        self._asked.set_result((address, waiting))
        # Whoever is told of it ends this: another process may be the one that goes on.
        return await asyncio.get_running_loop().create_future()


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
        async with auth.reach.client(timeout=_TIMEOUT) as http:
            for kind in ("refresh_token", "access_token"):
                token = getattr(tokens, kind)
                if token is not None:
                    data = {"token": token, "token_type_hint": kind}
                    if client is not None:
                        data["client_id"] = client.client_id
                    data, headers = auth.context.prepare_token_auth(data, {})
                    await http.post(endpoint, data=data, headers=headers)


@contextmanager
def _telling(server: str) -> Generator[None]:
    """Say in words what goes wrong."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- the boundary of a login: task groups of the SDK wrap whatever a server causes
        raise _told(server, error) from None


def _failed(server: str, words: str) -> LoginNeeded:
    return LoginNeeded(f"Signing in to {server} failed: {words}.", server=server)


def _told(server: str, error: BaseException) -> MuxiError:
    """What became of a login, in words."""
    cause = _first(error)
    if isinstance(cause, MuxiError):
        return cause
    words = " ".join(str(cause).split())[:_LONGEST_WORDS] or type(cause).__name__
    if isinstance(cause, OAuthFlowError):
        return _failed(server, words)
    if isinstance(cause, httpx2.TransportError | OSError):
        return ServerUnavailable(
            f"Signing in to {server} failed: a server cannot be reached ({words}).",
            hint="Check the address and the network.",
        )
    if isinstance(cause, MCPError):
        return ServerUnavailable(
            f"Access to {server} was granted, but it does not answer as an MCP server: {words}."
        )
    return _failed(server, words)


def _first(error: BaseException) -> BaseException:
    """The error inside groups of errors that says why; flows of OAuth before what they broke."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    inner = [_first(one) for one in group.exceptions]
    return next((one for one in inner if isinstance(one, OAuthFlowError | MuxiError)), inner[0])
