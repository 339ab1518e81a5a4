"""Facts: what is known of somebody or something, since when and until when, and who said so.

Made by `memory` and `storage`, read by doors. A fact holds from `valid_from` up to, and not
including, `valid_to`; what comes after it closes it. Nothing here decides what is true.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, JsonValue

from muxi.core.ids import new_id
from muxi.core.record import Record, now

USER = "user"
"""The subject of facts about the person whose memory it is."""


class Confirmation(Record):
    """Somebody said the same again, or had said it before."""

    at: datetime
    """Since when it holds by these words."""
    recorded_at: datetime = Field(default_factory=now)
    source_message_id: str | None = None
    source_memory_id: str | None = None
    confidence: float = 1.0
    source: str = "api"


class Fact(Record):
    """Something held to be true for a time: of a subject, by a dotted path, a JSON value."""

    id: str = Field(default_factory=lambda: new_id("fct"))
    owner: str
    """Whose memory it is: `user:ID`, `agent:NAME`, `team:NAME` or `tenant`."""
    subject: str = USER
    """Of whom or what; `user` is the person whose memory it is."""
    predicate: str
    """Dotted path, such as `location.city`."""
    value: JsonValue
    valid_from: datetime
    valid_to: datetime | None = None
    """When it ceased to hold; None while it holds. Equal to `valid_from` if it was put right."""
    recorded_at: datetime = Field(default_factory=now)
    source_message_id: str | None = None
    """The message that it was said in."""
    source_memory_id: str | None = None
    confidence: float = 1.0
    """From 0 to 1; a plain statement of a person has 1."""
    source: str = "api"
    """By which way it came: `api`, `tool`, `conversation`, `import`."""
    until: datetime | None = None
    """The end that was given with it, if one was; `valid_to` is earlier if something closed it."""
    confirmations: int = 0
    """How often the same was said besides."""
    confirmed: list[Confirmation] = Field(default_factory=list[Confirmation])
    """The newest of them, the earliest first."""
    uses: int = 0
    """How often it was recalled for an answer."""
    used_at: datetime | None = None


class FactInput(Record):
    """A fact as it is handed in. A path in `predicate` and a value, the rest if it is known."""

    subject: str = USER
    predicate: str
    value: JsonValue
    valid_from: datetime | str | None = None
    """None: from now on. A date without a zone is taken as UTC."""
    valid_to: datetime | str | None = None
    recorded_at: datetime | None = None
    source_message_id: str | None = None
    source_memory_id: str | None = None
    confidence: float = Field(default=1.0, ge=0, le=1)
    source: str = "api"


class FactsChanged(Record):
    """What a write did."""

    added: int = 0
    """Facts that are new or begin earlier than was known."""
    confirmed: int = 0
    """Facts that were known already; they make no new version."""
    ended: int = 0
    """Facts that a contradiction, a patch or an end closed."""
    removed: int = 0
    """Versions that were deleted for good."""
    notes: list[str] = Field(default_factory=list[str])
    """What was assumed, such as the zone of a date that named none."""


class Subject(Record):
    """Somebody or something that facts are known of."""

    subject: str
    facts: int
    """How many hold now."""


FactsShape = Literal["tree", "list"]
"""Facts as one nested JSON value, or one by one."""


def canonical(value: Any) -> str:
    """`value` as JSON text of which each value has exactly one: by it, facts are compared.

    Numbers keep their kind: 1, 1.0 and true are three values.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
