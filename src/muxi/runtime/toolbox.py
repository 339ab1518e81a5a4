"""The project's tools as people look at them: listed, shown, searched, checked. Called by doors.

Looking at a tool makes it, as an agent would, and never calls it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from muxi.core.errors import MuxiError, NotFound, summarize
from muxi.core.manifests import ToolManifest
from muxi.core.pages import Page
from muxi.core.requests import ToolSpec
from muxi.core.tools import Origin, ToolCheck, ToolInfo, ToolVersion
from muxi.core.versions import UNVERSIONED, Version, is_version
from muxi.runtime.agents import Agents
from muxi.runtime.mcp import McpServers
from muxi.runtime.principal import Principal

if TYPE_CHECKING:
    from muxi.retrieval.tool_index import ToolIndex
    from muxi.tools.registry import Entry


@dataclass(slots=True)
class _Known:
    """A tool as it was looked up: for people, and for comparing."""

    version: ToolVersion
    spec: ToolSpec
    manifest: ToolManifest | None


@dataclass(kw_only=True)
class Toolbox:
    """All tools that the project's agents could have."""

    agents: Agents
    mcp: McpServers
    _index: tuple[frozenset[str], ToolIndex] | None = field(default=None, init=False)

    async def page(
        self,
        who: Principal,
        *,
        query: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[ToolInfo]:
        """Tools by name, or with `query` those that fit it, the best first; without schemas.

        Args:
            who: Who asks.
            query: What a tool should do, in words; there is one page of answers then.
            cursor: Where the page before ended.
            limit: The most tools.
        """
        tools = await self._tools(who)
        if query is not None:
            found = [tools[name] for name in await self._find(who, query, limit)]
            return Page[ToolInfo](items=[_short(each) for each in found])
        names = sorted(name for name in tools if cursor is None or name > cursor)
        items = [_short(tools[name]) for name in names[:limit]]
        return Page[ToolInfo](items=items, next=names[limit - 1] if len(names) > limit else None)

    async def get(self, who: Principal, name: str) -> ToolInfo:
        """One tool with all its versions. Raises `NotFound`."""
        found = (await self._tools(who)).get(name)
        if found is None:
            raise NotFound(f"There is no tool {name[:100]}.")
        return found

    async def check(self, *, record: bool) -> ToolCheck:
        """Compare all tools with what was recorded of their versions.

        Args:
            record: Whether to record them as they are now, if nothing is wrong.

        Raises:
            ConfigError: The record cannot be read.
        """
        from muxi.tools.version_record import RECORD_FILE, VersionRecord

        file = self.agents.project.folder / RECORD_FILE
        known, problems = await self._own("project")
        specs = [each.spec for each in known]
        kept = await asyncio.to_thread(VersionRecord.load, file)
        findings = [found for spec in specs if (found := kept.judge(spec)) is not None]
        result = ToolCheck(
            checked=sum(spec.name in kept.tools for spec in specs),
            new=sorted(f"{spec.name}@{spec.version}" for spec in specs if not kept.knows(spec)),
            findings=findings,
            gone=sorted(kept.tools.keys() - {spec.name for spec in specs}),
            problems=[f"{name}: {problem}" for name, problem in problems.items()],
        )
        if record and not any(found.severity == "error" for found in findings):
            for spec in specs:
                kept.add(spec)
            await asyncio.to_thread(kept.save, file)
            result.recorded = True
        return result

    async def _tools(self, who: Principal) -> dict[str, ToolInfo]:
        """All tools by name; one that cannot be made by the name of what would bring it."""
        known, problems = await self._own()
        users = await self._users(who)
        tools: dict[str, ToolInfo] = {}
        for each in (*known, *self._remote(who)):
            name = each.version.name
            info = tools.setdefault(name, ToolInfo(name=name, agents=users.get(name, [])))
            info.versions.append(each.version)
            info.manifest = info.manifest or each.manifest
        for info in tools.values():
            # In the order of who is asked first; of one source the highest version.
            info.versions.sort(key=_precedence, reverse=True)
            info.versions.sort(key=lambda each: _ORIGINS.index(each.source))
            first = info.versions[0]
            info.title, info.summary = first.annotations.title, _first_line(first.description)
        for name, problem in problems.items():
            tools.setdefault(name, ToolInfo(name=name, problem=problem))
        return tools

    async def _own(self, source: Origin | None = None) -> tuple[list[_Known], dict[str, str]]:
        """Everything but the tools of servers, and what could not be made; or of one source."""
        known: list[_Known] = []
        problems: dict[str, str] = {}
        for entry in self.agents.tools.registry.entries:
            if source not in (None, entry.source):
                continue
            try:
                known += [each async for each in _of_entry(entry)]
            except MuxiError as error:
                problems[entry.name] = summarize(error)
        return known, problems

    def _remote(self, who: Principal) -> Iterator[_Known]:
        """Tools of MCP servers, as far as they are known without asking one."""
        for info in self.mcp.infos(who):
            if info.state == "off" or not info.tools:
                continue
            for tool in self.mcp.offered(info.name, who):
                entry, origin = f"mcp.{info.name}.{tool.name}", f"the MCP server {info.name}"
                yield _Known(_version(tool.spec, entry, "server", origin), tool.spec, None)

    async def _users(self, who: Principal) -> dict[str, list[str]]:
        """The agents that may use each tool."""
        users: defaultdict[str, list[str]] = defaultdict(list)
        for agent in await self.agents.infos(who):
            for name in agent.tools:
                users[name].append(agent.name)
        return users

    async def _find(self, who: Principal, query: str, limit: int) -> list[str]:
        from muxi.retrieval.tool_index import ToolIndex

        found = (*(await self._own())[0], *self._remote(who))
        known = {each.spec.name: each.spec for each in found}
        digests = frozenset(spec.digest for spec in known.values())
        if self._index is None or self._index[0] != digests:
            table = self.agents.models.word_table
            index = await asyncio.to_thread(ToolIndex.of, list(known.values()), table)
            self._index = digests, index
        best = await asyncio.to_thread(self._index[1].find, query, limit)
        return [spec.name for spec in best]


_ORIGINS: tuple[Origin, ...] = ("program", "project", "builtin", "package", "server")


async def _of_entry(entry: Entry) -> AsyncIterator[_Known]:
    manifest = entry.manifest()
    for function in await entry.made():
        version = _version(function.spec, entry.name, entry.source, entry.origin)
        yield _Known(version, function.spec, manifest)


def _version(spec: ToolSpec, entry: str, source: Origin, origin: str) -> ToolVersion:
    from muxi.retrieval.tool_search import cost

    return ToolVersion(
        name=spec.name,
        version=spec.version or "0.0.0",
        entry=entry,
        source=source,
        origin=origin,
        description=spec.description,
        parameters=spec.parameters,
        annotations=spec.annotations,
        examples=list(spec.examples),
        approval=spec.approval,
        digest=spec.digest,
        tokens=cost(spec),
    )


def _precedence(tool: ToolVersion) -> Any:
    """Orders versions; what is none goes last."""
    return Version.parse(tool.version if is_version(tool.version) else UNVERSIONED).key


def _first_line(description: str) -> str:
    return description.strip().partition("\n")[0]


def _short(info: ToolInfo) -> ToolInfo:
    """Without what only a page about this one tool needs."""
    empty: dict[str, Any] = {"description": "", "parameters": {}, "examples": []}
    versions = [each.model_copy(update=empty) for each in info.versions]
    return info.model_copy(update={"versions": versions, "manifest": None})
