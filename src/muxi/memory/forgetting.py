"""Forgets: memories, facts, threads, spans of time, and all that bears an owner.

Called by `runtime.forgetting` and by `Memory`. What is to go is written down first, as ids, and
then erased a piece at a time, so that turns go on meanwhile and a crash in the middle loses
nothing: the next start goes through with it. Content is never written down, logged or returned.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from muxi.core.errors import NotFound
from muxi.core.forgetting import Forget, Forgotten
from muxi.core.owners import kind_of
from muxi.memory.copies import Copies, Needles
from muxi.memory.rows import CONTEXT, MEMORY
from muxi.memory.writing import found_by
from muxi.retrieval.window import AFTER, BEFORE
from muxi.storage import (
    blobs,
    erasing,
    facts,
    forgettings,
    messages,
    passages,
    provider_files,
    threads,
)
from muxi.storage.blob_files import BlobFiles
from muxi.storage.erasing import PIECE, Erased, Place
from muxi.storage.forgettings import Begun, What
from muxi.storage.owners import owned
from muxi.storage.records import micros
from muxi.storage.transaction import Database, Scope, Tx

_log = logging.getLogger("muxi.memory")

_EVER: Final = 2**62
_ROWS_ONLY: Final = "rows_only"
"""In what is to go: the files are left as they are."""

Forgot = Callable[[str, str], None]
"""Told tenant and owner, or tenant and thread, whenever something of theirs went."""


@dataclass(kw_only=True)
class Forgetting:
    """Forgets in one database, and in the files beside it."""

    database: Database
    files: BlobFiles | None = None
    """Where the bytes of messages lie."""
    copies: Copies | None = None
    """Snapshots and other copies of the database."""
    listeners: list[Forgot] = field(default_factory=list[Forgot])
    """Whoever keeps something of an owner in memory, to let go of it."""
    thread_listeners: list[Forgot] = field(default_factory=list[Forgot])
    """Likewise of a thread: told tenant and thread."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def forget(
        self, who: Scope, owner: str, what: Forget, *, dry_run: bool = False
    ) -> Forgotten:
        """Forget, and return when nothing is left.

        Args:
            who: Who wants it. Only what this scope may see is forgotten.
            owner: Whose memory.
            what: What of it.
            dry_run: Only count.

        Raises:
            InvalidInput: `what` names nothing, or several kinds of things.
            NotFound: A memory, fact or thread is not there, or is not this owner's.
            AccessDenied: The memory is another user's.
            StorageError: It is begun, and goes on at the next start.
        """
        plan = await self.database.read(who, partial(_planned, owner=owner, what=what.checked()))
        whole = Scope(who.tenant, None)
        if dry_run:
            counts = await self.database.read(whole, partial(_counted, owner=owner, plan=plan))
            return Forgotten(owner=owner, dry_run=True, counts=counts)
        begin = partial(forgettings.begin, owner=owner, what=plan)
        begun = await self.database.write(whole, begin)
        return await self._finish(whole, begun)

    async def drop_thread(self, who: Scope, owner: str, thread_id: str) -> None:
        """Delete a thread with all that was drawn from it, and leave the files for later.

        Nothing of it is found any more. Its bytes go from the files with the next forgetting, which
        takes the time to write them anew.

        Raises:
            NotFound: There is no such thread for this scope.
        """
        what = Forget(threads=[thread_id])
        plan = await self.database.read(who, partial(_planned, owner=owner, what=what))
        whole = Scope(who.tenant, None)
        begin = partial(forgettings.begin, owner=owner, what={**plan, _ROWS_ONLY: True})
        await self._finish(whole, await self.database.write(whole, begin))

    async def drop_messages(self, who: Scope, owner: str, ids: Sequence[str]) -> None:
        """Take the words out of messages, with all that was drawn from them, as `drop_thread`."""
        whole = Scope(who.tenant, None)
        what: What = {"kind": "messages", "ids": list(ids), _ROWS_ONLY: True}
        begin = partial(forgettings.begin, owner=owner, what=what)
        await self._finish(whole, await self.database.write(whole, begin))

    async def resume(self) -> list[Forgotten]:
        """Go through with what was begun and not finished."""
        done: list[Forgotten] = []
        for tenant in await self.database.tenants("forgetting"):
            whole = Scope(tenant, None)
            for begun in await self.database.read(whole, forgettings.unfinished):
                _log.info("Forgetting %s goes on.", begun.id)
                done.append(await self._finish(whole, begun))
        return done

    async def _finish(self, whole: Scope, begun: Begun) -> Forgotten:
        async with self._one_at_a_time:
            return await self._erase(whole, begun)

    async def _erase(self, whole: Scope, begun: Begun) -> Forgotten:
        started = time.perf_counter()
        gone: list[str] = []
        sealed = begun
        if begun.what["kind"] != forgettings.PURGE:
            gone = await self._erase_rows(whole, begun)
            sealed = await self.database.write(whole, partial(forgettings.seal, begun=begun))
        left = None if _ROWS_ONLY in begun.what else await self.database.purge()
        await self.database.write(whole, partial(forgettings.finish, sealed=sealed))
        return Forgotten(
            id=begun.id,
            owner=begun.owner,
            counts=sealed.what["counts"],
            files=gone,
            outside=[
                *outside_of(self.database.dialect),
                *([left] if left else []),
                *await self.database.read(whole, left_at_providers),
            ],
            seconds=time.perf_counter() - started,
        )

    async def _erase_rows(self, whole: Scope, begun: Begun) -> list[str]:
        """Erase rows and files; return the names of the copies that went."""
        work = _Work(self, whole, begun)
        needles = Needles.of(begun.owner, begun.what)
        await _KINDS[begun.what["kind"]](work)
        await self.database.write(whole, partial(erasing.drop_answers, owner=begun.owner))
        await work.remove_files()
        if self.copies is None or _ROWS_ONLY in begun.what:
            return []
        return await asyncio.to_thread(self.copies.expire, whole.tenant, needles)


