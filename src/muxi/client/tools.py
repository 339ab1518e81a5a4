"""The tools of the project, as a client sees them. Reached as `client.tools`."""

from __future__ import annotations

from muxi.client.calls import SLOW, Call, read, segment
from muxi.core.pages import Page
from muxi.core.tools import ToolCheck, ToolInfo


class Tools:
    """List, search, show and check tools."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[ToolInfo]:
        """Tools by name, without their schemas."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[ToolInfo], await self._call("GET", "/api/tools", params=params))

    async def search(self, query: str, *, limit: int = 10) -> list[ToolInfo]:
        """The tools that do what `query` asks for in words, the best first."""
        params = {"query": query, "limit": limit}
        return read(Page[ToolInfo], await self._call("GET", "/api/tools", params=params)).items

    async def get(self, name: str) -> ToolInfo:
        """A tool with all its versions. Raises `NotFound`."""
        return read(ToolInfo, await self._call("GET", f"/api/tools/{segment(name)}"))

    async def check(self, *, record: bool = False) -> ToolCheck:
        """Compare the project's tools with what was recorded of their versions.

        Args:
            record: Record them as they are, if no finding is an error.

        Raises:
            ConfigError: The record cannot be read.
        """
        body = {"record": record}
        answer = await self._call("POST", "/api/tool-checks", body=body, seconds=SLOW)
        return read(ToolCheck, answer)
