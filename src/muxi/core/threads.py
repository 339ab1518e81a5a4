"""Threads and runs as they are stored and shown. Made by `storage` and `runtime`, read by doors."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from muxi.core.caller import Caller
from muxi.core.events import Problem, RunStatus
from muxi.core.ids import new_id
from muxi.core.record import Record, now
from muxi.core.terms import RunTerms
from muxi.core.usage import Limits, Usage

ROOT = "root"
"""In place of a message to answer: say something that stands beside the thread's beginning."""

CLIENT_ID = "client_id"
"""Key of a client's own name of a thread or message, in its metadata."""


class Thread(Record):
    """A conversation: a tree of messages with a current leaf."""

    id: str = Field(default_factory=lambda: new_id("thr"))
    title: str | None = None
    owner: str = "local"
    agent: str | None = None
    """The agent that answers when a run names none."""
    leaf_id: str | None = None
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class OfferedTool(Record):
    """A tool that the model of a run was shown, exactly as it then was."""

    name: str
    version: str | None = None
    digest: str
    """SHA-256 of its name, description, schema and annotations; see `ToolSpec.digest`."""


class Run(Record):
    """One piece of work of an agent in a thread."""

    id: str = Field(default_factory=lambda: new_id("run"))
    thread_id: str
    agent: str
    agent_hash: str | None = None
    status: RunStatus = "queued"
    input_id: str | None = None
    """The message that started it."""
    begun_by: Caller | None = None
    """Who began it, and by what right: it may do what they may, wherever it goes on. None for the
    person at the machine, in runs that are older than users."""
    root_run_id: str | None = None
    parent_run_id: str | None = None
    attempt: int = 1
    crashes: int = 0
    """Attempts that died with their process."""
    usage: Usage = Field(default_factory=Usage)
    limits: Limits | None = None
    """What it may consume, where whoever began it bounded it more than its agent is."""
    terms: RunTerms | None = None
    """What whoever began it asked beside its input; not in lists of runs."""
    problem: Problem | None = None
    output: JsonValue = None
    tools: list[OfferedTool] = Field(default_factory=list["OfferedTool"])
    """What its model was shown, in the order in which it came; empty until the run is stored with
    it, and in lists of runs."""
    first_seq: int = 0
    """Place in the thread's stream from which on its events are to be found."""
    created_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None

    @property
    def is_passing(self) -> bool:
        """Whether nothing of it is to be left when it is over."""
        return self.terms is not None and self.terms.passing
