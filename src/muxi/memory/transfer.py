"""A whole memory as lines of JSON, out and in again. Called by `runtime.forgetting` and `Memory`.

The first line says what it is; each other line is a memory, a fact, a document or a piece of one,
with its `type`. Nothing is held but the line at hand. What comes in twice is taken in once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, cast

from pydantic import ValidationError

from muxi.core.documents import Document
from muxi.core.errors import Conflict, InvalidInput
from muxi.core.facts import Confirmation, Fact, canonical
from muxi.core.forgetting import Imported
from muxi.core.memories import Memory
from muxi.core.messages import Text
from muxi.core.record import Record, now
from muxi.memory.foreign import Taken, from_letta, from_mem0
from muxi.memory.rows import MEMORY, memory_of
from muxi.memory.writing import remember
from muxi.retrieval.words import words
from muxi.storage import documents, erasing, facts, passages
from muxi.storage.facts import Statement
from muxi.storage.owners import owned
from muxi.storage.passages import PassageRow
from muxi.storage.records import micros
from muxi.storage.transaction import Database, Scope, Tx

Format = Literal["muxi", "mem0", "letta"]
"""`muxi`: lines of JSON as `export` gives them. `mem0`, `letta`: see `memory.foreign`."""

HEAD: Final = "muxi.memory"
VERSION: Final = 1
_PAGE: Final = 200
_NOTES: Final = 50
"""The most notes about lines that could not be taken in."""


async def export(database: Database, who: Scope, owner: str) -> AsyncGenerator[str]:
    """The owner's whole memory, a line of JSON at a time, without line ends.

    Raises:
        AccessDenied: It is another user's.
    """
    await database.read(who, lambda tx: owned(tx, owner))
    yield json.dumps(
        {"type": HEAD, "version": VERSION, "owner": owner, "exported_at": now().isoformat()}
    )
    after = 0
    while page := await database.read(who, partial(_passages, owner=owner, after=after)):
        after = page[-1].number
        for row in page:
            yield _line_of_passage(row)
    cursor: str | None = None
    while True:
        found = await database.read(
            who, partial(facts.history, owner=owner, after=cursor, limit=_PAGE)
        )
        for fact in found.items:
            yield _line("fact", fact)
        cursor = found.next
        if cursor is None:
            break
    for document in await database.read(who, lambda tx: documents.everything(tx, [owner])):
        yield _line("document", document)


def _passages(tx: Tx, owner: str, after: int) -> list[PassageRow]:
    numbers = [number for _, number, _ in erasing.places_of_owner(tx, owner, after=after)]
    rows = passages.by_numbers(tx, [owner], numbers[:_PAGE])
    return sorted(rows, key=lambda row: row.number)


def _line_of_passage(row: PassageRow) -> str:
    if row.corpus != MEMORY:
        fields = {name: getattr(row, name) for name in PieceLine.model_fields}
        return _line("piece", PieceLine.model_validate(fields))
    # A turn that is mere context finds that out again where it comes in.
    kind = row.kind if row.kind in ("turn", "note") else "turn"
    memory = memory_of(replace(row, kind=kind))
    return _line("memory", memory)


class PieceLine(Record):
    """A piece of a document, as it lies in the database."""

    id: str
    group_id: str
    """Its document."""
    text: Text
    place: int = 0
    created_at: int
    hash: str = ""
    record: str = "{}"
    """Where in the document it stands, as JSON."""


def _line(kind: str, record: Record) -> str:
    body = record.model_dump(mode="json", exclude_none=True)
    return json.dumps({"type": kind, **body}, ensure_ascii=False)


@dataclass(kw_only=True)
class Importer:
    """Takes one file into one owner's memory."""

    database: Database
    who: Scope
    owner: str
    new_ids: bool = False
    """Give ids of its own to what comes in, the same each time."""
    first_line: int = 1
    """Number of the first line, by which notes name lines."""
    done: Imported = field(default_factory=Imported)
    _memories: list[tuple[int, Memory]] = field(default_factory=list[tuple[int, Memory]])
    _facts: list[tuple[int, Statement]] = field(default_factory=list[tuple[int, Statement]])

    async def take(
        self, lines: AsyncIterable[str] | Iterable[str], format: Format = "muxi"
    ) -> Imported:
        """Take in everything that can be, and say what could not.

        Raises:
            InvalidInput: It is nothing of that format.
            AccessDenied: The memory is another user's.
        """
        await self.database.read(self.who, lambda tx: owned(tx, self.owner))
        if format != "muxi":
            text = "\n".join([line async for line in _each(lines)])
            await self._take_foreign(from_mem0 if format == "mem0" else from_letta, text)
        else:
            number = self.first_line - 1
            async for line in _each(lines):
                number += 1
                if line.strip():
                    await self._take_line(number, line)
        await self._store_memories()
        await self._store_facts()
        return self.done

    async def _take_foreign(self, read: Callable[[str, str], Iterable[Taken]], text: str) -> None:
        for number, taken in enumerate(read(text, self.owner), 1):
            if isinstance(taken, str):
                self._skip(taken)
            else:
                await self._add_memory(number, taken)

    async def _take_line(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise InvalidInput("It is no JSON object.")
            await self._take_entry(number, cast("dict[str, Any]", entry))
        except RecursionError:
            self._skip(f"line {number}: it is nested too deeply.")
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            self._skip(f"line {number}: {place}: {first['msg']}.")
        except InvalidInput as error:
            self._skip(f"line {number}: {error.message}")
        except ValueError as error:
            self._skip(f"line {number}: it is no JSON: {error}.")

    async def _take_entry(self, number: int, entry: dict[str, Any]) -> None:
        kind = entry.pop("type", None)
        if kind == HEAD:
            if entry.get("version") != VERSION:
                raise InvalidInput("It was written by a newer muxi.", hint="Update muxi.")
        elif kind == "memory":
            memory = Memory.model_validate({**entry, "owner": self.owner})
            if self.new_ids:
                memory.id = self._own_id(memory.id)
            await self._add_memory(number, memory)
        elif kind == "fact":
            fact = Fact.model_validate({**entry, "owner": self.owner})
            self._facts += [(number, each) for each in _statements(fact)]
            if len(self._facts) >= _PAGE:
                await self._store_facts()
        elif kind == "document":
            document = Document.model_validate({**entry, "owner": self.owner, "declared": False})
            await self._write("documents", partial(_add_document, document=document))
        elif kind == "piece":
            piece = PieceLine.model_validate(entry)
            await self._write("pieces", partial(_add_piece, owner=self.owner, piece=piece))
        else:
            raise InvalidInput(f"There is no type {kind!r}.")

    def _own_id(self, id: str) -> str:
        named = "\0".join((self.who.tenant, self.owner, id)).encode("utf-8", "replace")
        return f"mem_{hashlib.sha256(named).hexdigest()[:32]}"

    async def _add_memory(self, number: int, memory: Memory) -> None:
        memory.source = "import"
        self._memories.append((number, memory))
        if len(self._memories) >= _PAGE:
            await self._store_memories()

    async def _store_memories(self) -> None:
        waiting, self._memories = self._memories, []
        if not waiting:
            return
        every = [memory for _, memory in waiting]
        try:
            new = await self.database.write(self.who, lambda tx: remember(tx, self.owner, every))
        except (Conflict, InvalidInput):
            # One of them is the matter: they are taken one by one.
            for number, memory in waiting:
                await self._store_one(number, memory)
            return
        self._added("memories", len(new), of=len(every))

    async def _store_one(self, number: int, memory: Memory) -> None:
        def store(tx: Tx) -> int:
            return len(remember(tx, self.owner, [memory]))

        try:
            added = await self.database.write(self.who, store)
        except Conflict:
            # Another owner has a memory of that id, so that this one gets its own.
            memory.id = self._own_id(memory.id)
            added = await self.database.write(self.who, store)
        except InvalidInput as error:
            self._skip(f"line {number}: {error.message}")
            return
        self._added("memories", added, of=1)

    async def _store_facts(self) -> None:
        waiting, self._facts = self._facts, []
        if not waiting:
            return
        said = [statement for _, statement in waiting]
        try:
            outcomes = await self.database.write(
                self.who, lambda tx: facts.put(tx, self.owner, said)
            )
        except InvalidInput as error:
            self._skip(f"lines {waiting[0][0]} to {waiting[-1][0]}: {error.message}")
            return
        self._added("facts", sum(each.new for each in outcomes), of=len(said))

    async def _write(self, kind: str, fn: Callable[[Tx], int]) -> None:
        try:
            added = await self.database.write(self.who, fn)
        except Conflict:
            added = 0
        self._added(kind, added, of=1)

    def _added(self, kind: str, added: int, *, of: int) -> None:
        if added:
            self.done.added[kind] = self.done.added.get(kind, 0) + added
        self.done.known += of - added

    def _skip(self, note: str) -> None:
        self.done.skipped += 1
        if len(self.done.notes) < _NOTES:
            self.done.notes.append(note)


def _statements(fact: Fact) -> Iterable[Statement]:
    """What was said: the fact, and each time that it was said again."""
    first = Confirmation(
        at=fact.valid_from,
        recorded_at=fact.recorded_at,
        source_message_id=fact.source_message_id,
        source_memory_id=fact.source_memory_id,
        confidence=fact.confidence,
        source=fact.source,
    )
    end = fact.until or fact.valid_to
    for said in (first, *fact.confirmed):
        yield Statement(
            subject=fact.subject,
            predicate=fact.predicate,
            value=canonical(fact.value),
            at=micros(said.at),
            until=micros(end) if end is not None and said is first else None,
            recorded_at=micros(said.recorded_at),
            message_id=said.source_message_id,
            memory_id=said.source_memory_id,
            confidence=said.confidence,
            source=said.source,
        )


def _add_document(tx: Tx, document: Document) -> int:
    if documents.find(tx, document.owner, document.uri) is not None:
        return 0
    documents.add(tx, document)
    return 1


def _add_piece(tx: Tx, owner: str, piece: PieceLine) -> int:
    if passages.get(tx, [owner], [piece.id]):
        return 0
    fields = {name: getattr(piece, name) for name in PieceLine.model_fields}
    row = PassageRow(corpus=documents.CORPUS, kind=documents.KIND, **fields)
    (number,) = passages.add(tx, owner, [row])
    passages.set_words(tx, owner, number, words(row.text))
    return 1


async def _each(lines: AsyncIterable[str] | Iterable[str]) -> AsyncGenerator[str]:
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
    else:
        for line in lines:
            yield line
