"""Responses as runs keep them: what a request decided, and which part of its run is its answer.

A run that waits for its client goes on under the next response: each has its part of the run's
events and messages. Used by the routes of responses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from muxi.core.errors import NotFound
from muxi.core.threads import Run
from muxi.core.usage import Usage
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.wire.responses.told import ResponseAnswer

KEPT = "responses"
"""Under which name runs keep them, in `Terms.kept`."""

_ID = re.compile(r"resp_([0-9a-f]{32})(?:_([1-9][0-9]{0,3}))?")


class Kept(BaseModel):
    """One response."""

    previous: str | None = None
    conversation: str | None = None
    created_at: int
    """Seconds since 1970."""
    echo: dict[str, Any]
    structured: bool = False
    clients: list[str] = Field(default_factory=list)
    """Names of the client's tools."""
    before: Usage = Field(default_factory=Usage)
    """What the run had consumed when it began."""
    after: int = 0
    """Number of the last event before it."""
    since: str | None = None
    """The run's last message before it; None for the first."""
    stored: bool = True
    """Whether it can be found again."""


_LIST: TypeAdapter[list[Kept]] = TypeAdapter(list[Kept])


@dataclass(slots=True, kw_only=True)
class Found:
    """A response in its run."""

    run: Run
    all: list[Kept]
    """All responses of the run."""
    number: int

    @property
    def id(self) -> str:
        return response_id(self.run.id, self.number)

    @property
    def kept(self) -> Kept:
        return self.all[self.number]

    @property
    def is_last(self) -> bool:
        """Whether the run has not gone on under another response."""
        return self.number == len(self.all) - 1

    @property
    def clients_before(self) -> frozenset[str] | None:
        """Names of the client's tools whose results it may have been given; None for all."""
        return frozenset(self.all[self.number - 1].clients) if self.number else None

    @property
    def begins(self) -> tuple[int, str | None]:
        """The number of the last event, and the last message, before it."""
        terms = self.run.terms
        if not self.is_last or terms is None or self.number == 0:
            return self.kept.after, self.kept.since
        return terms.after, terms.since

    @property
    def until(self) -> str | None:
        """Its own last message; None for that of the run."""
        if self.is_last:
            return None
        return Found(run=self.run, all=self.all, number=self.number + 1).begins[1]

    def answer(self) -> ResponseAnswer:
        """The response before anything was said."""
        kept = self.kept
        conversation = None if kept.conversation is None else {"id": kept.conversation}
        return ResponseAnswer(
            base={
                "id": self.id,
                "object": "response",
                "created_at": kept.created_at,
                "model": self.run.agent,
                "previous_response_id": kept.previous,
                "conversation": conversation,
                **kept.echo,
            },
            structured=kept.structured,
            before=kept.before,
            clients=frozenset(kept.clients),
        )


def response_id(run_id: str, number: int) -> str:
    """What the client calls a response."""
    base = f"resp_{run_id.removeprefix('run_')}"
    return f"{base}_{number}" if number else base


def kept_by(run: Run) -> list[Kept]:
    """The responses of a run; none if it was not begun as one."""
    kept = None if run.terms is None else run.terms.kept.get(KEPT)
    return [] if kept is None else _LIST.validate_python(kept)


def as_kept(responses: list[Kept]) -> dict[str, JsonValue]:
    """How a run keeps its responses."""
    return {KEPT: _LIST.dump_python(responses, mode="json")}


async def find(runtime: Runtime, who: Principal, id: str, *, param: str | None = None) -> Found:
    """A response that can be found again.

    Raises:
        NotFound: There is none of that id.
    """
    match = _ID.fullmatch(id)
    missing = NotFound(f"There is no response {id[:100]}.", param=param)
    if match is None:
        raise missing
    try:
        run = await runtime.runs.get(who, f"run_{match[1]}")
    except NotFound:
        raise missing from None
    found, number = kept_by(run), int(match[2] or 0)
    if number >= len(found) or not found[number].stored:
        raise missing
    return Found(run=run, all=found, number=number)


async def end_of(runtime: Runtime, who: Principal, found: Found) -> str:
    """The last message of a response."""
    if found.until is not None:
        return found.until
    said = await runtime.transcripts.said(who, found.run)
    return said[-1].id if said else found.run.input_id or ""
