"""A changed muxi.yaml, taken up while the project lives. Called by doors and on SIGHUP.

Services share one `Project` and read it when they make something, so what changes holds from the
next run on; runs under way keep what they began with. A file with mistakes changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from muxi.config.load import load_project
from muxi.config.project import Project
from muxi.config.server_settings import LogSettings
from muxi.core.errors import MuxiError
from muxi.core.status import Reloaded
from muxi.runtime.agents import Agents
from muxi.runtime.mcp import McpServers
from muxi.runtime.principal import LOCAL
from muxi.runtime.remembering import Remembering
from muxi.runtime.tools import Tools

_log = logging.getLogger("muxi.runtime")

_AT_ONCE = ("name", "agent", "model", "agents", "models", "tools", "mcp", "approvals", "media")
"""Sections that hold from the next run on."""


@dataclass(kw_only=True)
class Reloading:
    """Takes up what has changed in the project's file."""

    project: Project
    agents: Agents
    tools: Tools
    mcp: McpServers
    remembering: Remembering
    on_logs: Callable[[LogSettings], None] | None = None
    """Takes up a changed `server.logs`, where the program around has set up its logs by it."""
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reload(self) -> Reloaded:
        """Read the project's file again; tells what holds now and what waits for a restart.

        Raises:
            ConfigError: The file has mistakes, or an agent of it is in the database too.
            MuxiError: The embedding model that it names cannot be used.
        """
        async with self._busy:
            place = self.project.file or self.project.folder
            fresh = await asyncio.to_thread(load_project, place)
            changed = [name for name in _told() if _of(fresh, name) != _of(self.project, name)]
            taken = [name for name in changed if name in _AT_ONCE]
            await self._take(fresh, taken)
            if await self._switch_embedder(fresh):
                taken.append("memory.embedder")
                if fresh.memory == self.project.memory:
                    changed.remove("memory")
            if self._switch_logs(fresh):
                taken.append("server.logs")
                if fresh.server == self.project.server:
                    changed.remove("server")
            rest = [name for name in changed if name not in taken]
            return Reloaded(changed=taken, restart=rest)

    async def reload_quietly(self) -> None:
        """As `reload`, for whoever cannot be told but by the log."""
        try:
            done = await self.reload()
        except MuxiError as error:
            _log.error("The project file was not taken up: %s", error.message)
            return
        _log.info("The project file was read again.", extra=done.model_dump())

    async def _take(self, fresh: Project, names: Sequence[str]) -> None:
        before = {name: _of(self.project, name) for name in names}
        self._set({name: _of(fresh, name) for name in names})
        try:
            await self.agents.check(LOCAL)
        except MuxiError:
            self._set(before)
            raise
        if "mcp" in names:
            self.mcp.renew()

    def _set(self, values: dict[str, object]) -> None:
        for name, value in values.items():
            setattr(self.project, name, value)
        self.tools.renew()
        self.agents.renew()

    async def _switch_embedder(self, fresh: Project) -> bool:
        name = fresh.memory.embedder
        if name == self.project.memory.embedder:
            return False
        await self.remembering.use_embedder(name)
        self.project.memory.embedder = name
        return True

    def _switch_logs(self, fresh: Project) -> bool:
        if self.on_logs is None or fresh.server.logs == self.project.server.logs:
            return False
        self.on_logs(fresh.server.logs)
        self.project.server.logs = fresh.server.logs
        return True


def _told() -> list[str]:
    """The sections of a file."""
    return [name for name, each in Project.model_fields.items() if not each.exclude]


def _of(project: Project, name: str) -> object:
    return getattr(project, name)
