"""Memories as doors see them: listed, read, searched, put down, counted. Called by doors.

Without an owner named, they are those of the user who asks; for the tenant as a whole, its own.
Forgetting is `forgetting`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pydantic import JsonValue

from muxi.core.errors import NotFound
from muxi.core.memories import Memory, MemoryKind, MemoryStats, Recollection
from muxi.core.pages import Page
from muxi.memory.backlog import Backlog
from muxi.memory.finding import Finder
from muxi.memory.rows import MEMORY, memory_of
from muxi.memory.writing import put_down
from muxi.runtime.principal import Principal, owner_for
from muxi.storage import passages
from muxi.storage.transaction import Database, Tx


@dataclass(kw_only=True)
class Memories:
    """The memories of the project."""

    database: Database
    finder: Finder
    backlog: Backlog

    async def page(
        self,
        who: Principal,
        *,
        owner: str | None = None,
        kind: MemoryKind | None = None,
        thread_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Memory]:
        """Memories, the newest first.

        Raises:
            AccessDenied: They are another user's.
        """
        read = partial(
            passages.page,
            owner=owner_for(who, owner),
            corpus=MEMORY,
            kind=kind,
            group_id=thread_id,
            after=cursor,
            limit=limit,
        )
        found = await self.database.read(who, read)
        return Page[Memory](items=[memory_of(row) for row in found.items], next=found.next)

    async def get(self, who: Principal, memory_id: str) -> Memory:
        """A memory that this user may see, whoever owns it. Raises `NotFound`."""

        def read(tx: Tx) -> list[passages.PassageRow]:
            mine = passages.get(tx, [owner_for(who, None)], [memory_id])
            return mine or passages.get(tx, passages.owners(tx), [memory_id])

        rows = [row for row in await self.database.read(who, read) if row.corpus == MEMORY]
        if not rows:
            raise NotFound(f"There is no memory {memory_id[:64]}.", memory_id=memory_id)
        return memory_of(rows[0])

    async def add(
        self,
        who: Principal,
        text: str,
        *,
        owner: str | None = None,
        said_at: datetime | None = None,
        speaker: str | None = None,
        metadata: dict[str, JsonValue] | None = None,
    ) -> Memory:
        """Put down a note; the one there was, if it says the same.

        Args:
            who: Who puts it down.
            text: What is to be remembered.
            owner: Whose memory it becomes.
            said_at: When it was so; a time without a zone is taken as UTC.
            speaker: Who said it; by default the user who asks, where the memory is theirs.
            metadata: Whatever belongs to it.

        Raises:
            InvalidInput: It is empty or too long.
            AccessDenied: The memory is another user's.
        """
        mine = owner_for(who, owner)
        if said_at is not None and said_at.tzinfo is None:
            said_at = said_at.replace(tzinfo=UTC)
        note = Memory(
            owner=mine,
            kind="note",
            text=text,
            speaker=speaker or (who.principal if owner is None else None),
            said_at=said_at,
            source="api",
            metadata=metadata or {},
        )
        stored = await self.database.write(who, partial(put_down, owner=mine, note=note))
        self.finder.changed(who.tenant, mine)
        self.backlog.wake()
        return stored

    async def search(
        self, who: Principal, query: str, *, owner: str | None = None, limit: int = 10
    ) -> Recollection:
        """The memories that answer `query` best, best first, with what their scores are made of.

        Raises:
            AccessDenied: They are another user's.
        """
        return await self.finder.find(who, [owner_for(who, owner)], query, limit=limit)

    async def stats(self, who: Principal, *, owner: str | None = None) -> MemoryStats:
        """How much is remembered of an owner, and how far the embedding has come in all."""
        mine = owner_for(who, owner)
        count = partial(passages.count, owner=mine, corpus=MEMORY)
        memories, size = await self.database.read(who, count)
        progress = await self.backlog.embedding.progress([who.tenant])
        return MemoryStats(
            memories=memories,
            bytes=size,
            embedder=progress.serving,
            next_embedder=progress.making,
            embedded=progress.embedded,
            missing=progress.missing,
            behind=self.backlog.behind,
            problem=self.backlog.embedding.problem,
        )
