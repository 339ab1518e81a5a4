"""Tools that installed packages bring, by entry points of the group `muxi.tools`.

An entry point names a function, a `@tool`, a list of them, or a `ToolKit`. Reading which there are
imports nothing; a package is imported when an agent has its tool. Called by `runtime`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import JsonValue

from muxi.config.tool_settings import TOOLS_OF_PACKAGES
from muxi.core.errors import ConfigError, InvalidInput
from muxi.core.manifests import ToolManifest
from muxi.core.versions import Version
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import FunctionTool, as_tool

Options = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ToolKit:
    """What a package that has options, secrets or several tools puts into its entry point.

    Args:
        manifest: What people are told of it.
        make: Makes the tools of the options and the `Setup` of a project; raises `ConfigError` for
            options that it does not take.
    """

    manifest: ToolManifest
    make: Callable[[Options, Setup], Sequence[Callable[..., Any]]]


@dataclass(frozen=True, slots=True)
class Installed:
    """An entry point, which is not imported yet."""

    name: str
    package: str
    """Name and version of the distribution that brings it."""
    version: str | None
    """The distribution's version, if it is a semantic one."""
    entry_point: EntryPoint

    @property
    def origin(self) -> str:
        return f"the package {self.package}"

    def load(self) -> object:
        """What it names.

        Raises:
            ConfigError: It cannot be imported.
        """
        try:
            return self.entry_point.load()
        except Exception as error:
            # Foreign code: whatever it raises while it is imported is a mistake in it.
            words = f"{type(error).__name__}: {error}"
            raise ConfigError(
                f"The tool {self.name} of {self.origin} cannot be imported. {words}"
            ) from error

    def manifest(self) -> ToolManifest | None:
        """What people are told of it, if it is a kit. Raises `ConfigError`."""
        found = self.load()
        return found.manifest if isinstance(found, ToolKit) else None

    def tools(self, options: Options, setup: Setup) -> list[FunctionTool[..., Any]]:
        """Its tools, each with a version as far as one is known.

        Raises:
            ConfigError: It is neither tools nor a kit, or takes no such options.
        """
        found = self.load()
        version = self.version
        if isinstance(found, ToolKit):
            version = found.manifest.version
            made: Iterable[Any] = found.make(options, setup)
        elif options or setup.secrets:
            raise ConfigError(f"The tool {self.name} of {self.origin} takes no options.")
        elif callable(found):
            made = (as_tool(found).changed(name=self.name),)
        else:
            made = cast("Iterable[Any]", found) if isinstance(found, list | tuple) else (None,)
        tools = list(made)
        if not all(callable(each) for each in tools):
            raise ConfigError(
                f"The tool {self.name} of {self.origin} is none.",
                hint="Its entry point must name a function, a list of them, or a ToolKit.",
            )
        known = [as_tool(each) for each in tools]
        return [each if each.version else each.changed(version=version) for each in known]


def installed_tools() -> list[Installed]:
    """The entry points of all packages, by name; imports none of them."""
    found: list[Installed] = []
    for point in entry_points(group=TOOLS_OF_PACKAGES):
        if point.dist is None:
            continue
        package = f"{point.dist.name} {point.dist.version}"
        found.append(Installed(point.name, package, _semantic(point.dist.version), point))
    return sorted(found, key=lambda each: (each.name, each.package))


def _semantic(version: str) -> str | None:
    """A package's version as a semantic one, if its numbers are three or fewer."""
    if version.replace(".", "").isdigit():
        version += ".0" * (2 - version.count("."))
    try:
        return str(Version.parse(version))
    except InvalidInput:
        return None
