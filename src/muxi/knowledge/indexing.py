"""One document into the index: read, cut, compared with what is there, and stored.

Called by `runtime.knowledge`. What has not changed stays with its vectors. It is stored in small
transactions, so that nobody waits for a large document; one that was broken off is begun again and
finds what it had stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from muxi.core.documents import Citation, Document
from muxi.core.errors import DocumentUnreadable
from muxi.core.ids import new_id
from muxi.core.record import now
from muxi.knowledge.chunks import Chunk, chunks
from muxi.knowledge.conversion import Converter
from muxi.knowledge.fingerprint import Fingerprint, fingerprint, state_of
from muxi.knowledge.formats import format_of
from muxi.storage import documents, passages
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx

_BATCH = 16
"""Pieces of one transaction, which holds up turns for some tens of milliseconds."""
_MOST_PIECES = 50_000
_RACY = 2_000_000_000
"""Nanoseconds: a file that was changed so shortly before it was read may change once more without
looking any younger."""


@dataclass(frozen=True, slots=True)
class Change:
    """What indexing a document has brought about."""

    document: Document
    added: int = 0
    removed: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """Puts documents into the index of one project."""

    database: Database
    converter: Converter
    changed: Callable[[str, str], None]
    """Told the tenant and the owner whose pieces are others now."""

    async def index(
        self, who: Scope, document: Document, path: Path, *, media_type: str | None = None
    ) -> Change:
        """Index the file at `path` as `document`, unless it is indexed as it is.

        A document that cannot be read is stored as `failed`, with the reason; what of it was
        indexed before stays.

        Args:
            who: Whose transaction it is.
            document: As it is stored.
            path: Where its bytes are.
            media_type: What a server called it.

        Raises:
            NotFound: The document has been removed meanwhile.
            StorageError: It cannot be stored now.
        """
        known = document.status != "waiting"
        if known and await asyncio.to_thread(is_indexed, document, path):
            return Change(document)
        try:
            most = self.converter.bounds.bytes
            found = await asyncio.to_thread(fingerprint, path, most=most)
        except DocumentUnreadable as error:
            return Change(await self.fail(who, document, error))
        seen = document.model_copy(
            update={
                "hash": found.hash,
                "size": found.size,
                "modified": found.modified,
                "checked_at": now(),
            }
        )
        if known and found.hash == document.hash:
            return Change(await self.database.write(who, partial(documents.update, document=seen)))
        try:
            cut = await self._read(document, path, found, media_type)
        except DocumentUnreadable as error:
            return Change(await self.fail(who, seen, error))
        fresh = seen.model_copy(
            update={
                "pages": cut.pages,
                "media_type": cut.media_type,
                "pieces": len(cut.rows),
                "status": "ready",
                "error": None,
                "hint": None,
                "indexed_at": now(),
            }
        )
        return await self._store(who, fresh, cut.rows)

    async def fail(self, who: Scope, document: Document, error: DocumentUnreadable) -> Document:
        """Store why a document cannot be read. Raises `NotFound` if it has been removed."""
        failed = document.model_copy(
            update={"status": "failed", "error": error.message, "hint": error.hint}
        )
        return await self.database.write(who, partial(documents.update, document=failed))

    async def remove(self, who: Scope, document: Document) -> None:
        """Remove a document with its pieces; a folder with all that was found in it.

        Raises:
            NotFound: Somebody else has removed it meanwhile.
        """
        children = await self.database.read(who, partial(documents.children, parent_id=document.id))
        for each in (*children, document):
            rows = await self.database.read(who, partial(documents.pieces, document=each))
            await self._drop(who, each, [row.number for row in rows])
            await self.database.write(who, partial(documents.remove, document_id=each.id))
        self.changed(who.tenant, document.owner)

    async def _drop(self, who: Scope, document: Document, numbers: Sequence[int]) -> None:
        for at in range(0, len(numbers), _BATCH):
            batch = numbers[at : at + _BATCH]
            remove = partial(passages.remove, owner=document.owner, numbers=batch)
            await self.database.write(who, remove)

    async def _read(
        self, document: Document, path: Path, found: Fingerprint, media_type: str | None
    ) -> _Cut:
        name = document.name if document.kind == "text" else path.name
        kind = format_of(name, found.head, media_type)
        if kind is None:
            raise DocumentUnreadable(
                "This kind of file cannot be read.",
                hint="PDF, Word, PowerPoint, Excel, HTML, Markdown, CSV, code and text can.",
            )
        converted = await self.converter.convert(path, kind, name=document.name)
        rows = await asyncio.to_thread(_rows, document, list(chunks(converted.blocks)))
        return _Cut(rows, converted.pages, kind.media_type)

    async def _store(self, who: Scope, document: Document, rows: Sequence[PassageRow]) -> Change:
        before = await self.database.read(who, partial(documents.pieces, document=document))
        difference = _compare(before, rows)
        if before and (difference.added or difference.removed):
            # Half of what it was and half of what it is: if it stays so, it is to be begun again.
            unfinished = document.model_copy(update={"status": "waiting"})
            await self.database.write(who, partial(documents.update, document=unfinished))
        for at in range(0, len(difference.added), _BATCH):
            batch = difference.added[at : at + _BATCH]
            words = await asyncio.to_thread(_words, batch)
            add = partial(documents.add_pieces, document=document, rows=batch, words=words)
            await self.database.write(who, add)
        await self._drop(who, document, difference.removed)

        def finish(tx: Tx) -> Document:
            documents.move_pieces(tx, document, difference.moved)
            return documents.update(tx, document)

        stored = await self.database.write(who, finish)
        if difference.added or difference.removed:
            self.changed(who.tenant, document.owner)
        return Change(stored, len(difference.added), len(difference.removed), difference.kept)


@dataclass(frozen=True, slots=True)
class _Cut:
    rows: Sequence[PassageRow]
    pages: int | None
    media_type: str


@dataclass(frozen=True, slots=True)
class _Difference:
    added: Sequence[PassageRow]
    removed: Sequence[int]
    moved: Sequence[PassageRow]
    kept: int


def citation_of(row: PassageRow) -> Citation:
    """Where a piece stands."""
    return Citation.model_validate_json(row.record)


def is_indexed(document: Document, path: Path) -> bool:
    """Whether the file at `path` looks as it did when it was indexed."""
    if document.modified is None or document.checked_at is None:
        return False
    try:
        size, modified = state_of(path)
    except DocumentUnreadable:
        return False
    checked = int(document.checked_at.timestamp() * 1e9)
    return (size, modified) == (document.size, document.modified) and modified < checked - _RACY


def _rows(document: Document, cut: Sequence[Chunk]) -> list[PassageRow]:
    if len(cut) > _MOST_PIECES:
        raise DocumentUnreadable(
            f"The document is cut into {len(cut)} pieces, more than {_MOST_PIECES}.",
            hint="Split it into smaller files.",
        )
    at = round(now().timestamp() * 1_000_000)
    return [
        PassageRow(
            id=new_id("pce"),
            corpus=documents.CORPUS,
            kind=documents.KIND,
            group_id=document.id,
            place=place,
            text=chunk.text,
            created_at=at,
            hash=hashlib.sha256(chunk.text.encode("utf-8", "replace")).hexdigest()[:32],
            record=_citation(document, chunk).model_dump_json(exclude_none=True),
        )
        for place, chunk in enumerate(cut)
    ]


def _citation(document: Document, chunk: Chunk) -> Citation:
    return Citation(
        document_id=document.id,
        name=document.name,
        label=_label(document.name, chunk),
        page=chunk.page,
        first_line=chunk.first_line,
        last_line=chunk.last_line,
        heading=chunk.heading,
    )


def _label(name: str, chunk: Chunk) -> str:
    # The brackets around a label must end where it ends.
    name = name.replace("[", "(").replace("]", ")")
    if chunk.page is not None:
        return f"{name}, p. {chunk.page}"
    if chunk.first_line is not None:
        last = chunk.last_line
        if last is None or last == chunk.first_line:
            return f"{name}, line {chunk.first_line}"
        return f"{name}, lines {chunk.first_line}–{last}"
    if chunk.heading:
        heading = chunk.heading.rpartition(" › ")[2].replace("[", "(").replace("]", ")")
        return f"{name}, “{heading}”"
    return name


def _compare(before: Sequence[PassageRow], after: Sequence[PassageRow]) -> _Difference:
    """Pieces of the same text stay, each once, wherever they have moved to."""
    known: defaultdict[str, list[PassageRow]] = defaultdict(list)
    for row in reversed(before):
        known[row.hash].append(row)
    added: list[PassageRow] = []
    moved: list[PassageRow] = []
    kept = 0
    for row in after:
        if not known[row.hash]:
            added.append(row)
            continue
        old = known[row.hash].pop()
        kept += 1
        if (old.place, json.loads(old.record)) != (row.place, json.loads(row.record)):
            moved.append(replace(old, place=row.place, record=row.record))
    removed = [row.number for rows in known.values() for row in rows]
    return _Difference(added, removed, moved, kept)


def _words(rows: Sequence[PassageRow]) -> list[list[str]]:
    from muxi.retrieval.words import words

    return [words(row.text) for row in rows]
