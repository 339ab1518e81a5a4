"""Memories as others see them: listed, read, searched, put down, taken elsewhere and back.

The same for doors, for tools and for `Memory` in other people's programs. Like `FactStore` it has
no method without an owner. Forgetting is `forgetting`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pydantic import JsonValue

from muxi.core import owners
from muxi.core.errors import NotFound
from muxi.core.forgetting import Imported
from muxi.core.memories import Memory, MemoryKind, Recollection
from muxi.core.pages import Page
from muxi.memory import transfer
from muxi.memory.finding import Finder
from muxi.memory.rows import MEMORY, memory_of
from muxi.memory.transfer import Format
from muxi.memory.writing import put_down, remember
from muxi.storage import passages
from muxi.storage.transaction import Database, Scope, Tx


def _nothing() -> None:
    """Nobody waits for what comes in."""


@dataclass(kw_only=True)
class Memories:
    """The memories of one database."""

    database: Database
    finder: Finder
    added: Callable[[], None] = _nothing
    """Called after something came in, which has no vectors yet."""

    async def page(
        self,
        who: Scope,
        owner: str,
        *,
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
            owner=owner,
            corpus=MEMORY,
            kind=kind,
            group_id=thread_id,
            after=cursor,
            limit=limit,
        )
        found = await self.database.read(who, read)
        return Page[Memory](items=[memory_of(row) for row in found.items], next=found.next)

    async def get(self, who: Scope, memory_id: str, *, owner: str | None = None) -> Memory:
        """One memory, of this owner or of any whom the scope may see. Raises `NotFound`."""
        return await self.database.read(who, self.reading(who, memory_id, owner=owner))

    def reading(
        self, who: Scope, memory_id: str, *, owner: str | None = None
    ) -> Callable[[Tx], Memory]:
        """How `get` reads, inside of a transaction."""
        mine = owners.TENANT if who.principal is None else owners.user(who.principal)

        def read(tx: Tx) -> Memory:
            found = passages.get(tx, [owner or mine], [memory_id])
            if not found and owner is None:
                found = passages.get(tx, passages.owners(tx), [memory_id])
            rows = [row for row in found if row.corpus == MEMORY]
            if not rows:
                raise NotFound(f"There is no memory {memory_id[:64]}.", memory_id=memory_id)
            return memory_of(rows[0])

        return read

    async def add(
        self,
        who: Scope,
        owner: str,
        text: str,
        *,
        said_at: datetime | None = None,
        speaker: str | None = None,
        metadata: dict[str, JsonValue] | None = None,
    ) -> Memory:
        """Put down a note; the one there was, if it says the same.

        Args:
            who: Who puts it down.
            owner: Whose memory it becomes.
            text: What is to be remembered.
            said_at: When it was so; a time without a zone is taken as UTC.
            speaker: Who said it; by default the user who asks, where the memory is theirs.
            metadata: Whatever belongs to it.

        Raises:
            InvalidInput: It is empty or too long.
            AccessDenied: The memory is another user's.
        """
        theirs = who.principal is not None and owner == owners.user(who.principal)
        note = Memory(
            owner=owner,
            kind="note",
            text=text,
            speaker=speaker or (who.principal if theirs else None),
            said_at=with_zone(said_at),
            source="api",
            metadata=metadata or {},
        )
        return await self.put_down(who, note)

    async def put_down(self, who: Scope, note: Memory) -> Memory:
        """As `add`, with a note that is made already and names its owner."""
        write = partial(put_down, owner=note.owner, note=note)
        stored = await self.database.write(who, write)
        self._changed(who, note.owner)
        return stored

    async def add_turns(self, who: Scope, owner: str, turns: Sequence[Memory]) -> list[Memory]:
        """Store what was said, oldest first, and give what of it is new and tells something.

        Raises:
            InvalidInput: `owner` is no owner.
            AccessDenied: The memory is another user's.
        """
        stored = await self.database.write(who, partial(remember, owner=owner, turns=turns))
        if stored:
            self._changed(who, owner)
        return stored

    async def search(self, who: Scope, owner: str, query: str, *, limit: int = 10) -> Recollection:
        """The memories that answer `query` best, best first, with what their scores are made of.

        Raises:
            AccessDenied: They are another user's.
        """
        return await self.finder.find(who, [owner], query, limit=limit)

    def export(self, who: Scope, owner: str) -> AsyncGenerator[str]:
        """The whole memory as lines of JSON, without line ends."""
        return transfer.export(self.database, who, owner)

    async def take_in(
        self,
        who: Scope,
        owner: str,
        lines: AsyncIterable[str] | Iterable[str],
        *,
        format: Format = "muxi",
        new_ids: bool = False,
        first_line: int = 1,
    ) -> Imported:
        """Take in what was exported, here or by another program; see `transfer.Importer`."""
        importer = transfer.Importer(
            database=self.database, who=who, owner=owner, new_ids=new_ids, first_line=first_line
        )
        done = await importer.take(lines, format)
        self._changed(who, owner)
        return done

    def _changed(self, who: Scope, owner: str) -> None:
        self.finder.changed(who.tenant, owner)
        self.added()


def with_zone(instant: datetime | None) -> datetime | None:
    """A time without a zone is taken as UTC."""
    if instant is None or instant.tzinfo is not None:
        return instant
    return instant.replace(tzinfo=UTC)
