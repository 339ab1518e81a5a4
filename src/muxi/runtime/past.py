"""What a run is told of documents and of the past, and what becomes of what it has said.

Called by `runs` when an attempt begins and when it has ended. It must never hold up either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from muxi.core.events import RunCompleted
from muxi.core.ports import ContextSource
from muxi.memory.compaction import Compactor, Job
from muxi.memory.history import History, HistoryCache
from muxi.runtime.attempt import Attempt
from muxi.runtime.knowledge import Knowledge
from muxi.runtime.principal import Principal
from muxi.runtime.remembering import Remembering
from muxi.runtime.warrant import Warrant

if TYPE_CHECKING:
    from muxi.agents.agent import Agent


@dataclass(frozen=True, kw_only=True)
class Past:
    """History, memory and documents of one project, as its runs use them."""

    history: HistoryCache
    compactor: Compactor
    remembering: Remembering
    knowledge: Knowledge

    def sources(
        self, warrant: Warrant, agent: Agent[object] | None, history: History
    ) -> Sequence[ContextSource]:
        """What a run is told of documents, and of the past: of its thread, and of others."""
        who = warrant.caller.scope
        definition = None if agent is None else agent.spec.definition
        past = self.remembering.source(warrant, definition, history)
        # An attempt without an agent asks no model, and so is told nothing.
        readable = agent is not None and warrant.may("knowledge.read")
        documents = self.knowledge.source(who, definition) if readable else None
        return (past,) if documents is None else (documents, past)

    def ended(self, who: Principal, attempt: Attempt, *, closing: bool) -> None:
        """An attempt has ended and is stored: have it remembered, and summarised if need be."""
        if attempt.run.is_passing and isinstance(attempt.end, RunCompleted):
            self.history.drop(who.tenant, attempt.run.thread_id)
            return
        added = [*([attempt.input] if attempt.run.attempt == 1 else []), *attempt.messages]
        whole = all(after.parent_id == before.id for before, after in pairwise(added))
        if added and whole:
            self.history.extend(who, added[0].parent_id, added)
        self.remembering.backlog.wake()
        if not closing:
            self._compact(who, attempt)

    def _compact(self, who: Principal, attempt: Attempt) -> None:
        """Have the thread summarised if it no longer fits into turns. A waiting run goes on."""
        history, said = attempt.history, attempt.messages
        if history.room is None or not said or not history.is_crowded((attempt.input, *said)):
            return
        if isinstance(attempt.end, RunCompleted):
            job = Job(
                who=who,
                thread_id=attempt.run.thread_id,
                leaf_id=said[-1].id,
                room=history.room,
                settings=history.settings,
                agent=attempt.run.agent,
                run_id=attempt.run.id,
                erasures=history.erasures,
            )
            self.compactor.soon(job)
