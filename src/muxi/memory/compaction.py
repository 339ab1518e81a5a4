"""Summarises what no longer fits into turns, after a run has ended and beside whatever comes next.

Told by `runtime` when a run has left its thread crowded. It takes no lease and changes no message:
summaries are rows of their own, stored all at once, so that a crash or a second process leaves the
old state or a whole new one. A thread is summarised once at a time, and few threads are at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from muxi.config.memory_settings import CompactionSettings
from muxi.core.context import RunContext
from muxi.core.errors import MuxiError
from muxi.core.messages import Message
from muxi.core.ports import Ledger
from muxi.core.record import now
from muxi.core.summaries import Summary
from muxi.memory.fitting import Room, fit, groups_from_newest
from muxi.memory.history import HistoryCache, Path
from muxi.memory.overlay import Overlays
from muxi.storage import messages as stored
from muxi.storage import summaries
from muxi.storage.transaction import Database, Scope

if TYPE_CHECKING:
    from muxi.memory.summarising import Writer, Written
    from muxi.models.model import Model

_log = logging.getLogger("muxi.memory")

_SHARE = 7
"""A seventh of the room for earlier messages is for summaries, unless the project says more."""
_MOST = 4_096
"""Most tokens of summaries, likewise."""
_LEAST = 64
"""Tokens below which no summary is worth its place."""
_AT_ONCE = 4
"""Threads that are summarised at once: a slow model for one must not hold up all others."""
_BATCH = 1_000
"""Messages that are read at once from a thread that has grown without being summarised."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A thread that is perhaps to be summarised, as a run has left it."""

    who: Scope
    thread_id: str
    leaf_id: str
    room: Room
    """What that run had room for."""
    settings: CompactionSettings
    erasures: int = 0
    """How often something of the thread had been erased when that run began."""
    agent: str = ""
    run_id: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.who.tenant, self.thread_id

    @property
    def summary_room(self) -> int:
        """Most tokens of all summaries in a turn."""
        wanted = self.settings.tokens or min(_MOST, self.room.budget // _SHARE)
        # What is left beside it must be enough for many turns.
        return max(_LEAST, min(wanted, (self.room.target - self.kept_room) // 2))

    @property
    def kept_room(self) -> int:
        """Most tokens of the messages that stay as they are."""
        return min(int(self.room.budget * self.settings.keep), self.room.target // 2)


@dataclass(kw_only=True)
class Compactor:
    """Summarises threads in the background."""

    database: Database
    cache: HistoryCache
    ledger: Ledger
    model: Callable[[str], Awaitable[Model]] | None = None
    """Gives the model of that name; None where none is to be had."""
    _waiting: dict[tuple[str, str], Job] = field(default_factory=dict[tuple[str, str], Job])
    _tasks: dict[tuple[str, str], asyncio.Task[None]] = field(
        default_factory=dict[tuple[str, str], "asyncio.Task[None]"]
    )

    def soon(self, job: Job) -> None:
        """Look at a thread when its turn comes; of two jobs for the same one the later counts."""
        self._waiting[job.key] = job
        self._go_on()

    async def idle(self) -> None:
        """Return when nothing is left to do."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """Stop. What is not stored yet is made again when the thread goes on."""
        self._waiting.clear()
        for task in self._tasks.values():
            task.cancel()
        await self.idle()

    async def compact(self, job: Job) -> list[Summary]:
        """Summarise a thread, if it is time; returns the summaries that were stored.

        Raises:
            MuxiError: The database does not answer, or takes nothing.
        """
        # Few threads grow so long: what summarises them is loaded when the first one does.
        from muxi.memory.strategies import STRATEGIES, Material

        strategy = STRATEGIES[job.settings.strategy]
        if strategy.name == "window" or job.room.budget < 2 * _LEAST:
            return []
        known = await self.cache.summaries(
            job.who, job.thread_id, since=None, erasures=job.erasures
        )
        path = await self._path(job)
        found = fit(path.messages, job.room, complete=path.complete, overlays=known.overlays)
        if not found.crowded:
            return []
        ctx = _context(job.who, job.agent, thread_id=job.thread_id, run_id=job.run_id)
        spent = 0 if job.settings.budget is None else await self._spent(job)
        writer = await self._writer(job.settings, ctx, spent=spent)
        made: list[Summary] = []
        async with aclosing(self._old(job, path, known.overlays)) as batches:
            async for batch in batches:
                material = Material(
                    thread_id=job.thread_id,
                    chain=known.overlays.chain(batch[0].parent_id or ""),
                    groups=contiguous(batch),
                    room=job.summary_room,
                    count=job.room.count,
                )
                fresh = await strategy.condense(material, writer)
                store = partial(
                    summaries.add, thread_id=job.thread_id, made=fresh, erasures=job.erasures
                )
                if not fresh or not await self.database.write(job.who, store):
                    break
                self.cache.summarised(job.who, job.thread_id, fresh)
                # The cache may have let go of the thread meanwhile.
                known.overlays.add(fresh)
                made += fresh
        return made

    def _go_on(self) -> None:
        for key in [key for key in self._waiting if key not in self._tasks]:
            if len(self._tasks) >= _AT_ONCE:
                return
            work = self._work(self._waiting.pop(key))
            task = self._tasks[key] = asyncio.create_task(work, name=f"compaction {key[1]}")
            # Not at the end of the work: a task that is cancelled at once does not begin it.
            task.add_done_callback(partial(self._over, key))

    def _over(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        self._go_on()

    async def _work(self, job: Job) -> None:
        try:
            await self.compact(job)
        except MuxiError as error:
            _log.warning("Thread %s is not summarised: %s", job.thread_id, error.message)
        except Exception:  # noqa: BLE001 -- the boundary of the task: the thread goes on as it is
            _log.exception("Thread %s could not be summarised.", job.thread_id)

    async def _path(self, job: Job) -> Path:
        """As much of the path as it takes to know what is to be kept."""
        path = await self.cache.path(job.who, job.thread_id, job.leaf_id, erasures=job.erasures)
        while True:
            short = fit(path.messages, job.room, complete=path.complete, overlays=None).short
            if not short:
                return path
            longer = await self.cache.longer(job.who, job.thread_id, job.leaf_id, path)
            if longer is None:
                return path
            path = longer

    async def _old(self, job: Job, path: Path, overlays: Overlays) -> AsyncGenerator[list[Message]]:
        """The messages between the newest summary of the path and what is kept word for word.

        Oldest first, in batches that begin and end where groups do.
        """
        messages = path.messages
        end = _kept_from(messages, job)
        cuts = (at for at in range(len(messages) - 1, -1, -1) if messages[at].id in overlays)
        start = next(cuts, -1) + 1
        held: list[Message] = []
        before = messages[0].parent_id if messages else None
        if start == 0 and before is not None and before not in overlays:
            async with aclosing(self._older(job, before, overlays)) as read:
                async for batch in read:
                    ready, held = _split([*held, *batch])
                    if ready:
                        yield ready
        rest = [*held, *messages[start:end]]
        if rest:
            yield rest

    async def _older(
        self, job: Job, last_id: str, overlays: Overlays
    ) -> AsyncGenerator[list[Message]]:
        """What lies before the part of a path that is kept in memory, as far as it is new."""
        read = partial(summaries.path_ids, thread_id=job.thread_id, leaf_id=last_id)
        ids = await self.database.read(job.who, read)
        cuts = (at for at in range(len(ids) - 1, -1, -1) if ids[at] in overlays)
        ids = ids[next(cuts, -1) + 1 :]
        for at in range(0, len(ids), _BATCH):
            part = ids[at : at + _BATCH]
            load = partial(
                stored.path_to_leaf,
                thread_id=job.thread_id,
                leaf_id=part[-1],
                limit=len(part),
            )
            yield await self.database.read(job.who, load)

    async def condense(
        self, who: Scope, agent: str, messages: Sequence[Message], settings: CompactionSettings
    ) -> Written:
        """What was said, in short; nothing of it is stored.

        Args:
            who: In whose name a model is asked, if the settings name one.
            agent: Whose conversation it is.
            messages: What was said, oldest first.
            settings: The agent's.
        """
        from muxi.memory.summarising import Source

        writer = await self._writer(settings, _context(who, agent))
        return await writer.write(Source(messages=messages), settings.tokens or _MOST)

    async def _writer(
        self, settings: CompactionSettings, ctx: RunContext[None], *, spent: int = 0
    ) -> Writer:
        from muxi.memory.summarising import Extractive, Retelling

        if settings.model is None or self.model is None:
            return Extractive()
        try:
            model = await self.model(settings.model)
        except MuxiError as error:
            _log.warning("Summaries are made without the model %s: %s", settings.model, error)
            return Extractive()
        left = None if settings.budget is None else settings.budget - spent
        return Retelling(model=model, ledger=self.ledger, ctx=ctx, left=left)

    async def _spent(self, job: Job) -> int:
        """Tokens that a model has taken for this thread's summaries within a day."""
        read = partial(summaries.since, thread_id=job.thread_id, at=now() - _DAY)
        made = await self.database.read(job.who, read)
        return sum(each.usage.total_tokens for each in made if each.usage is not None)


def _context(who: Scope, agent: str, *, thread_id: str = "", run_id: str = "") -> RunContext[None]:
    """In whose name a model is asked."""
    return RunContext(
        deps=None,
        tenant=who.tenant,
        user=who.principal or "",
        agent=agent,
        thread_id=thread_id,
        run_id=run_id,
    )


def contiguous(messages: Sequence[Message]) -> list[list[Message]]:
    """All of `messages` in groups that may not be separated: results stay with their calls."""
    groups: list[list[Message]] = []
    for message in messages:
        if message.role == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _split(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """What is whole whatever follows, and the last group, whose results may be still to come."""
    last = len(messages) - 1
    while last > 0 and messages[last].role == "tool":
        last -= 1
    return messages[: max(last, 0)], messages[max(last, 0) :]


def _kept_from(messages: Sequence[Message], job: Job) -> int:
    """Where the messages begin that stay as they are: at words of a person, if there are some."""
    room, number = job.kept_room, 0
    most = int(job.room.messages * job.settings.keep)
    alone = job.room.target - job.summary_room
    kept: list[Message] = []
    for group in groups_from_newest(messages):
        size = job.room.count(*group)
        number += len(group)
        # The newest words are kept even if they are many.
        if kept and (size > room or number > most):
            break
        if not kept and size > max(room, alone):
            break
        room -= size
        kept.extend(reversed(group))
    if not kept:
        return len(messages)
    first = next((each for each in reversed(kept) if each.role == "user"), kept[-1])
    return next(at for at in range(len(messages)) if messages[at].id == first.id)
