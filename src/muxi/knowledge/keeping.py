"""Keeps the index in step with its sources: folders are searched, what is waiting is indexed.

Run by `runtime.knowledge` in the background. Its list of work is the documents that are `waiting`,
which are stored: what a process leaves behind when it dies, the next one goes on with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from muxi.core.documents import Document
from muxi.core.errors import DocumentUnreadable, MuxiError, NotFound, StorageError
from muxi.core.record import now
from muxi.knowledge import folders
from muxi.knowledge.fetching import fetched
from muxi.knowledge.indexing import Change, Indexer, is_indexed
from muxi.storage import documents
from muxi.storage.transaction import Database, Scope, Tx

_log = logging.getLogger("muxi.knowledge")

_PAUSE = 5.0
"""Seconds after which a database that did not answer is asked again."""
_BATCH = 200
"""Documents of a folder that are stored in one transaction."""


@dataclass(kw_only=True)
class Keeper:
    """The work that is to be done on the documents of one tenant."""

    who: Scope
    """The tenant as a whole."""
    database: Database
    indexer: Indexer
    allow_hosts: Sequence[str] = ()
    told: Callable[[Change], None] = lambda change: None
    """Hears what became of each document that was looked at."""
    _wanted: dict[str, None] = field(default_factory=dict[str, None])
    """Ids of documents in the order in which they are looked at."""
    _at_work: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])
    _again: set[str] = field(default_factory=set[str])
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._settled.set()

    def look_at(self, *ids: str) -> None:
        """Look at these documents soon, each once."""
        if self._closed:
            return
        for each in ids:
            if each in self._at_work:
                # It may have changed since it was read.
                self._again.add(each)
            else:
                self._wanted[each] = None
        self._begin()

    async def go_on(self) -> None:
        """Look at everything that is waiting."""
        found = await self.database.read(self.who, documents.waiting)
        self.look_at(*(document.id for document in found))

    async def settled(self) -> None:
        """Return when there is nothing left to do."""
        await self._settled.wait()

    async def close(self) -> None:
        """Stop at once; what is not done stays `waiting`."""
        self._closed = True
        self._wanted.clear()
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._settled.set()

    def _begin(self) -> None:
        while self._wanted and len(self._at_work) < self.indexer.converter.at_once:
            first = next(iter(self._wanted))
            del self._wanted[first]
            self._settled.clear()
            task = asyncio.create_task(self._work(first), name=f"document {first}")
            self._at_work[first] = task
            task.add_done_callback(partial(self._done, first))
        if not self._wanted and not self._at_work:
            self._settled.set()

    def _done(self, id: str, _: asyncio.Task[None]) -> None:
        del self._at_work[id]
        if id in self._again and not self._closed:
            self._again.discard(id)
            self._wanted[id] = None
        self._begin()

    async def _work(self, id: str) -> None:
        while True:
            try:
                document = await self.database.read(
                    self.who, partial(documents.get, document_id=id)
                )
                self.told(await self.look(document))
            except NotFound:
                # It has been removed meanwhile.
                return
            except StorageError as error:
                _log.warning("Document %s is not indexed yet: %s", id, error.message)
                await asyncio.sleep(_PAUSE)
            except Exception as error:  # noqa: BLE001 -- the edge of a task: the reason is stored
                await self._give_up(id, error)
                return
            else:
                return

    async def _give_up(self, id: str, error: Exception) -> None:
        _log.exception("Document %s cannot be indexed.", id)
        words = (
            error.message if isinstance(error, MuxiError) else f"{type(error).__name__}: {error}"
        )
        try:
            document = await self.database.read(self.who, partial(documents.get, document_id=id))
            await self.indexer.fail(self.who, document, DocumentUnreadable(words))
        except MuxiError as further:
            _log.warning("Nor can that be stored: %s", further.message)

    async def look(self, document: Document) -> Change:
        """Bring the index of one document up to date.

        Raises:
            NotFound: The document has been removed meanwhile.
            StorageError: The database did not answer.
        """
        if document.kind == "folder":
            return Change(await self._search(document))
        if document.kind == "file":
            return await self.indexer.index(self.who, document, Path(document.uri))
        if document.kind == "url":
            return await self._fetch(document)
        return Change(document)

    async def _fetch(self, document: Document) -> Change:
        most = self.indexer.converter.bounds.bytes
        try:
            async with fetched(document.uri, most=most, allow_hosts=self.allow_hosts) as found:
                path, media_type = found
                return await self.indexer.index(self.who, document, path, media_type=media_type)
        except DocumentUnreadable as error:
            return Change(await self.indexer.fail(self.who, document, error))

    async def _search(self, folder: Document) -> Document:
        """Compare a folder with what is known of it, and have what differs looked at."""
        place = Path(folder.uri)
        if not await asyncio.to_thread(place.is_dir):
            # It may come back, as a disk does that is not mounted; what was indexed stays.
            error = DocumentUnreadable("There is no such folder.")
            return await self.indexer.fail(self.who, folder, error)
        there = await asyncio.to_thread(
            lambda: [str(path) for path in folders.documents(place, folder.ignore)]
        )
        known = {
            child.uri: child
            for child in await self.database.read(
                self.who, partial(documents.children, parent_id=folder.id)
            )
        }
        fresh = [_child(folder, uri) for uri in there if uri not in known]
        here = set(there)
        gone = [child for uri, child in known.items() if uri not in here]
        kept = [child for uri, child in known.items() if uri in here]
        for at in range(0, len(fresh), _BATCH):
            add = partial(_add_all, folder_id=folder.id, fresh=fresh[at : at + _BATCH])
            await self.database.write(self.who, add)
        for each in gone:
            await self.indexer.remove(self.who, each)
        kept = await self._renew(folder, kept)
        stale = await asyncio.to_thread(
            lambda: [each for each in kept if not is_indexed(each, Path(each.uri))]
        )
        found = folder.model_copy(
            update={
                "status": "ready",
                "error": None,
                "hint": None,
                "pieces": len(there),
                "indexed_at": folder.indexed_at or now(),
                "checked_at": now(),
            }
        )
        stored = await self.database.write(self.who, partial(documents.update, document=found))
        self.look_at(*(each.id for each in (*fresh, *stale)))
        return stored

    async def _renew(self, folder: Document, kept: Sequence[Document]) -> list[Document]:
        """Give documents of a folder what is said of the folder."""
        result: list[Document] = []
        said = {"agents": folder.agents, "metadata": folder.metadata}
        for child in kept:
            if (child.agents, child.metadata) == (folder.agents, folder.metadata):
                result.append(child)
                continue
            changed = child.model_copy(update=said)
            write = partial(documents.update, document=changed)
            result.append(await self.database.write(self.who, write))
        return result


def _child(folder: Document, uri: str) -> Document:
    return Document(
        owner=folder.owner,
        kind="file",
        name=Path(uri).relative_to(folder.uri).as_posix(),
        uri=uri,
        parent_id=folder.id,
        agents=folder.agents,
        metadata=folder.metadata,
    )


def _add_all(tx: Tx, folder_id: str, fresh: Sequence[Document]) -> None:
    documents.get(tx, folder_id)
    for document in fresh:
        # Somebody may have added the file by itself, which is then his.
        if documents.find(tx, document.owner, document.uri) is None:
            documents.add(tx, document)
