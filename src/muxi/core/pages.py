"""A page of a list, as the API gives it. Made by `runtime`, read by doors and by the client."""

from __future__ import annotations

from typing import Generic, TypeVar

from muxi.core.record import Record

Item = TypeVar("Item")


class Page(Record, Generic[Item]):
    """Some items of a list, newest first unless said otherwise, and where the next ones begin."""

    items: list[Item]
    next: str | None = None
    """Cursor of the next page; None when this is the last one."""
