"""Whose memory a request is about. Used by the files of memories and facts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from muxi.runtime.principal import owner_for
from muxi.server.operations import Call, Strict


class OwnerQuery(Strict):
    owner: str | None = Field(None, max_length=300)
    """`agent:NAME`, `team:NAME` or `tenant`; the user's own memory if it is left out."""


def owner_of(call: Call[Any, Any]) -> str:
    """Whose memory a request is about: what its action is done upon. Raises `InvalidInput`."""
    named = getattr(call.query, "owner", None) or getattr(call.body, "owner", None)
    return owner_for(call.who, named)
