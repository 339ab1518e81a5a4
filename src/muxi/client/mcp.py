"""The MCP servers of the project, as a client sees them. Reached as `client.mcp`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from muxi.client.calls import SLOW, Call, read, segment
from muxi.core.lock_changes import ServerLock
from muxi.core.mcp_login import LoginAnswer, LoginPage
from muxi.core.pages import Page
from muxi.core.servers import (
    Completions,
    PromptMessages,
    RemoteContent,
    RemotePrompt,
    RemoteResource,
    ServerInfo,
    ServerLogLines,
)


class McpServers:
    """Look at servers, start them anew, and use what they have beside tools."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def servers(self) -> list[ServerInfo]:
        """All servers of the project."""
        return read(Page[ServerInfo], await self._call("GET", "/api/mcp/servers")).items

    async def server(self, name: str) -> ServerInfo:
        """Raises `NotFound`."""
        return read(ServerInfo, await self._call("GET", _path(name)))

    async def restart(self, name: str) -> ServerInfo:
        """End a server and begin anew; its state tells whether it started. Raises `NotFound`."""
        answer = await self._call("POST", f"{_path(name)}/restart", again=True, seconds=SLOW)
        return read(ServerInfo, answer)

    async def log(self, name: str, lines: int = 100) -> list[str]:
        """The last words of a server, oldest first. Raises `NotFound`."""
        answer = await self._call("GET", f"{_path(name)}/log", params={"lines": lines})
        return read(ServerLogLines, answer).lines

    async def locks(self, *, fresh: bool = False) -> list[ServerLock]:
        """How all servers stand with the lock; with `fresh` each is asked what it offers now.

        Raises:
            LockInvalid: The lock cannot be read.
        """
        params = {"fresh": str(fresh).lower()}
        answer = await self._call("GET", "/api/mcp/lock", params=params, seconds=SLOW)
        return read(Page[ServerLock], answer).items

    async def lock(self, name: str, *, fresh: bool = False) -> ServerLock:
        """How one server stands. Raises `NotFound` and `LockInvalid`."""
        params = {"fresh": str(fresh).lower()}
        answer = await self._call("GET", f"{_path(name)}/lock", params=params, seconds=SLOW)
        return read(ServerLock, answer)

    async def trust(self, name: str) -> ServerLock:
        """Lock a server that is new. Raises `NotFound`, `Conflict` and `LockInvalid`."""
        return read(ServerLock, await self._call("POST", f"{_path(name)}/lock", seconds=SLOW))

    async def distrust(self, name: str) -> None:
        """Take a server out of the lock. Raises `NotFound` and `LockInvalid`."""
        await self._call("DELETE", f"{_path(name)}/lock")

    async def approve(
        self, name: str, part: str | None = None, *, seen: Collection[str] | None = None
    ) -> ServerLock:
        """Approve changes of a server: of one tool, prompt or template, or all.

        Args:
            name: The server.
            part: What of it.
            seen: Hashes of what the person has seen; something else is then refused.

        Raises:
            NotFound: There is no such server or change.
            Conflict: It has changed since it was shown, or can never be approved.
            LockInvalid: The lock cannot be read or written.
        """
        body = {"name": part, "seen": None if seen is None else sorted(seen)}
        answer = await self._call("POST", f"{_path(name)}/approve", body=body, seconds=SLOW)
        return read(ServerLock, answer)

    async def begin_login(self, name: str, redirect_url: str) -> str | None:
        """The page to open in a browser; None if the server wants no login.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
            LoginNeeded: It does not play by the rules.
            ServerUnavailable: It cannot be reached.
        """
        body = {"redirect_url": redirect_url}
        answer = await self._call("POST", f"{_path(name)}/login", body=body, seconds=SLOW)
        return read(LoginPage, answer).url

    async def finish_login(self, name: str, answer: LoginAnswer) -> ServerInfo:
        """Sign in with what the browser came back with; gives how the server is doing then.

        Raises:
            NotFound: No login was begun.
            Conflict: It was finished already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        body = answer.model_dump(exclude_none=True)
        place = f"{_path(name)}/login/answer"
        return read(ServerInfo, await self._call("POST", place, body=body, seconds=SLOW))

    async def log_out(self, name: str) -> None:
        """Forget the login to a server, and revoke it there. Raises `NotFound`."""
        await self._call("DELETE", f"{_path(name)}/login", seconds=SLOW)

    async def resources(self, name: str) -> list[RemoteResource]:
        """All resources of a server. Raises `NotFound` and `ToolFailed`."""
        answer = await self._call("GET", f"{_path(name)}/resources", seconds=SLOW)
        return read(Page[RemoteResource], answer).items

    async def read(self, name: str, uri: str) -> RemoteContent:
        """What a resource holds. Raises `NotFound` and `ToolFailed`."""
        params = {"uri": uri}
        answer = await self._call("GET", f"{_path(name)}/resource", params=params, seconds=SLOW)
        return read(RemoteContent, answer)

    async def prompts(self, name: str) -> list[RemotePrompt]:
        """The prompts of a server. Raises `NotFound` and `ToolFailed`."""
        answer = await self._call("GET", f"{_path(name)}/prompts", seconds=SLOW)
        return read(Page[RemotePrompt], answer).items

    async def prompt(
        self, name: str, prompt: str, arguments: Mapping[str, str] | None = None
    ) -> PromptMessages:
        """A prompt as messages. Raises `NotFound`, `InvalidInput` and `ToolFailed`."""
        place = f"{_path(name)}/prompts/{segment(prompt)}"
        body = {"arguments": dict(arguments or {})}
        answer = await self._call("POST", place, body=body, again=True, seconds=SLOW)
        return read(PromptMessages, answer)

    async def complete(
        self,
        name: str,
        argument: str,
        value: str = "",
        *,
        prompt: str | None = None,
        uri: str | None = None,
    ) -> list[str]:
        """What could stand for an argument of a prompt, or of the template `uri`.

        Raises:
            NotFound: There is no such server.
            ToolFailed: It fails.
        """
        body = {"prompt": prompt, "uri": uri, "name": argument, "value": value}
        place = f"{_path(name)}/complete"
        answer = await self._call("POST", place, body=body, again=True, seconds=SLOW)
        return read(Completions, answer).values


def _path(name: str) -> str:
    return f"/api/mcp/servers/{segment(name)}"
