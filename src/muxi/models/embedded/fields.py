"""The single values that a schema asks for, and a whole value put together from them.

Called by `output`. A schema is taken apart into fields, each with the path to it; what was found
for the fields is put together again, and what may be left out is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from muxi.core.patterns import schema_checker
from muxi.models.embedded import schemas
from muxi.models.embedded.schemas import Kind

Path = tuple[str, ...]
_DEEPEST: Final = 4
_STRICT: Final = frozenset({"pattern", "format", "minLength", "maxLength"})


class Nothing:
    """Stands where no value was found; JSON's null is a value."""


NOTHING: Final = Nothing()


@dataclass(frozen=True)
class Field:
    """One value that is wanted: anything but an object whose members are known."""

    path: Path
    schema: dict[str, Any]
    """Resolved."""
    root: dict[str, Any]
    """Where its references lead."""
    needed: bool
    """Whether the whole is not valid without it."""

    @property
    def kind(self) -> Kind:
        return schemas.kind(self.schema)

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else "value"

    @property
    def full_name(self) -> str:
        """One word for the path."""
        return "_".join(self.path) or "value"

    @property
    def free(self) -> bool:
        """Whether any words will do."""
        return self.kind == "string" and not _STRICT.intersection(self.schema)

    @property
    def numeric(self) -> bool:
        return self.kind in ("integer", "number")

    def admits(self, value: Any) -> bool:
        """Whether `value` is valid here."""
        return bool(self._validator.is_valid(value))

    @cached_property
    def _validator(self) -> Any:
        return schema_checker()({**schemas.definitions(self.root), **self.schema})


def fields(root: dict[str, Any]) -> list[Field]:
    """The fields of a schema, in order."""
    return list(_walk(root, root, (), needed=True))


def _walk(
    schema: dict[str, Any], root: dict[str, Any], path: Path, *, needed: bool
) -> Iterator[Field]:
    resolved = schemas.resolve(schema, root)
    if not _opens(resolved, path):
        yield Field(path, resolved, root, needed)
        return
    required = schemas.required(resolved)
    for name, child in resolved["properties"].items():
        inner = needed and name in required and not schemas.nullable(child)
        yield from _walk(child, root, (*path, name), needed=inner)


def _opens(resolved: dict[str, Any], path: Path) -> bool:
    named = bool(resolved.get("properties"))
    return named and schemas.kind(resolved) in ("object", "string") and len(path) < _DEEPEST


def build(root: dict[str, Any], found: Mapping[Path, Any]) -> Any:
    """The value that `found` makes, by the path of each field; `NOTHING` if one is lacking."""
    return _build(root, root, (), found)


def _build(
    schema: dict[str, Any], root: dict[str, Any], path: Path, found: Mapping[Path, Any]
) -> Any:
    resolved = schemas.resolve(schema, root)
    if not _opens(resolved, path):
        return found.get(path, NOTHING)
    out: dict[str, Any] = {}
    required = schemas.required(resolved)
    for name, child in resolved["properties"].items():
        value = _build(child, root, (*path, name), found)
        if value is not NOTHING:
            out[name] = value
        elif name not in required:
            continue
        elif schemas.nullable(child):
            out[name] = None
        else:
            return NOTHING
    empty = not any(place[: len(path)] == path for place in found)
    return NOTHING if path and empty and required else out
