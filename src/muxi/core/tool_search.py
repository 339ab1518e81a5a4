"""How an agent with many tools is shown them. Part of its definition, read by `runtime`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.core.record import Record


class ToolSearchPolicy(Record):
    """Which tools the model is shown when all of them would cost too much."""

    above: Annotated[int, Field(ge=0)] = 4_000
    """Tokens of all tools' descriptions and schemas, above which they are searched."""
    tokens: Annotated[int, Field(ge=300)] = 1_500
    """Tokens that those which are shown may then take in a turn."""
    first: Annotated[int, Field(ge=0, le=20)] = 8
    """Tools that are looked up by what the user says, before the model is asked; 0 for none."""
    pinned: list[str] = Field(default_factory=list[str])
    """Tools that are always shown, by the names that the model uses; `name*` for several."""
