"""The project's tools: built-in ones with their options, and its own in Python.

Called by `agents`. A tool is made when an agent that has it is first used, so that a project which
never searches the web imports nothing for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from muxi.config.project import Project
from muxi.config.secret import SecretRef
from muxi.config.tool_settings import (
    ASSISTANT_TOOLS,
    BUILTIN_FUNCTIONS,
    PythonTool,
)
from muxi.core.errors import ConfigError, ToolNotFound
from muxi.runtime.secrets import Secrets

if TYPE_CHECKING:
    from muxi.tools.function import FunctionTool
    from muxi.tools.toolset import Toolset


@dataclass(kw_only=True)
class Tools:
    """The tools of one project."""

    project: Project
    secrets: Secrets
    given: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    """Functions and `@tool`s that a program hands in, by name; they come before all others."""
    _made: dict[str, list[FunctionTool[..., Any]]] = field(
        default_factory=dict[str, "list[FunctionTool[..., Any]]"]
    )
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    def names(self, wanted: Sequence[str]) -> list[str]:
        """Names of the functions that `wanted` stands for, each once.

        A kind stands for all its functions, `name*` for all that begin so: of what the project
        declares and of the built-in tools that do no harm.

        Raises:
            ToolNotFound: There is no such tool.
        """
        return list(self._chosen(wanted))

    async def toolsets(self, wanted: Sequence[str]) -> list[Toolset]:
        """The tools that `wanted` names, as toolsets.

        Raises:
            ToolNotFound: There is no such tool.
            ConfigError: A tool of the project cannot be made.
        """
        chosen = self._chosen(wanted)
        if not chosen:
            return []
        from muxi.tools.function_toolset import FunctionToolset

        return [FunctionToolset([await self._tool(*each) for each in chosen.items()])]

    async def close(self) -> None:
        """Close what tools hold open."""
        await self._exits.aclose()

    def _chosen(self, wanted: Sequence[str]) -> dict[str, str]:
        """The functions that `wanted` stands for, each with the entry that brings it."""
        homes = self._homes()
        open_to_patterns = {*self.given, *self.project.tools, *ASSISTANT_TOOLS}
        found: dict[str, str] = {}
        for name in wanted:
            if name in homes:
                found.setdefault(name, homes[name])
                continue
            matching = {
                function: home
                for function, home in homes.items()
                if home == name
                or (home in open_to_patterns and "*" in name and fnmatchcase(function, name))
            }
            if not matching:
                raise ToolNotFound(f"There is no tool {name}.", tool=name)
            found |= matching
        return found

    def _homes(self) -> dict[str, str]:
        """Every function's entry; what a program hands in comes first, then the project's own."""
        homes = {name: name for name in self.given}
        for name, definition in self.project.tools.items():
            python = isinstance(definition, PythonTool)
            for function in (name,) if python else definition.function_names():
                homes.setdefault(function, name)
        for function, kind in BUILTIN_FUNCTIONS.items():
            homes.setdefault(function, kind)
        return homes

    async def _tool(self, function: str, home: str) -> Callable[..., Any]:
        if home in self.given:
            return self.given[home]
        made = self._made.get(home)
        if made is None:
            made = self._made[home] = await self._make(home)
        return next(each for each in made if each.name == function)

    async def _make(self, name: str) -> list[FunctionTool[..., Any]]:
        definition = self.project.tools.get(name)
        folder = self.project.folder
        if isinstance(definition, PythonTool):
            return [_python_tool(name, definition, folder)]
        from muxi.tools.builtin.catalogue import builtin_tools
        from muxi.tools.builtin.setup import Setup

        secrets = {
            place: await self.secrets.resolve(reference)
            for place, reference in _references(definition)
        }
        setup = Setup(
            folder=folder, state=self.project.state_folder, secrets=secrets, exits=self._exits
        )
        return builtin_tools(definition.kind if definition else name, definition, setup)


def _references(value: object, place: str = "") -> Iterator[tuple[str, SecretRef]]:
    """The secrets in settings, each with its place."""
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _references(getattr(value, name), f"{place}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield from _references(each, f"{place}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _references(each, f"{place}.{number}")


def _python_tool(name: str, definition: PythonTool, folder: Path) -> FunctionTool[..., Any]:
    """A tool of the project's own under the name that the project gives it."""
    from muxi.tools.function import as_tool

    place, _, path = definition.function.rpartition(":")
    found: Any = _module(name, place, folder)
    try:
        for step in path.split("."):
            found = getattr(found, step)
    except AttributeError as error:
        raise ConfigError(f"The tool {name}: {place} has no {path}.") from error
    if not callable(found):
        raise ConfigError(f"The tool {name}: {definition.function} is not a function.")
    options: dict[str, Any] = {
        option: value
        for option in ("approval", "timeout", "retries")
        if (value := getattr(definition, option)) is not None
    }
    return as_tool(found).changed(name=name, **options)


def _module(name: str, place: str, folder: Path) -> ModuleType:
    """The module that holds a tool, by its name or by its file in the project."""
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        file = folder / place
        if not file.is_file():
            raise ConfigError(f"The tool {name}: there is no file {file}.")
        spec = importlib.util.spec_from_file_location(f"muxi_project_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        # The project's own code: whatever it raises while it is imported is a mistake in it.
        words = f"{type(error).__name__}: {error}"
        raise ConfigError(f"The tool {name}: {place} cannot be imported. {words}") from error
    return module
