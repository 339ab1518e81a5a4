"""What is to be forgotten, what was, what is left, and what comes and goes by files.

Made by `memory`, asked for and shown by doors. None of these reports ever holds what was forgotten.
"""

from __future__ import annotations

from pydantic import Field

from muxi.core.errors import InvalidInput
from muxi.core.record import Record
from muxi.core.spans import Instant, check_span

BLANK = "[forgotten]"
"""Stands in a message whose words were forgotten, so that the path of its thread stays whole."""
FORGOTTEN = "forgotten"
"""Set in the metadata of such a message: it is not remembered again."""


class Forget(Record):
    """What is to be forgotten, of one owner. Exactly one kind of thing at a time."""

    memories: list[str] = Field(default_factory=list[str])
    """Ids of memories; the messages that they were said in are blanked."""
    facts: list[str] = Field(default_factory=list[str])
    """Ids of facts."""
    threads: list[str] = Field(default_factory=list[str])
    """Ids of threads, which go with everything that was drawn from them."""
    since: Instant | None = None
    """What was said or done from here on is forgotten."""
    until: Instant | None = None
    """And before this instant; None: up to now."""
    everything: bool = False
    """All that bears the owner."""

    def checked(self) -> Forget:
        """Itself. Raises `InvalidInput` unless it names one kind of thing, a span the right way."""
        span = self.since is not None or self.until is not None
        kinds = [bool(self.memories), bool(self.facts), bool(self.threads), span, self.everything]
        if sum(kinds) != 1:
            raise InvalidInput(
                "Exactly one kind of thing can be forgotten at a time.",
                hint="Name memories, facts, threads, a span of time (since, until), or everything.",
            )
        check_span(self.since, self.until)
        return self


class Forgotten(Record):
    """What a forgetting removed, or would remove."""

    id: str = ""
    """Its own id, under which ids and numbers, but no content, are kept; empty for a dry run."""
    owner: str
    dry_run: bool = False
    counts: dict[str, int] = Field(default_factory=dict[str, int])
    """Rows that went, or messages that were blanked, by kind."""
    files: list[str] = Field(default_factory=list[str])
    """Snapshots and other copies that held some of it, and that are gone."""
    outside: list[str] = Field(default_factory=list[str])
    """Where it may still be, out of muxi's reach."""
    seconds: float = 0.0


class Searched(Record):
    """One place that was looked through."""

    place: str
    """A table, or a file."""
    by: str
    """What was looked for: `owner`, `ids`, `text`, or `meaning`."""
    looked_at: int
    """Rows of the table, or bytes of the file."""
    found: int


class Remains(Record):
    """Where was looked for what should be forgotten, and what was found."""

    owner: str
    clean: bool = True
    """Whether nothing was found."""
    searched: list[Searched] = Field(default_factory=list[Searched])
    pending: list[str] = Field(default_factory=list[str])
    """Forgettings that were begun and are not whole yet."""
    outside: list[str] = Field(default_factory=list[str])
    """What could not be looked through."""


class Imported(Record):
    """What an import took in."""

    added: dict[str, int] = Field(default_factory=dict[str, int])
    """By kind."""
    known: int = 0
    """What was here already."""
    skipped: int = 0
    """What could not be taken in."""
    notes: list[str] = Field(default_factory=list[str])
    """Why, for the first of them."""


class RetentionItem(Record):
    """One rule, and what it removed."""

    rule: str
    owner: str | None = None
    rows: int
    bytes: int
    examples: list[str] = Field(default_factory=list[str])
    """Ids of some."""


class RetentionReport(Record):
    """What retention removed, or would remove."""

    dry_run: bool
    items: list[RetentionItem] = Field(default_factory=list[RetentionItem])
    seconds: float = 0.0


class MemorySize(Record):
    """How much one owner's memory takes, and what it may."""

    owner: str
    rows: dict[str, int] = Field(default_factory=dict[str, int])
    """By kind."""
    bytes: int = 0
    """Of the texts of memories."""
    most_rows: int | None = None
    most_bytes: int | None = None
