"""A toolset of many tools that shows a model only a few, and a tool to find the others.

Put around an agent's tools by `runtime`, or by any program. What is shown follows from the tools
and from what the run has said so far, so that a run which goes on elsewhere is shown the same.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any, Final

from muxi.core.errors import ConfigError, ToolArgumentsInvalid
from muxi.core.messages import ToolContent, ToolResultPart
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.core.tool_search import ToolSearchPolicy
from muxi.tools.function import FunctionTool, tool
from muxi.tools.toolset import Toolset

if TYPE_CHECKING:
    from muxi.retrieval.tool_index import ToolIndex, Vectors

FIND_TOOLS: Final = "find_tools"

_MOST_FOUND: Final = 12
_MOST_AREAS: Final = 24
_LONGEST_LINE: Final = 160
_LONGEST_INPUT: Final = 2_000
_RUNS_AT_ONCE: Final = 512
_FOUND: Final = re.compile(r"^- ([^\s:]+): ", re.MULTILINE)
"""How the tools that were found stand in a result of `find_tools`."""


@dataclass(slots=True, eq=False)
class _Catalogue:
    """All tools as they now are."""

    given: Sequence[ToolSpec]
    by_name: dict[str, ToolSpec]
    pinned: tuple[ToolSpec, ...]
    index: ToolIndex
    finder: FunctionTool[..., Any]


@dataclass(slots=True)
class _Shown:
    """What a run was shown in its last turn."""

    catalogue: _Catalogue
    said: str
    looked_up: Sequence[ToolSpec]
    turn: tuple[int, int]
    specs: tuple[ToolSpec, ...]


class SearchedToolset:
    """The tools of `inner`, if they are few; else some of them, and `find_tools`.

    Shown are those that are pinned, those that fit what the user says, those that the model has
    found, and those that it has asked for by name.

    Args:
        inner: The tools; for several toolsets a `CombinedToolset` of them.
        policy: When they are searched, and how much is shown.
        embedder: Compares meanings; without it words alone are compared.

    Raises:
        ConfigError: By `specs`: one of many tools is itself called `find_tools`.
    """

    def __init__(
        self,
        inner: Toolset,
        policy: ToolSearchPolicy | None = None,
        *,
        embedder: Vectors | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy or ToolSearchPolicy()
        self._embedder = embedder
        self._given: Sequence[ToolSpec] | None = None
        self._catalogue: _Catalogue | None = None
        self._making = asyncio.Lock()
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """What the next turn of the run is shown; the same tuple while that does not change."""
        catalogue = await self._current(ctx)
        if catalogue is None:
            assert self._given is not None
            return self._given
        before = self._shown.get(ctx.run_id)
        if before is None or before.catalogue is not catalogue or before.turn != _turn(ctx):
            said = _said(ctx)
            if before is not None and before.catalogue is catalogue and before.said == said:
                looked_up = before.looked_up
            else:
                looked_up = await asyncio.to_thread(self._look_up, catalogue, said)
            specs = self._choose(catalogue, looked_up, ctx)
            if before is not None and before.specs == specs:
                specs = before.specs
            self._shown[ctx.run_id] = before = _Shown(catalogue, said, looked_up, _turn(ctx), specs)
            if len(self._shown) > _RUNS_AT_ONCE:
                self._shown.popitem(last=False)
        return before.specs

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        if name == FIND_TOOLS:
            # Another run may have been shown other tools since, of a user who has more of them.
            catalogue = await self._current(ctx)
            if catalogue is not None:
                return await catalogue.finder.run(arguments, ctx)
        return await self._inner.call(name, arguments, ctx)

    async def prepare(self, ctx: Context) -> None:
        """Make the search ready, so that no turn waits for it."""
        catalogue = await self._current(ctx)
        if catalogue is not None:
            # The first search imports what all searches need.
            await asyncio.to_thread(catalogue.index.find, FIND_TOOLS, 1)

    async def close(self) -> None:
        await self._inner.close()

    async def _current(self, ctx: Context) -> _Catalogue | None:
        """All tools, if they are so many that they are searched."""
        given = await self._inner.specs(ctx)
        if given is self._given:
            return self._catalogue
        async with self._making:
            if given is not self._given:
                many = sum(map(cost, given)) > self._policy.above
                made = await asyncio.to_thread(self._catalogue_of, given) if many else None
                self._given, self._catalogue = given, made
        return self._catalogue

    def _catalogue_of(self, given: Sequence[ToolSpec]) -> _Catalogue:
        from muxi.retrieval.tool_index import ToolIndex

        by_name = {spec.name: spec for spec in given}
        if FIND_TOOLS in by_name:
            raise ConfigError(
                f"A tool is called `{FIND_TOOLS}`, as the one that finds the others.",
                hint="Rename it, or raise the agent's `tool_search.above`.",
            )
        patterns = self._policy.pinned
        pinned = [s for s in given if any(fnmatchcase(s.name, pattern) for pattern in patterns)]
        index = ToolIndex.of(given, self._embedder)
        return _Catalogue(given, by_name, tuple(pinned), index, _finder(index))

    def _look_up(self, catalogue: _Catalogue, said: str) -> list[ToolSpec]:
        """The tools that fit what the user says."""
        first = self._policy.first
        return catalogue.index.find(said, first) if first else []

    def _choose(
        self, catalogue: _Catalogue, looked_up: Sequence[ToolSpec], ctx: Context
    ) -> tuple[ToolSpec, ...]:
        """What is shown next: what was wanted last goes before what was wanted earlier."""
        known = catalogue.by_name
        steps = [[known[name] for name in step if name in known] for step in _wanted(ctx)]
        fixed = [catalogue.finder.spec, *catalogue.pinned]
        taken = {spec.name for spec in fixed}
        room = self._policy.tokens - sum(map(cost, fixed))
        for rank, spec in enumerate([*chain(*steps), *looked_up]):
            # The best of all is shown at any cost: else nothing could be done.
            if spec.name not in taken and (rank == 0 or cost(spec) <= room):
                taken.add(spec.name)
                room -= cost(spec)
        # In the order in which they came, so that providers find their prompt again in a cache.
        came = {spec.name: spec for spec in [*fixed, *looked_up, *chain(*reversed(steps))]}
        return tuple(spec for name, spec in came.items() if name in taken)


def cost(spec: ToolSpec) -> int:
    """Tokens that a tool takes in a prompt, rather too many than too few."""
    return len(spec.text.encode("utf-8", "replace")) * 3 // 8 + 12


def _turn(ctx: Context) -> tuple[int, int]:
    """Tells one turn of a run from the next."""
    return len(ctx.earlier), len(ctx.messages)


def _said(ctx: Context) -> str:
    """What the user says in this run."""
    said = takewhile(lambda message: message.role == "user", ctx.messages)
    return "\n".join(message.text for message in said)[:_LONGEST_INPUT]


def _wanted(ctx: Context) -> Iterator[list[str]]:
    """Names of tools that the model has found or called, message by message, the last one first."""
    for message in reversed(ctx.messages):
        for part in message.parts:
            if isinstance(part, ToolResultPart) and part.name == FIND_TOOLS:
                yield _FOUND.findall(part.text)
        yield [call.name for call in message.tool_calls]
    for message in reversed(ctx.earlier):
        yield [call.name for call in message.tool_calls]


def _finder(index: ToolIndex) -> FunctionTool[..., Any]:
    """The tool that finds the others."""
    areas = _areas(spec.name for spec in index.specs)
    description = (
        f"Find further tools. There are {len(index.specs)}{areas}, and you are shown only a few. "
        "When none of those fits, say what you want to do; what is found can then be called."
    )

    @tool(
        name=FIND_TOOLS,
        description=description,
        title="Find tools",
        read_only=True,
        destructive=False,
        open_world=False,
        version="1.0.0",
        idempotent=True,
        timeout=10,
        examples=(("Which tools are there for invoices?", {"query": "invoices"}),),
    )
    def find_tools(query: str, limit: int = 8) -> str:
        """Find further tools.

        Args:
            query: What the tool should do, in a few words.
            limit: The most tools, from 1 to 12.
        """
        if not 1 <= limit <= _MOST_FOUND:
            raise ToolArgumentsInvalid(f"`limit` must be from 1 to {_MOST_FOUND}.")
        found = index.find(query, limit)
        if not found:
            return "No tool was found. Ask in other words."
        return "\n".join(["These tools can be called now:", *map(_line, found)])

    return find_tools


def _line(spec: ToolSpec) -> str:
    """A tool on one line, whatever its description holds."""
    words = " ".join(spec.description.split())
    short = words if len(words) <= _LONGEST_LINE else f"{words[:_LONGEST_LINE]}…"
    return f"- {spec.name}: {short}"


def _areas(names: Iterable[str]) -> str:
    """The servers whose tools there are, with how many, in words."""
    counted = Counter(name.partition("__")[0] for name in names if "__" in name)
    most = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    if not most:
        return ""
    told = ", ".join(f"{area} ({count})" for area, count in most[:_MOST_AREAS])
    return f": {told}{' and others' if len(most) > _MOST_AREAS else ''}"
