"""From finished runs to memories: follows the feed of a tenant by a stored cursor.

Called by the backlog, one step at a time. What a run is remembered by is read and worked out beside
the writer, and stored only if its messages are still the same, so that what was deleted meanwhile
does not come back; a step that is cut short is made again and stores nothing twice. It must never
be called by a turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial

from muxi.core.errors import NotFound
from muxi.core.events import MemoryRecalled, RecallHit, RunCompleted
from muxi.core.facts import Fact
from muxi.core.memories import Memory, MemoryPolicy
from muxi.core.messages import Message
from muxi.core.threads import Run
from muxi.memory.echoes import Analyse
from muxi.memory.policy import owners_of
from muxi.memory.rows import memory_of
from muxi.memory.turns import Spoken, turns_of
from muxi.memory.writing import remember
from muxi.retrieval.search import Searcher
from muxi.retrieval.words import words
from muxi.storage import cursors, events, facts, messages, passages, runs, steps, threads
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx

CURSOR = "memory"
"""Name of the cursor: where this worker stands in the feed."""

_ROWS = 256
"""Stored rows of the feed that are looked at in one step."""
_RUNS_AT_ONCE = 8
"""Runs that are stored in one transaction: a turn that waits for it waits for little."""
_REWRITTEN = "guardrail:input:0"
"""Key of the step that holds what a guardrail made of the input."""

Policies = Callable[[Scope, Run], Awaitable[tuple[MemoryPolicy, str] | None]]
"""What a run's agent remembers, and its instructions; None for nothing."""
Listener = Callable[[Scope, str, Sequence[Memory]], Awaitable[None]]
"""Called with what is newly remembered of an owner, after it was stored."""


