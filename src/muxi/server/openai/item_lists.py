"""Lists of items, in parts, as OpenAI's API gives them. Used by the routes that have such lists."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from muxi.server.operations import Strict


class ItemQuery(Strict):
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    include: str | None = Field(None, alias="include[]")
    """Whatever is asked for: items are whole."""


class ItemList(BaseModel):
    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


def page_of(items: list[dict[str, Any]], query: ItemQuery) -> ItemList:
    """One page of items, which come oldest first."""
    if query.order == "desc":
        items = items[::-1]
    ids = [item["id"] for item in items]
    begin = ids.index(query.after) + 1 if query.after in ids else 0
    return whole(items[begin : begin + query.limit], more=begin + query.limit < len(items))


def whole(items: list[dict[str, Any]], *, more: bool = False) -> ItemList:
    """A list of these items, and whether there are more."""
    return ItemList(
        data=items,
        first_id=items[0]["id"] if items else None,
        last_id=items[-1]["id"] if items else None,
        has_more=more,
    )
