"""Whose memory a request is about. Used by the files of memories and facts."""

from __future__ import annotations

from pydantic import Field

from muxi.server.operations import Strict


class OwnerQuery(Strict):
    owner: str | None = Field(None, max_length=300)
    """`agent:NAME`, `team:NAME` or `tenant`; the user's own memory if it is left out."""