def outside_of(dialect: str) -> list[str]:
    """Where forgotten things may still be that no program of muxi can reach."""
    places = [
        "Backups and copies of the project folder that others made.",
        "Log files, if they were written at debug level by other programs.",
        "What providers of models were sent.",
        "The audit log, which keeps by id who did what upon whose memory, and no contents.",
        "Balances of budgets, which bear the id of whom they bound until two days after their end.",
    ]
    if dialect == "postgresql":
        return ["PostgreSQL's write-ahead log, its archive, replicas and base backups.", *places]
    return ["Sectors of the disk that the file system has freed.", *places]


def left_at_providers(tx: Tx) -> list[str]:
    """Files of the tenant that providers keep though they have gone here."""
    return [
        f"Files at {each.provider} that are to be deleted there and are not yet: {each.left}."
        for each in provider_files.counts(tx)
        if each.left
    ]


@dataclass(slots=True)
class _Work:
    """One forgetting at work."""

    forgetting: Forgetting
    whole: Scope
    begun: Begun
    started_at: float = field(default_factory=time.time)

    async def piece(self, fn: Callable[[Tx], Erased]) -> Erased:
        """One piece, durable with what it leaves to be done; caches are told after it."""

        def work(tx: Tx) -> Erased:
            erased = fn(tx)
            what = self.begun.what
            counts: dict[str, int] = what.setdefault("counts", {})
            for name, number in erased.counts.items():
                if number:
                    counts[name] = counts.get(name, 0) + number
            what["blobs"] = sorted({*what.get("blobs", []), *erased.blobs})
            forgettings.change(tx, self.begun)
            return erased

        erased = await self.forgetting.database.write(self.whole, work)
        for listener in self.forgetting.listeners:
            for owner in sorted(erased.owners | {self.begun.owner}):
                listener(self.whole.tenant, owner)
        for listener in self.forgetting.thread_listeners:
            for thread_id in sorted(erased.threads):
                listener(self.whole.tenant, thread_id)
        return erased

    async def pieces(self, ids: Sequence[str], fn: Callable[[Tx, Sequence[str]], Erased]) -> None:
        for at in range(0, len(ids), PIECE):
            some = ids[at : at + PIECE]
            await self.piece(lambda tx, some=some: fn(tx, some))

    async def until_none(self, find: Callable[[Tx], list[Place]]) -> None:
        """Erase passages as long as any are found."""
        while True:
            erased = await self.piece(lambda tx: erase_places(tx, find(tx)))
            if not erased.counts["memories"]:
                return

    async def read(self, fn: Callable[[Tx], Any]) -> Any:
        return await self.forgetting.database.read(self.whole, fn)

    async def remove_files(self) -> None:
        """Remove bytes that nobody refers to any more."""
        files = self.forgetting.files
        gone: list[str] = self.begun.what.get("blobs", [])
        if files is None or not gone:
            return
        used = await self.read(lambda tx: {each for each in gone if blobs.references(tx, each)})
        for each in gone:
            if each not in used:
                await asyncio.to_thread(
                    files.remove, self.whole.tenant, each, put_before=self.started_at
                )


