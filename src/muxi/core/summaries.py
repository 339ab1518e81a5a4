"""Summaries: what stands in a turn for messages that no longer fit. Made by `memory`, kept by
`storage`, told by `history.compacted`.

The messages themselves stay in the thread. A summary belongs to the path up to its last message, so
that a branch which left that path earlier does not see it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from muxi.core.messages import Text
from muxi.core.record import Record, now
from muxi.core.usage import Usage

CompactionStrategy = Literal["window", "summary", "hierarchical"]
"""`window` forgets what does not fit; `summary` keeps one summary that is continued;
`hierarchical` keeps summaries of stretches, and summaries of those."""

Share = Annotated[float, Field(gt=0, le=1)]


class Summary(Record):
    """A text in place of a stretch of messages that follow one another on a path."""

    id: str
    thread_id: str
    level: int = 1
    """1 for a summary of messages, 2 for one of summaries, and so on."""
    after_message_id: str | None = None
    """The message before the first one; None at the root of the thread."""
    first_message_id: str
    last_message_id: str
    messages: int
    """How many messages it stands for."""
    tokens: int
    """Size of its text, estimated from above."""
    source_tokens: int = 0
    """Size of what it was made of, likewise."""
    strategy: CompactionStrategy
    text: Text
    message_ids: list[str] = Field(default_factory=list[str])
    """The messages that it was made of directly, oldest first."""
    summary_ids: list[str] = Field(default_factory=list[str])
    """The summaries that it was made of."""
    model: str | None = None
    """The model that wrote it; None when none did."""
    usage: Usage | None = None
    """What writing it consumed."""
    created_at: datetime = Field(default_factory=now)


class CompactionPolicy(Record):
    """What one agent wants of the compaction of its threads. None leaves it to the project."""

    strategy: CompactionStrategy | None = None
    """`window`, `summary` or `hierarchical`."""
    at: Share | None = None
    """Share of the room for earlier messages beyond which they are compacted."""
    keep: Share | None = None
    """Share of that room which the newest messages keep, word for word."""
    tokens: Annotated[int, Field(ge=64)] | None = None
    """Most tokens of all summaries in a turn."""