@dataclass(kw_only=True)
class Follower:
    """Remembers the finished runs of any tenant of one database."""

    database: Database
    searcher: Searcher
    policies: Policies
    listeners: list[Listener] = field(default_factory=list[Listener])

    async def step(self, tenant: str) -> bool:
        """Go on from the cursor for a while; whether there may be more.

        Raises:
            StorageError: The rest of this step is made again.
        """
        whole = Scope(tenant, None)
        start = await self.database.read(whole, partial(cursors.get, name=CURSOR), tiny=True)
        look = partial(events.feed, after=start, limit=_ROWS, only={"run.completed"})
        page = await self.database.read(whole, look)
        if page.cursor == start:
            return False
        finished = [
            event.run_id
            for _, event in page.events
            # What a guardrail kept from the model is not to be remembered either.
            if isinstance(event, RunCompleted) and event.status != "blocked"
        ]
        last = max(0, len(finished) - 1) // _RUNS_AT_ONCE * _RUNS_AT_ONCE
        for at in range(0, last, _RUNS_AT_ONCE):
            await self._remember(whole, finished[at : at + _RUNS_AT_ONCE], None)
        await self._remember(whole, finished[last:], page.cursor)
        return True

    async def _remember(self, whole: Scope, run_ids: Sequence[str], cursor: str | None) -> None:
        """Store what these runs have said, and with it, if given, where to go on from."""
        wanted: list[tuple[Run, MemoryPolicy, str]] = []
        roots = partial(_roots, run_ids=run_ids)
        for run in await self.database.read(whole, roots) if run_ids else ():
            found = await self.policies(whole, run)
            if found is not None:
                wanted.append((run, *found))
        # What is worth remembering is worked out beside the writer, which turns wait for.
        look = partial(_look_at, wanted=wanted)
        looked = await self.database.read(whole, look) if wanted else []
        if not looked and cursor is None:
            return
        stored = await self.database.write(whole, partial(_store, looked=looked, cursor=cursor))
        for owner, memories in stored.items():
            self.searcher.changed(whole.tenant, owner)
            for listener in self.listeners:
                await listener(whole, owner, memories)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A run, and what of it is to be remembered."""

    run: Run
    policy: MemoryPolicy
    instructions: str
    records: Sequence[str]
    """Its messages as they were stored when it was looked at."""
    owners: Sequence[str]
    used: Sequence[int]
    """Numbers of the memories that it was given."""
    turns: Sequence[Memory]


def _roots(tx: Tx, run_ids: Iterable[str]) -> list[Run]:
    """The runs, but for those that are gone or parts of others, which answer the user."""
    found: list[Run] = []
    for run_id in run_ids:
        with suppress(NotFound):
            found.append(runs.get(tx, run_id))
    return [run for run in found if not run.parent_run_id]


def _look_at(tx: Tx, wanted: Iterable[tuple[Run, MemoryPolicy, str]]) -> list[_Looked]:
    """What is to be remembered of runs."""
    analyse = lru_cache(maxsize=None)(words)
    looked = (_look_at_one(tx, *each, analyse=analyse) for each in wanted)
    return [each for each in looked if each is not None]


def _look_at_one(
    tx: Tx, run: Run, policy: MemoryPolicy, instructions: str, *, analyse: Analyse
) -> _Looked | None:
    records = messages.records_of_run(tx, run.thread_id, run.id)
    said = [Message.model_validate_json(record) for record in records]
    asked = next((message for message in said if message.id == run.input_id), None)
    if asked is None:
        return None
    user = asked.author or threads.get(tx, run.thread_id).owner
    owners = owners_of(policy, user=user, agent=run.agent)
    if not owners:
        return None
    hits = _hits(tx, run)
    recalled = _recalled(tx, hits, owners)
    spoken = Spoken(
        thread_id=run.thread_id,
        run_id=run.id,
        user=user,
        agent=run.agent,
        asked=asked,
        asked_text=_as_the_model_saw_it(tx, run, asked),
        said=[message for message in said if message is not asked],
        recalled=[memory_of(row) for row in recalled],
        known=_known(tx, hits, owners),
        instructions=instructions,
    )
    return _Looked(
        run=run,
        policy=policy,
        instructions=instructions,
        records=records,
        owners=owners,
        used=[row.number for row in recalled],
        turns=turns_of(spoken, analyse),
    )


def _store(tx: Tx, looked: Iterable[_Looked], cursor: str | None) -> dict[str, list[Memory]]:
    """Remember runs, and where to go on from if that is given; what is new, by owner."""
    stored: dict[str, list[Memory]] = {}
    for each in looked:
        run = each.run
        found: _Looked | None = each
        if messages.records_of_run(tx, run.thread_id, run.id) != each.records:
            # Something of it was deleted or forgotten meanwhile.
            found = _look_at_one(tx, run, each.policy, each.instructions, analyse=words)
        if found is None:
            continue
        if found.used:
            passages.mark_used(tx, found.owners, found.used, tx.now())
        owner = found.owners[0]
        if new := remember(tx, owner, found.turns):
            stored.setdefault(owner, []).extend(new)
    if cursor is not None:
        cursors.set(tx, CURSOR, cursor)
    return stored


def _hits(tx: Tx, run: Run) -> list[RecallHit]:
    """What the run's model was given of memory."""
    told = events.read(
        tx,
        run.thread_id,
        since=max(0, run.first_seq - 1),
        run_id=run.id,
        only={"memory.recalled"},
    )
    return [hit for event in told if isinstance(event, MemoryRecalled) for hit in event.hits]


def _known(tx: Tx, hits: Sequence[RecallHit], owners: Sequence[str]) -> list[Fact]:
    """The facts among them, as far as they still hold a place."""
    ids = [hit.id for hit in hits if hit.kind == "fact"]
    return [fact for owner in owners for fact in facts.some(tx, owner, ids)]


def _recalled(tx: Tx, hits: Sequence[RecallHit], owners: Sequence[str]) -> list[PassageRow]:
    """The memories among them, as far as they are still there."""
    ids = list(dict.fromkeys(hit.id for hit in hits if hit.kind != "fact"))
    return passages.get(tx, owners, ids) if ids else []


def _as_the_model_saw_it(tx: Tx, run: Run, asked: Message) -> str:
    rewritten = steps.get(tx, run.id, _REWRITTEN)
    result = None if rewritten is None else rewritten.result
    return asked.text if result is None else str(result["text"])