async def _forget_memories(work: _Work) -> None:
    what = work.begun.what
    await work.pieces(what["messages"], _blank)
    await work.pieces(what["ids"], _erase_ids)


async def _forget_messages(work: _Work) -> None:
    # In this order: from a message that is blank nothing more is drawn.
    await work.pieces(work.begun.what["ids"], _blank)
    await work.pieces(work.begun.what["ids"], _erase_drawn)


async def _forget_facts(work: _Work) -> None:
    owner = work.begun.owner
    await work.pieces(
        work.begun.what["ids"], lambda tx, ids: erasing.erase_facts(tx, owner, list(ids))
    )


async def _forget_threads(work: _Work) -> None:
    for thread_id in work.begun.what["ids"]:
        await _forget_thread(work, thread_id)


async def _forget_thread(work: _Work, thread_id: str) -> None:
    ids: list[str] = await work.read(partial(erasing.messages_of, thread_id=thread_id))
    await work.pieces(ids, _erase_drawn)
    owner = work.begun.owner
    await work.until_none(partial(erasing.places_of_group, owner=owner, group_id=thread_id))
    await work.piece(partial(erasing.erase_thread, thread_id=thread_id))
    # A worker may have stored, meanwhile, what it had read before.
    await work.pieces(ids, _erase_drawn)


async def _forget_span(work: _Work) -> None:
    what, owner = work.begun.what, work.begun.owner
    span = {"since": what["since"], "until": what["until"]}
    if kind_of(owner) == "user":
        user = owner.removeprefix("user:")
        ids: list[str] = await work.read(partial(erasing.messages_in_span, user=user, **span))
        await work.pieces(ids, _erase_drawn)
        await work.pieces(ids, _blank)
    await work.until_none(partial(erasing.places_in_span, owner=owner, **span))
    known: list[str] = await work.read(partial(_facts_in_span, owner=owner, **span))
    await work.pieces(known, lambda tx, ids: erasing.erase_facts(tx, owner, list(ids)))


async def _forget_everything(work: _Work) -> None:
    owner = work.begun.owner
    if kind_of(owner) == "user":
        user = owner.removeprefix("user:")
        own: list[str] = await work.read(partial(erasing.threads_of, user=user))
        for thread_id in own:
            await _forget_thread(work, thread_id)
        spoken: list[str] = await work.read(partial(erasing.messages_of_author, user=user))
        await work.pieces(spoken, _erase_drawn)
        await work.pieces(spoken, partial(_blank, unname=user))
        await work.until_none(partial(erasing.places_spoken, speaker=user))
        await work.piece(partial(erasing.erase_user, user=user))
    await work.until_none(partial(erasing.places_of_owner, owner=owner))
    await work.piece(partial(erasing.erase_owner, owner=owner))


_KINDS: Final = {
    "memories": _forget_memories,
    "messages": _forget_messages,
    "facts": _forget_facts,
    "threads": _forget_threads,
    "span": _forget_span,
    "everything": _forget_everything,
}


def _blank(tx: Tx, ids: Sequence[str], unname: str | None = None) -> Erased:
    return erasing.blank_messages(tx, ids, unname=unname)


def _erase_ids(tx: Tx, ids: Sequence[str]) -> Erased:
    return erase_places(tx, erasing.places(tx, ids))


def _erase_drawn(tx: Tx, ids: Sequence[str]) -> Erased:
    around = _around(tx, erasing.places(tx, map(erasing.memory_id, ids)))
    erased = erasing.erase_drawn(tx, ids)
    _remake_windows(tx, around)
    return erased


def erase_places(tx: Tx, gone: Sequence[Place]) -> Erased:
    """Remove passages; turns that stay are no longer found by words of those that go."""
    around = _around(tx, gone)
    erased = erasing.erase_passages(tx, gone)
    _remake_windows(tx, around)
    return erased


def _around(tx: Tx, gone: Sequence[Place]) -> list[tuple[str, int]]:
    """The turns whose windows hold words of those that go."""
    leaving = {number for _, number, _ in gone}
    around: dict[tuple[str, int], None] = {}
    for owner in dict.fromkeys(owner for owner, _, _ in gone):
        numbers = [number for each, number, _ in gone if each == owner]
        for row in passages.by_numbers(tx, [owner], numbers):
            if row.corpus != MEMORY:
                continue
            near = passages.neighbours(
                tx, owner, row.group_id, row.place, before=AFTER, after=BEFORE
            )
            around.update(
                dict.fromkeys((owner, each.number) for each in near if each.number not in leaving)
            )
    return list(around)


