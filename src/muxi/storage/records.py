"""How nouns become the values of rows, and back. Used by every file of store functions.

A record is stored as JSON text. JSON writes U+0000 as an escape, so PostgreSQL, whose text cannot
hold that character, takes it too; lone surrogates become U+FFFD, as everywhere in muxi.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar, cast

from pydantic_core import PydanticSerializationError, to_json

from muxi.core.errors import InvalidInput
from muxi.core.record import Record, clean
from muxi.storage.statements import Dialect

Item = TypeVar("Item")

SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * SECOND
"""Microseconds, in which instants are stored."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and where the next ones begin."""

    items: Sequence[Item]
    next: str | None
    """Cursor of the following page; None when this is the last."""


def encode(record: Record, *, exclude_none: bool = False) -> str:
    """The record as JSON, with its unknown fields."""
    try:
        return record.model_dump_json(exclude_none=exclude_none)
    except PydanticSerializationError:
        # A lone surrogate in some field: rare, so that only then every text is looked at.
        plain = record.model_dump(mode="python", exclude_none=exclude_none)
        return to_json(_cleaned(plain), bytes_mode="base64").decode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {_cleaned(key): _cleaned(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in cast("Sequence[Any]", value)]
    return value


def column(text: str) -> str:
    """`text` as it can stand in a column of its own on every database."""
    return clean(text).replace("\0", "\N{SYMBOL FOR NULL}")


def now_micros() -> int:
    """The present instant, in microseconds since 1970."""
    return time.time_ns() // 1000


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return round(instant.timestamp() * 1_000_000)


def instant(micros: int) -> datetime:
    """The instant of `micros` microseconds since 1970."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def listed(dialect: Dialect, values: Iterable[int] | Iterable[str]) -> Any:
    """Values as the parameter of "is one of these"."""
    return to_json(list(values)).decode() if dialect == "sqlite" else list(values)


def cursor(*values: int | str) -> str:
    """An opaque text for a place in a list."""
    plain = "\n".join(str(value) for value in values)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def place(cursor: str, parts: int) -> list[str]:
    """The values that `cursor` was made of.

    Raises:
        InvalidInput: It was not made by this list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = base64.urlsafe_b64decode(padded).decode().split("\n")
    except ValueError:
        values = []
    if len(values) != parts:
        raise InvalidInput("This cursor was not given by this list.")
    return values
