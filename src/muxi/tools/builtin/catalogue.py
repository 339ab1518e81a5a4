"""Which kinds of tools muxi brings along, and how to make them. Called by `runtime` and `devkit`.

Manifests and makers are named by their place, so that only what is asked for is imported. A maker
is a function of its kind's settings and a `Setup`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from muxi.config.tool_kind import ToolKind
from muxi.config.tool_settings import BUILTIN_KINDS
from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.manifests import ToolManifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import FunctionTool

Maker = Callable[[Any, Setup], list[FunctionTool[..., Any]]]

_HERE = "muxi.tools.builtin"


@dataclass(frozen=True, slots=True)
class Kind:
    """Where one kind lies, as `module:name` in this package."""

    manifest: str
    maker: str


_KINDS: dict[str, Kind] = {
    "ask_user": Kind("ask_user:MANIFEST", "ask_user:ask_user_tools"),
    "calculator": Kind("calculator:MANIFEST", "calculator:calculator_tools"),
    "clock": Kind("clock:MANIFEST", "clock:clock_tools"),
    "web_fetch": Kind("web_fetch:MANIFEST", "web_fetch:web_fetch_tools"),
    "web_search": Kind("web_search:MANIFEST", "web_search:web_search_tools"),
    "files": Kind("files:MANIFEST", "files:files_tools"),
    "shell": Kind("shell:MANIFEST", "shell:shell_tools"),
    "run_python": Kind("run_python:MANIFEST", "run_python:run_python_tools"),
    "git": Kind("git:MANIFEST", "git:git_tools"),
    "documents": Kind("documents:MANIFEST", "documents:documents_tools"),
    "openapi": Kind("openapi_tools:MANIFEST", "openapi_tools:openapi_tools"),
    "email": Kind("email_tools:MANIFEST", "email_tools:email_tools"),
    "calendar": Kind("calendar_tools:MANIFEST", "calendar_tools:calendar_tools"),
    "sql": Kind("sql:MANIFEST", "sql:sql_tools"),
    "charts": Kind("charts:MANIFEST", "charts:charts_tools"),
    "images": Kind("images:MANIFEST", "images:images_tools"),
    "audio": Kind("audio:MANIFEST", "audio:audio_tools"),
}


def manifest(kind: str) -> ToolManifest:
    """What people are told of a kind. Raises `ToolNotFound`."""
    return cast("ToolManifest", _found(_kind(kind).manifest))


def builtin_tools(
    kind: str, settings: ToolKind | None = None, setup: Setup | None = None
) -> list[FunctionTool[..., Any]]:
    """The functions of a kind, each of the version of its manifest.

    Args:
        kind: One of `BUILTIN_KINDS`.
        settings: Its options; the defaults without them.
        setup: Where it is made; without one there are no secrets.

    Raises:
        ToolNotFound: muxi brings no such kind.
        ConfigError: The options lack something.
    """
    place = _kind(kind)
    options = _defaults(kind) if settings is None else settings
    made = cast("Maker", _found(place.maker))(options, setup or Setup())
    version = manifest(kind).version
    return [each if each.version else each.changed(version=version) for each in made]


def _defaults(kind: str) -> ToolKind:
    try:
        return BUILTIN_KINDS[kind]()
    except ValidationError as error:
        needed = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
        raise ConfigError(
            f"The tool {kind} needs options: {needed}.", hint=f"Write them under `tools: {kind}:`."
        ) from error


def _kind(name: str) -> Kind:
    kind = _KINDS.get(name)
    if kind is None:
        raise ToolNotFound(
            f"muxi has no built-in tool `{name}`.", hint=f"It has: {', '.join(_KINDS)}."
        )
    return kind


def _found(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"{_HERE}.{module}"), name)
