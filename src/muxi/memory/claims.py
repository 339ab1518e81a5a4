"""What somebody is heard to say, and what may be a fact in it. Used by all that extracts facts.

A claim always bears the words that it was taken from: one without them is an invention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from muxi.memory.echoes import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One turn of a conversation."""

    text: str
    said_at: datetime
    role: str = "user"
    message_id: str | None = None
    memory_id: str | None = None
    given: Given = field(default_factory=Given)
    """What was on the table: recalled texts, outputs of tools, instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A fact that a turn seems to tell of its speaker."""

    path: str
    """Dotted path, such as `location.city`."""
    value: JsonValue
    quote: str
    """The words of the turn that say so."""
    since: datetime | None = None
    """When it began, if that was said."""
    over: bool = False
    """That the value holds no longer is what was said."""
    siblings: tuple[str, ...] = ()
    """Paths that end with the value that this one contradicts, such as the country of a city,
    unless the turn names them as well."""
    understood: bool = False
    """That a pattern covers the whole statement, so that nothing in it is left to doubt."""
    moved: bool = False
    """That they end in any case is what was said."""
