"""Finds the operation of a request. Loads the file of a resource when it is first asked for.

Used by the dispatcher. A server that nobody asks about budgets never loads what answers that.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.routing import compile_path

from muxi.server.operations import AnyOperation

_SHARED = ("api", "v1")
"""First steps of a path that say nothing of the resource: the second one does."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of operations, and where its paths begin."""

    module: str
    """Below `muxi.server`; it has `OPERATIONS`."""
    heads: tuple[str, ...]
    """What `head_of` gives for its paths."""
    eager: bool = False
    """Whether it is loaded with the server, since most who start one need it."""

    def operations(self) -> tuple[AnyOperation, ...]:
        """What it brings, which loads it."""
        return importlib.import_module(f"muxi.server.{self.module}").OPERATIONS


def head_of(path: str) -> str:
    """The part of a path that tells its resource: `/api/runs`, `/v1/models`, `/login`."""
    steps = path.split("/", 3)
    return "/".join(steps[:3] if steps[1:2] and steps[1] in _SHARED else steps[:2])


@dataclass(slots=True)
class Place:
    """All operations of one path, or of the paths that no operation has."""

    methods: dict[str, AnyOperation] = field(default_factory=dict[str, "AnyOperation"])

    def operation(self, method: str) -> AnyOperation | None:
        """What a method does here; the head of what can be read is its answer without the body."""
        found = self.methods.get(method)
        return self.methods.get("GET") if found is None and method == "HEAD" else found


@dataclass(slots=True)
class Found:
    """What a request is for."""

    place: Place
    names: dict[str, str]
    """What stands in the path, by the names that the operation gives it."""
    operation: AnyOperation | None
    told: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    """Headers of the answer, whatever it is."""


class Router:
    """The operations of a server, as far as anybody has asked for them.

    Args:
        resources: All of them. Paths of those that come first are tried first.
    """

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = resources
        self._loaded: dict[int, tuple[AnyOperation, ...]] = {}
        self._waiting: dict[str, list[int]] = {}
        self._loading = asyncio.Lock()
        self._nowhere = Place()
        self._fixed: dict[str, Place] = {}
        self._patterns: list[tuple[re.Pattern[str], Place]] = []
        for number, resource in enumerate(resources):
            if resource.eager:
                self._loaded[number] = resource.operations()
            else:
                for head in resource.heads:
                    self._waiting.setdefault(head, []).append(number)
        self._arrange()

    async def find(self, path: str, method: str) -> Found:
        """What is to be done at `path`, and the names in it."""
        if self._waiting and (head := head_of(path)) in self._waiting:
            await self._load(head)
        place = self._fixed.get(path)
        if place is not None:
            return Found(place, {}, place.operation(method))
        for pattern, place in self._patterns:
            if match := pattern.match(path):
                return Found(place, match.groupdict(), place.operation(method))
        return Found(self._nowhere, {}, None)

    async def _load(self, head: str) -> None:
        """Load the resources whose paths begin so. In a thread: others are answered meanwhile."""
        async with self._loading:
            for number in self._waiting.get(head, ()):
                if number not in self._loaded:
                    resource = self._resources[number]
                    self._loaded[number] = await asyncio.to_thread(resource.operations)
            self._waiting.pop(head, None)
            self._arrange()

    def _arrange(self) -> None:
        places: dict[str, Place] = {}
        for number in sorted(self._loaded):
            for operation in self._loaded[number]:
                place = places.setdefault(operation.path, Place())
                place.methods[operation.method] = operation
        self._fixed = {path: place for path, place in places.items() if "{" not in path}
        self._patterns = [
            (compile_path(path)[0], place) for path, place in places.items() if "{" in path
        ]
