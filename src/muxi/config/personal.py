"""Where a project refers to credentials of its users, and whether it may.

Called by `references` with raw data, and by `runtime` with the settings of a tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from muxi.config.secret import PERSONAL, SecretRef
from muxi.core.json_shapes import is_object

Settings = TypeVar("Settings", bound=BaseModel)
Path = tuple[str | int, ...]

_HOLDERS = (("tools",), ("mcp", "servers"))
_SECTIONS = ("headers", "env")
"""Of an MCP server."""
_OTHERS = ("models", "mcp", "identity", "storage")
"""What else has secrets. Elsewhere such a text is a text."""


def misplaced(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Each place that refers to users' credentials and may not, with words for people."""
    identity = data.get("identity")
    found: Any = identity if is_object(identity) else {}
    declared: Any = found.get("credentials")
    known = list(cast("dict[str, Any]", declared)) if isinstance(declared, dict) else []
    for path, text in _texts(data, ()):
        names = [match[1] for match in PERSONAL.finditer(text) if match[1]]
        if not names or path[0] not in ("tools", *_OTHERS):
            continue
        if not _may(path):
            yield path, f"`${{user.{names[0]}}}` has a value in tools and MCP servers only"
            continue
        for name in names:
            if name not in known:
                there = ", ".join(f"`{each}`" for each in known) or "none"
                words = f"`identity.credentials` declares no `{name}`; it declares {there}"
                yield path, words


def named_in(settings: object) -> set[str]:
    """The credentials of users that settings refer to."""
    return {name for each in _values(settings) for name in _names(each)}


def for_user(settings: Settings, credentials: Mapping[str, str]) -> Settings:
    """The settings for the user who has these credentials. Secrets stay as they are."""
    return cast("Settings", _for_user(settings, credentials))


def _for_user(value: Any, credentials: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return PERSONAL.sub(lambda match: credentials[match[1]] if match[1] else match[0], value)
    if isinstance(value, BaseModel):
        fields = {
            name: _for_user(getattr(value, name), credentials) for name in value.model_fields_set
        }
        return value.model_copy(update=fields)
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {name: _for_user(each, credentials) for name, each in pairs.items()}
    if isinstance(value, list):
        return [_for_user(each, credentials) for each in cast("list[Any]", value)]
    return value


def _values(value: Any) -> Iterator[str | SecretRef]:
    if isinstance(value, str | SecretRef):
        yield value
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield from _values(getattr(value, name))
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _values(each)


def _names(value: str | SecretRef) -> tuple[str, ...]:
    if isinstance(value, SecretRef):
        return value.personal
    return tuple(match[1] for match in PERSONAL.finditer(value) if match[1])


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str) and "${user." in value:
        yield path, value
    elif isinstance(value, dict):
        for key, each in cast("dict[str, Any]", value).items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(cast("list[Any]", value)):
            yield from _texts(each, (*path, at))


def _may(path: Path) -> bool:
    if path[: len(_HOLDERS[1])] == _HOLDERS[1]:
        return len(path) > 3 and path[3] in _SECTIONS
    return path[:1] == _HOLDERS[0]