def _remake_windows(tx: Tx, around: Iterable[tuple[str, int]]) -> None:
    """Let turns that stay be found by their own words and by those of neighbours that stay."""
    by_owner: dict[str, list[int]] = {}
    for owner, number in around:
        by_owner.setdefault(owner, []).append(number)
    for owner, numbers in by_owner.items():
        fresh = {
            row.number: found_by(tx, row)
            for row in passages.by_numbers(tx, [owner], numbers)
            if row.kind != CONTEXT
        }
        passages.set_many_words(tx, owner, fresh)
        erasing.drop_windows(tx, numbers)


def _planned(tx: Tx, owner: str, what: Forget) -> What:
    """What is to go, as ids that the scope may see. Raises `NotFound` for others."""
    owner = owned(tx, owner)
    if what.memories:
        return _planned_memories(tx, owner, what.memories)
    if what.facts:
        return {"kind": "facts", "ids": [facts.get(tx, owner, each).id for each in what.facts]}
    if what.threads:
        return {"kind": "threads", "ids": [threads.get(tx, each).id for each in what.threads]}
    if what.everything:
        return {"kind": "everything"}
    since = 0 if what.since is None else micros(what.since)
    until = _EVER if what.until is None else micros(what.until)
    return {"kind": "span", "since": since, "until": until}


def _planned_memories(tx: Tx, owner: str, ids: list[str]) -> What:
    found = passages.get(tx, [owner], ids)
    if missing := set(ids).difference(row.id for row in found):
        raise NotFound(f"There is no memory {min(missing)}.")
    # Whoever says the same thing twice and wants it forgotten means both.
    alike = {
        each.id for row in found if row.hash for each in passages.same_hash(tx, owner, row.hash)
    }
    every = sorted(alike.union(ids))
    return {"kind": "memories", "ids": every, "messages": _said_in(tx, every)}


def _said_in(tx: Tx, memories: Iterable[str]) -> list[str]:
    """The messages of memories, if the scope may see them."""
    seen: list[str] = []
    for each in memories:
        try:
            seen.append(messages.get(tx, erasing.message_id(each)).id)
        except NotFound:
            continue
    return seen


def _facts_in_span(tx: Tx, owner: str, since: int, until: int) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        page = facts.history(tx, owner, after=after, limit=PIECE)
        found += [fact.id for fact in page.items if since <= micros(fact.recorded_at) < until]
        after = page.next
        if after is None:
            return found


def _counted(tx: Tx, owner: str, plan: What) -> dict[str, int]:
    """What a forgetting would touch, without touching it."""
    kind = plan["kind"]
    if kind == "memories":
        return {"memories": len(plan["ids"]), "messages blanked": len(plan["messages"])}
    if kind == "facts":
        return {"facts": len(plan["ids"])}
    if kind == "threads":
        return _counted_threads(tx, plan["ids"])
    user = owner.removeprefix("user:")
    if kind == "span":
        return _counted_span(tx, owner, user, plan)
    counts = _counted_threads(tx, erasing.threads_of(tx, user))
    for corpus in ("memory", "knowledge"):
        counts["memories"] += passages.count(tx, owner, corpus)[0]
    counts["facts"] = facts.count(tx, owner)[0]
    return counts


def _counted_threads(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    spoken = [each for thread_id in ids for each in erasing.messages_of(tx, thread_id)]
    drawn = 0
    for at in range(0, len(spoken), PIECE):
        drawn += len(erasing.places(tx, map(erasing.memory_id, spoken[at : at + PIECE])))
    return {"threads": len(ids), "messages": len(spoken), "memories": drawn}


def _counted_span(tx: Tx, owner: str, user: str, plan: What) -> dict[str, int]:
    span = {"since": plan["since"], "until": plan["until"]}
    found = 0
    after = 0
    while places := erasing.places_in_span(tx, owner, **span, after=after):
        found += len(places)
        after = places[-1][1]
    return {
        "memories": found,
        "messages blanked": len(erasing.messages_in_span(tx, user, **span)),
        "facts": len(_facts_in_span(tx, owner, **span)),
    }
