"""A whole list, page by page. Used by the commands that show all there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from muxi.core.pages import Item, Page

_AT_ONCE: Final = 500
"""Items of one page."""


async def all_items(fetch: Callable[..., Awaitable[Page[Item]]]) -> list[Item]:
    """Every item of a list.

    Args:
        fetch: Gives a page by `cursor` and `limit`, such as `client.groups.page`.
    """
    items: list[Item] = []
    cursor: str | None = None
    while True:
        page = await fetch(cursor=cursor, limit=_AT_ONCE)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items
