"""The project's tools: built-in ones with their options, and its own in Python.

Called by `agents`. A tool is made when an agent that has it is first used, so that a project which
never searches the web imports nothing for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from muxi.config.project import Project
from muxi.config.tool_settings import (
    BUILTIN_TOOLS,
    PythonTool,
    ToolDefinition,
    WebSearchTool,
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
    _made: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])

    def names(self, wanted: Sequence[str]) -> list[str]:
        """The tools that `wanted` names, each once; `name*` takes all that begin so.

        Raises:
            ToolNotFound: There is no such tool.
        """
        known = list(dict.fromkeys([*self.given, *self.project.tools, *BUILTIN_TOOLS]))
        found: dict[str, None] = {}
        for pattern in wanted:
            matching = [name for name in known if fnmatchcase(name, pattern)]
            if not matching:
                raise ToolNotFound(f"There is no tool {pattern}.", tool=pattern)
            found |= dict.fromkeys(matching)
        return list(found)

    async def toolsets(self, wanted: Sequence[str]) -> list[Toolset]:
        """The tools that `wanted` names, as toolsets.

        Raises:
            ToolNotFound: There is no such tool.
            ConfigError: A tool of the project cannot be made.
        """
        names = self.names(wanted)
        if not names:
            return []
        from muxi.tools.function_toolset import FunctionToolset

        return [FunctionToolset([await self._tool(name) for name in names])]

    async def _tool(self, name: str) -> Callable[..., Any]:
        made = self.given.get(name) or self._made.get(name)
        if made is None:
            made = self._made[name] = await self._make(name, self.project.tools.get(name))
        return made

    async def _make(self, name: str, definition: ToolDefinition | None) -> Callable[..., Any]:
        if isinstance(definition, PythonTool):
            return _python_tool(name, definition, self.project.folder)
        from muxi.tools.builtin.catalogue import builtin

        key = None
        if isinstance(definition, WebSearchTool) and definition.key is not None:
            key = await self.secrets.resolve(definition.key)
        return builtin(name, definition, key=key)


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
