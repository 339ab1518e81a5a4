"""Looks for what should be forgotten: in every table, and on SQLite in every byte of every file.

Called by doors, and by whoever wants proof. It changes nothing, and says what it looked through,
how much that was, and what it could not look through.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from muxi.core.forgetting import Remains, Searched
from muxi.memory.copies import Copies, Look, Needles, holds, texts_in
from muxi.memory.forgetting import left_at_providers, outside_of
from muxi.retrieval.words import words
from muxi.storage import erasing, forgettings, passages
from muxi.storage.transaction import Database, Scope, Tx

_SHORTEST: Final = 4
"""Characters of a text that can be looked for: shorter ones stand in any file by chance."""


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Looks through one database and the files beside it."""

    database: Database
    folder: Path | None = None
    """Where the project's files lie, all of which are looked through."""
    copies: Copies | None = None

    async def verify(
        self, tenant: str, owner: str | None, *, ids: Sequence[str] = (), texts: Sequence[str] = ()
    ) -> Remains:
        """Look for an owner, for ids and for texts.

        Args:
            tenant: Where to look.
            owner: Whose rows are to be gone; None to look for ids and texts alone.
            ids: Ids of memories, messages, threads or facts that are to be gone.
            texts: What is to be said nowhere, in no table, index or file.

        Raises:
            StorageError: It could not be looked.
        """
        needles = Needles(owner=owner, ids=tuple(ids))
        whole = Scope(tenant, None)
        remains = Remains(owner=owner or "", outside=outside_of(self.database.dialect))
        looks = [*needles.looks()]
        if short := sum(len(text) < _SHORTEST for text in texts):
            remains.outside.append(
                f"texts of fewer than {_SHORTEST} characters ({short}): they stand in any file"
            )
        texts = [text for text in texts if len(text) >= _SHORTEST]
        remains.searched = await self.database.read(
            whole, partial(_looked, looks=looks, owner=owner, texts=texts)
        )
        remains.outside += await self.database.read(whole, left_at_providers)
        remains.pending = await self.database.read(whole, partial(_pending, owner=owner))
        if self.database.dialect == "sqlite":
            found = await asyncio.to_thread(self._files, tenant, needles, owner, texts)
            remains.searched += found
        remains.clean = not remains.pending and not any(each.found for each in remains.searched)
        return remains

    def _files(
        self, tenant: str, needles: Needles, owner: str | None, texts: Sequence[str]
    ) -> list[Searched]:
        found: list[Searched] = []
        for path in self.copies.paths() if self.copies is not None else ():
            with suppress(FileNotFoundError):
                held = holds(path, tenant, needles)
                size = path.stat().st_size
                found.append(Searched(place=path.name, by="rows", looked_at=size, found=int(held)))
        # The id of a user in quotes or after its kind: by itself it may be part of another word.
        spelled = _spelled(owner) if owner is not None and ":" in owner else []
        bytes_of = [each for text in texts for each in _spellings(text)]
        for path in self._all_files() if spelled or bytes_of else ():
            # Others go on working: an upload that is complete is moved, a snapshot expires.
            with suppress(FileNotFoundError):
                found += self._in_file(path, spelled, bytes_of)
        return found

    def _in_file(
        self, path: Path, spelled: Sequence[bytes], bytes_of: Sequence[bytes]
    ) -> Iterator[Searched]:
        place, size = self._named(path), path.stat().st_size
        if spelled:
            everywhere, entered = texts_in(path, spelled)
            yield Searched(place=place, by="owner", looked_at=size, found=everywhere - entered)
        if bytes_of:
            count = sum(texts_in(path, bytes_of))
            yield Searched(place=place, by="text", looked_at=size, found=count)

    def _all_files(self) -> Iterator[Path]:
        """All files, with those that come to be while they are looked through."""
        seen: set[Path] = set()
        while fresh := sorted(set(self._there()) - seen):
            yield from fresh
            seen.update(fresh)

    def _there(self) -> Iterator[Path]:
        # It passes over folders that vanish, as they do too.
        for folder, _, names in os.walk(self.folder) if self.folder is not None else ():
            yield from (path for name in names if (path := Path(folder, name)).is_file())

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self.folder)) if self.folder is not None else path.name


def _spelled(owner: str) -> list[bytes]:
    """An owner's id as it may stand in a file, and as the audit log has it, which keeps it."""
    return [owner.encode(), b'"resource":' + json.dumps(owner, ensure_ascii=False).encode()]


def _spellings(text: str) -> list[bytes]:
    """A text as it may stand in a file: as it is, and as JSON writes it."""
    plain = text.encode("utf-8", "surrogatepass")
    escaped = json.dumps(text)[1:-1].encode()
    readable = json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    return list(dict.fromkeys((plain, escaped, readable)))


def _looked(
    tx: Tx, looks: Sequence[Look], owner: str | None, texts: Sequence[str]
) -> list[Searched]:
    found: list[Searched] = []
    for table, column, by, values in looks:
        if column == "owner" and table == "forgettings":
            continue
        rows, hits = erasing.count_in(tx, table, column, values)
        found.append(Searched(place=f"{table}.{column}", by=by, looked_at=rows, found=hits))
    for text in texts:
        found += _looked_for_text(tx, owner, text)
    return found


def _looked_for_text(tx: Tx, owner: str | None, text: str) -> list[Searched]:
    found: list[Searched] = []
    for table, columns in erasing.TEXTS.items():
        for column in columns:
            rows, hits = erasing.count_text(tx, table, column, text)
            place = f"{table}.{column}"
            found.append(Searched(place=place, by="text", looked_at=rows, found=hits))
    if owner is not None and (terms := words(text)):
        for corpus in ("memory", "knowledge"):
            hits = passages.match(tx, [owner], corpus, terms[:64], limit=1000)
            place = f"index of words ({corpus})"
            found.append(Searched(place=place, by="words", looked_at=len(terms), found=len(hits)))
    return found


def _pending(tx: Tx, owner: str | None) -> list[str]:
    named = None if owner is None else {owner, forgettings.digest(tx.scope.tenant, owner)}
    return [
        begun.id for begun in forgettings.unfinished(tx) if named is None or begun.owner in named
    ]
