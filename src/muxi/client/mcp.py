"""The MCP servers of the project, as a client sees them. Reached as `client.mcp`."""

from __future__ import annotations

from collections.abc import Mapping

from muxi.client.calls import SLOW, Call, read, segment
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
