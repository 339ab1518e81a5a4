"""Who brings which tools, and which of them an agent gets that asks for `search@^1.2`.

Filled by `runtime` with what a program hands in, the project declares, muxi brings along and
installed packages bring. Nothing is imported or made before it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.manifests import ToolManifest
from muxi.core.versions import UNVERSIONED, Range, Version, named_range
from muxi.tools.function import FunctionTool

Source = Literal["program", "project", "builtin", "package"]
RANKS: Final[tuple[Source, ...]] = ("program", "project", "builtin", "package")
"""Who is asked first. A package that is merely installed takes no name from the others."""

Function = FunctionTool[..., Any]


def _no_manifest() -> ToolManifest | None:
    """A function says all that is known of it by itself."""


@dataclass(eq=False, slots=True, kw_only=True)
class Entry:
    """Something that brings tools under a name: one function, or a kind of several."""

    name: str
    functions: tuple[str, ...]
    """Names of its functions, as far as they are known before it is made."""
    source: Source
    origin: str
    """Where it is declared, in words for people."""
    make: Callable[[], Awaitable[Sequence[Function]]]
    manifest: Callable[[], ToolManifest | None] = _no_manifest
    """What people are told of it. It may import a package, and raise `ConfigError`."""
    open: bool = True
    """Whether `name*` takes it."""
    _made: tuple[Function, ...] | None = field(default=None)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def made(self) -> tuple[Function, ...]:
        """Its functions, each with a version; made once."""
        async with self._making:
            if self._made is None:
                self._made = tuple(_versioned(each) for each in await self.make())
            return self._made


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one entry of an agent's `tools` stands for."""

    entries: tuple[Entry, ...]
    function: str | None
    """The one function that is wanted of them; None for all."""
    versions: Range | None

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions, as far as they are known before they are made."""
        if self.function is not None:
            return (self.function,)
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.functions))


class Registry:
    """The tools of one project.

    Args:
        entries: In the order in which patterns name them.
        installed: Gives the entries of installed packages, when nothing else has a name.
    """

    def __init__(self, entries: Iterable[Entry], installed: Callable[[], Sequence[Entry]]) -> None:
        self._own = tuple(entries)
        self._read_installed = installed
        self._installed: tuple[Entry, ...] | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them, those of installed packages last."""
        return (*self._own, *self._of_packages())

    def wanted(self, text: str) -> list[Wanted]:
        """What `text` stands for: `name`, `kind.function` or `name*`, each also with `@RANGE`.

        Raises:
            ToolNotFound: Nothing bears that name.
            InvalidInput: What follows the `@` is no range.
        """
        name, versions = named_range(text)
        found = self._fitting(name) if "*" in name else list(self._named(name, versions))
        if not found:
            raise ToolNotFound(f"There is no tool {name}.", tool=name)
        return [Wanted(entries, function, versions) for entries, function in found]

    async def chosen(self, wanted: Wanted) -> dict[str, Function]:
        """The functions that `wanted` means, by name, each of the highest version that fits.

        Without a range the first source counts that has the name, with one the first that has a
        version in it.

        Raises:
            ToolNotFound: There is none of these versions.
            ConfigError: One cannot be made, or two of the same name and version are meant.
        """
        seen: list[Version] = []
        for source in RANKS:
            entries = [entry for entry in wanted.entries if entry.source == source]
            chosen: dict[str, tuple[Version, Function, Entry]] = {}
            for entry in entries:
                for function in await entry.made():
                    if wanted.function not in (None, function.name):
                        continue
                    version = Version.parse(function.version or UNVERSIONED)
                    seen.append(version)
                    if wanted.versions is None or version in wanted.versions:
                        _choose(chosen, version, function, entry)
            if chosen:
                return {name: function for name, (_, function, _) in chosen.items()}
        raise _none_of(wanted, seen)

    def _named(
        self, name: str, versions: Range | None
    ) -> Iterator[tuple[tuple[Entry, ...], str | None]]:
        """Entries of that name, else those that bring such a function, else `kind.function`."""
        if entries := self._bearing(name, versions):
            yield entries, None
        elif entries := tuple(entry for entry in self._own if name in entry.functions):
            yield entries, name
        else:
            kind, _, function = name.rpartition(".")
            if entries := self._bearing(kind, versions):
                yield entries, function

    def _bearing(self, name: str, versions: Range | None) -> tuple[Entry, ...]:
        """Entries called `name`. Packages are looked at only where they may be needed."""
        own = tuple(entry for entry in self._own if entry.name == name)
        if own and versions is None:
            return own
        return (*own, *(entry for entry in self._of_packages() if entry.name == name))

    def _of_packages(self) -> tuple[Entry, ...]:
        if self._installed is None:
            self._installed = tuple(self._read_installed())
        return self._installed

    def _fitting(self, pattern: str) -> list[tuple[tuple[Entry, ...], str | None]]:
        """Every function that `pattern` fits, with the entries that bring it."""
        entries = [entry for entry in self._own if entry.open]
        names = dict.fromkeys(name for entry in entries for name in entry.functions)
        return [
            (tuple(entry for entry in entries if name in entry.functions), name)
            for name in names
            if fnmatchcase(name, pattern)
        ]


def _versioned(function: Function) -> Function:
    return function if function.version else function.changed(version=UNVERSIONED)


def _choose(
    chosen: dict[str, tuple[Version, Function, Entry]],
    version: Version,
    function: Function,
    entry: Entry,
) -> None:
    known = chosen.get(function.name)
    if known is not None and known[0] == version:
        raise ConfigError(
            f"The tool {function.name} {version} is brought twice: "
            f"by {known[2].origin} and by {entry.origin}.",
            hint=f"Name the entry too: `{entry.name}.{function.name}`.",
        )
    if known is None or known[0] < version:
        chosen[function.name] = (version, function, entry)


def _none_of(wanted: Wanted, seen: Sequence[Version]) -> ToolNotFound:
    name = wanted.function or wanted.entries[0].name
    if wanted.versions is None:
        return ToolNotFound(f"{wanted.entries[0].origin} brings no tool {name}.", tool=name)
    there = ", ".join(str(each) for each in sorted(set(seen), key=lambda each: each.key))
    return ToolNotFound(
        f"There is no tool {name} of the versions {wanted.versions.text}.",
        hint=f"There is: {there}." if there else None,
        tool=name,
    )
