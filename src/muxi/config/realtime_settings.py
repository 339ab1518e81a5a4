"""How events reach those who follow them. A part of the project file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.config.model_settings import Section


class EventSettings(Section):
    """How events reach those who follow them, over SSE and over WebSocket."""

    window: Annotated[int, Field(ge=1_000, le=1_000_000)] = 20_000
    """Events that a reader may be behind; one who is further back, or too slow, gets a `gap`."""
    gather: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Seconds for which events of a thread wait for others, to be sent in one packet: 0.05 halves
    the work of a server with a thousand fast streams."""
