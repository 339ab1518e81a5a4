"""The project's tools: built-in ones with their options, its own in Python, and those of packages.

Called by `agents` and by doors. A tool is made when an agent that has it is first used, so that a
project which never searches the web imports nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ValidationError

from muxi.config.mcp_settings import remote_tools
from muxi.config.personal import for_user, named_in
from muxi.config.project import Project
from muxi.config.secret import SecretRef
from muxi.config.tool_kind import ToolKind
from muxi.config.tool_settings import (
    ASSISTANT_TOOLS,
    BUILTIN_KINDS,
    PackageTool,
    PythonTool,
    ToolDefinition,
)
from muxi.core.errors import ConfigError
from muxi.core.imaging import Imaging
from muxi.core.manifests import ToolManifest
from muxi.core.voice import Voice
from muxi.runtime.credentials import UserCredentials
from muxi.runtime.principal import Principal
from muxi.runtime.project_functions import project_function
from muxi.tools.per_user import User

if TYPE_CHECKING:
    from muxi.runtime.document_reading import DocumentReading
    from muxi.tools.builtin.setup import DocumentPart, Setup
    from muxi.tools.function import FunctionTool
    from muxi.tools.installed import Installed
    from muxi.tools.registry import Entry, Registry
    from muxi.tools.toolset import Toolset


@dataclass(kw_only=True)
class Tools:
    """The tools of one project."""

    project: Project
    credentials: UserCredentials
    imaging: Imaging | None = None
    """Who makes pictures for tools, and looks at them."""
    voice: Voice | None = None
    """Who writes down recordings for tools, and reads texts aloud."""
    given: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    """Functions and `@tool`s that a program hands in, by name; they come before all others."""
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    _documents: DocumentReading | None = None

    @cached_property
    def registry(self) -> Registry:
        """Who brings which tools."""
        from muxi.tools.registry import Registry

        own = [*self._given(), *self._declared(), *self._builtin()]
        return Registry(own, self._installed)

    def names(self, wanted: Sequence[str]) -> list[str]:
        """Names of the functions that `wanted` stands for, each once.

        A kind stands for all its functions, `name*` for all that begin so: of what the project
        declares and of the built-in tools that do no harm. Those of MCP servers stay as they are.

        Raises:
            ToolNotFound: There is no such tool.
        """
        local, remote = self._parted(wanted)
        found = [each for text in local for each in self.registry.wanted(text)]
        names = [name for each in found for name in each.functions]
        return list(dict.fromkeys([*names, *remote]))

    async def toolsets(self, wanted: Sequence[str]) -> list[Toolset]:
        """The tools that `wanted` names, as toolsets.

        Raises:
            ToolNotFound: There is no such tool, or none of the versions asked for.
            ConfigError: A tool of the project cannot be made.
        """
        chosen: dict[str, FunctionTool[..., Any]] = {}
        for text in self._parted(wanted)[0]:
            for each in self.registry.wanted(text):
                for name, function in (await self.registry.chosen(each)).items():
                    chosen.setdefault(name, function)
        if not chosen:
            return []
        from muxi.tools.function_toolset import FunctionToolset

        return [FunctionToolset(chosen.values())]

    def _parted(self, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
        """`wanted` without the tools of MCP servers, and those."""
        servers = self.project.mcp.servers
        remote = [name for name in wanted if remote_tools(name, servers) is not None]
        return [name for name in wanted if name not in remote], remote

    async def read_document(
        self, file: Path, name: str, media_type: str | None
    ) -> Sequence[DocumentPart]:
        """What a document says, part by part.

        Raises:
            DocumentUnreadable: It is broken, too large, or of a format that muxi does not read.
        """
        if self._documents is None:
            from muxi.runtime.document_reading import DocumentReading

            self._documents = DocumentReading(self.project.knowledge.conversion)
            self._exits.push_async_callback(self._documents.close)
        return await self._documents.read(file, name, media_type)

    def renew(self) -> None:
        """Make tools anew when they are next used: what is declared has changed."""
        self.__dict__.pop("registry", None)

    async def close(self) -> None:
        """Close what tools hold open."""
        await self._exits.aclose()

    def _given(self) -> Iterator[Entry]:
        from muxi.tools.function import as_tool
        from muxi.tools.registry import Entry

        for name, function in self.given.items():

            async def make(function: Callable[..., Any] = function) -> list[FunctionTool[..., Any]]:
                return [as_tool(function)]

            yield Entry(
                name=name,
                functions=(name,),
                source="program",
                origin=f"the program, as {name}",
                make=make,
            )

    def _declared(self) -> Iterator[Entry]:
        from muxi.tools.registry import Entry

        for key, definition in self.project.tools.items():
            name, _, version = key.partition("@")
            yield Entry(
                name=name,
                functions=_shown(name, definition),
                source="project",
                origin=f"`tools.{key}`",
                make=partial(self._make, name, version or None, definition),
                manifest=_manifest(definition),
            )

    def _builtin(self) -> Iterator[Entry]:
        from muxi.tools.registry import Entry

        for name in BUILTIN_KINDS:
            if name in self.project.tools:
                continue
            yield Entry(
                name=name,
                functions=_offered(name),
                source="builtin",
                origin="muxi",
                make=partial(self._make, name, None, None),
                manifest=partial(_builtin_manifest, name),
                open=name in ASSISTANT_TOOLS,
            )

    def _installed(self) -> list[Entry]:
        from muxi.tools.installed import installed_tools
        from muxi.tools.registry import Entry

        declared = {key.partition("@")[0] for key in self.project.tools}
        return [
            Entry(
                name=each.name,
                functions=(each.name,),
                source="package",
                origin=each.origin,
                make=partial(self._of_package, each),
                manifest=each.manifest,
                open=False,
            )
            for each in installed_tools()
            if each.name not in declared
        ]

    async def _make(
        self, name: str, version: str | None, definition: ToolDefinition | None
    ) -> list[FunctionTool[..., Any]]:
        if isinstance(definition, PythonTool):
            return [project_function(name, version, definition, self.project.folder)]
        needed = named_in(definition)
        if not needed:
            return await self._made(name, version, definition, {}, self._exits)
        from muxi.runtime.personal_tools import PersonalTools

        make = partial(self._made, name, version, definition)
        return await PersonalTools(sorted(needed), make, self._value).functions(self._exits)

    async def _value(self, user: User, name: str) -> str:
        return await self.credentials.value(Principal(user.tenant, user.id), name)

    async def _made(
        self,
        name: str,
        version: str | None,
        definition: ToolKind | PackageTool | None,
        credentials: Mapping[str, str],
        exits: AsyncExitStack,
    ) -> list[FunctionTool[..., Any]]:
        """The functions of a tool, with what a user has brought for it."""
        setup = await self._setup(definition, credentials, exits)
        if definition is not None and credentials:
            definition = for_user(definition, credentials)
        if isinstance(definition, PackageTool):
            return self._declared_package(name, version, definition, setup)
        from muxi.tools.builtin.catalogue import builtin_tools

        kind = definition.name() if definition else name
        made = builtin_tools(kind, definition, setup)
        _check_version(name, version, made)
        if not _renamed(name, BUILTIN_KINDS[kind]):
            return made
        return [each.changed(name=name) for each in made]

    def _declared_package(
        self, name: str, version: str | None, definition: PackageTool, setup: Setup
    ) -> list[FunctionTool[..., Any]]:
        from muxi.tools.installed import installed_tools

        found = [each for each in installed_tools() if each.name == name]
        if len(found) != 1:
            packages = ", ".join(each.package for each in found)
            raise ConfigError(
                f"Several packages bring a tool {name}: {packages}."
                if found
                else f"No installed package brings a tool {name}.",
                hint="Packages bring tools by entry points of the group `muxi.tools`.",
            )
        made = found[0].tools(definition.options, setup)
        _check_version(name, version, made)
        return made

    async def _of_package(self, installed: Installed) -> list[FunctionTool[..., Any]]:
        return installed.tools({}, await self._setup(None, {}, self._exits))

    async def _setup(
        self,
        definition: ToolKind | PackageTool | None,
        credentials: Mapping[str, str],
        exits: AsyncExitStack,
    ) -> Setup:
        from muxi.tools.builtin.setup import Setup

        settings = definition.secrets if isinstance(definition, PackageTool) else definition
        secrets = {
            place: await self.credentials.secrets.resolve(reference, credentials)
            for place, reference in _references(settings)
        }
        return Setup(
            folder=self.project.folder,
            state=self.project.state_folder,
            secrets=secrets,
            read_document=self.read_document,
            imaging=self.imaging,
            voice=self.voice,
            exits=exits,
        )


def _manifest(definition: ToolDefinition) -> Callable[[], ToolManifest | None]:
    """What people are told of a declared tool."""
    if isinstance(definition, ToolKind):
        return partial(_builtin_manifest, definition.name())
    return lambda: None


def _builtin_manifest(kind: str) -> ToolManifest:
    from muxi.tools.builtin.catalogue import manifest

    return manifest(kind)


def _shown(name: str, definition: ToolDefinition) -> tuple[str, ...]:
    """Names of what a declared tool brings."""
    if isinstance(definition, ToolKind) and not _renamed(name, type(definition)):
        return definition.offered()
    return (name,)


def _renamed(name: str, kind: type[ToolKind]) -> bool:
    """Whether a declared tool is called otherwise than its kind; one function then bears the name
    that the project gives it, as the project's own functions do."""
    return name != kind.name() and len(kind.function_names()) == 1


def _check_version(name: str, version: str | None, made: Sequence[FunctionTool[..., Any]]) -> None:
    """Raise `ConfigError` unless all that was made has the version that the project says."""
    other = next((each.version for each in made if version not in (None, each.version)), None)
    if other is not None:
        raise ConfigError(f"The tool {name} is declared as {version}, but it is {other}.")


def _offered(kind: str) -> tuple[str, ...]:
    """What a kind brings to a project that says nothing of it."""
    settings = BUILTIN_KINDS[kind]
    try:
        return settings().offered()
    except ValidationError:
        return settings.function_names()  # making one tells which options it needs


def _references(value: object, place: str = "") -> Iterator[tuple[str, SecretRef]]:
    """The secrets in settings, each with its place."""
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _references(getattr(value, name), f"{place}.{name}".lstrip("."))
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield from _references(each, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _references(each, f"{place}.{number}".lstrip("."))
