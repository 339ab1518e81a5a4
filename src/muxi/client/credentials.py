"""A user's own credentials, as a client sees them: values go in and never come out.

Reached as `client.credentials`.
"""

from __future__ import annotations

from urllib.parse import quote

from muxi.client.calls import SLOW, Call, read
from muxi.core.credentials import CredentialInfo
from muxi.core.mcp_login import LoginAnswer, LoginPage
from muxi.core.pages import Page
from muxi.core.servers import ServerInfo


class Credentials:
    """What the client's user brings for tools."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def list(self) -> list[CredentialInfo]:
        """What the user may bring, and which of it they have set."""
        body = await self._call("GET", "/api/credentials")
        return Page[CredentialInfo].model_validate_json(body).items

    async def put(self, name: str, value: str) -> None:
        """Store the user's own value. Raises `NotFound` for what the project does not ask for."""
        await self._call("PUT", f"/api/credentials/{quote(name, safe='')}", body={"value": value})

    async def delete(self, name: str) -> None:
        """Forget it. Raises `NotFound`, and `SecretMissing` if none was set."""
        await self._call("DELETE", f"/api/credentials/{quote(name, safe='')}")

    async def begin_login(self, server: str, redirect_url: str | None = None) -> str | None:
        """The page on which the user signs in to an MCP server for themselves.

        Args:
            server: Its name.
            redirect_url: Where the browser comes back to; by default the dashboard.

        Raises:
            NotFound: There is no such server, or users do not sign in to it.
            LoginNeeded: It does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        body = {} if redirect_url is None else {"redirect_url": redirect_url}
        answer = await self._call("POST", _login(server), body=body, seconds=SLOW)
        return read(LoginPage, answer).url

    async def finish_login(self, server: str, answer: LoginAnswer) -> ServerInfo:
        """Sign in with what the browser came back with; gives how the server is doing then.

        Raises:
            NotFound: No login was begun.
            Conflict: It was finished already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        body, place = answer.model_dump(exclude_none=True), f"{_login(server)}/answer"
        return read(ServerInfo, await self._call("POST", place, body=body, seconds=SLOW))


def _login(server: str) -> str:
    return f"/api/credentials/{quote(f'mcp.{server}', safe='')}/login"
