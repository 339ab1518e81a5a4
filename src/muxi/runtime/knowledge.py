"""Documents as doors see them: added, listed, searched, removed; and what runs get of them.

Called by doors, by `runs` and by `agents`. A document is somebody's: the tenant's, a user's or an
agent's. It must never read a file of the state folder, where the keys are.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from muxi.config.project import Project
from muxi.core import owners as owner_names
from muxi.core.context import RunContext
from muxi.core.definitions import AgentDefinition
from muxi.core.documents import Document, FoundPieces, KnowledgePolicy, Piece
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.owners import TENANT
from muxi.core.pages import Page
from muxi.knowledge.conversion import Converter
from muxi.knowledge.finding import Finder, piece_of
from muxi.knowledge.indexing import Indexer
from muxi.knowledge.keeping import Keeper
from muxi.knowledge.source import KnowledgeSource
from muxi.knowledge.watching import Watcher
from muxi.retrieval.search import Searcher
from muxi.runtime import document_sources as sources
from muxi.runtime.document_reading import converter_of
from muxi.runtime.principal import LOCAL, Principal
from muxi.storage import documents, passages
from muxi.storage.transaction import Database, Scope, Tx

if TYPE_CHECKING:
    from muxi.tools.toolset import Toolset

_FRESH = 10.0
"""Seconds for which it is believed who has documents, where other processes may add some."""
_WHOLE = Scope(LOCAL.tenant, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """What is to be added: an address or a path, or else the bytes of a document."""

    uri: str | None = None
    data: bytes | None = None
    name: str | None = None
    """To show and to cite; with bytes, its ending tells the format."""
    owner: str = TENANT
    agents: Sequence[str] | None = None
    ignore: Sequence[str] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(kw_only=True)
class Knowledge:
    """The documents of one project."""

    project: Project
    database: Database
    searcher: Searcher
    changed: Callable[[], None] = lambda: None
    """Told that there are pieces without vectors."""
    finder: Finder = field(init=False)
    keeper: Keeper = field(init=False)
    _converter: Converter = field(init=False)
    _watcher: Watcher = field(init=False)
    _watching: bool = False
    _with_documents: tuple[float, frozenset[str]] | None = None
    """Who has any, and since when that is known."""
    _waiting: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        settings = self.project.knowledge
        self._converter = converter_of(settings.conversion)
        indexer = Indexer(
            database=self.database, converter=self._converter, changed=self._pieces_changed
        )
        self.finder = Finder(database=self.database, searcher=self.searcher)
        self.keeper = Keeper(
            who=_WHOLE,
            database=self.database,
            indexer=indexer,
            allow_hosts=settings.allow_hosts,
        )
        self._watcher = Watcher(changed=self._files_changed)

    async def start(self) -> None:
        """Index what the project declares and what was left waiting, then watch."""
        settings = self.project.knowledge
        await self._declare()
        roots = await self.database.read(_WHOLE, documents.roots)
        due = [each for each in roots if sources.is_due(each, settings.refresh_hours)]
        self.keeper.look_at(*(each.id for each in due))
        await self.keeper.go_on()
        self._watching = settings.watch
        if self._watching:
            await self._watcher.watch(roots)

    async def close(self) -> None:
        """Stop at once; what is not indexed yet will be by the next process."""
        for task in self._waiting:
            task.cancel()
        await self._watcher.close()
        await self.keeper.close()
        await self._converter.close()

    def source(self, who: Principal, definition: AgentDefinition | None) -> KnowledgeSource | None:
        """What documents give to a run, if its agent looks into them."""
        settings = self.project.knowledge
        own = KnowledgePolicy() if definition is None else definition.knowledge
        if not (settings.recall if own.recall is None else own.recall):
            return None
        owners = self._readable(who.principal, None if definition is None else definition.name)
        return KnowledgeSource(
            finder=self.finder,
            who=who,
            owners=owners,
            limit=settings.limit,
            tokens=settings.tokens,
            present=partial(self._have_documents, owners),
        )

    def toolsets(self, definition: AgentDefinition) -> Sequence[Toolset]:
        """The tool to search documents, for an agent that may use it."""
        own = definition.knowledge
        if not (self.project.knowledge.tools if own.tools is None else own.tools):
            return ()
        from muxi.knowledge.tools import make_search_knowledge
        from muxi.tools.function_toolset import FunctionToolset

        return (FunctionToolset([make_search_knowledge(self.finder, self._of_run)]),)

    async def add(self, who: Principal, new: NewDocument) -> Document:
        """Add a document, or have one that is there looked at again.

        A path or an address is indexed afterwards; `get` tells when that is done. Bytes are indexed
        before this returns.

        Raises:
            InvalidInput: It is neither, there is no such file, or the owner is none.
            AccessDenied: It is to belong to another user, or lies where the keys are.
        """
        owner = self._owner(who, new.owner)
        if (new.uri is None) == (new.data is None):
            raise InvalidInput("Give the address or path of a document, or its contents.")
        if new.data is not None:
            return await self._add_bytes(who, new, owner)
        assert new.uri is not None
        kind, uri = await asyncio.to_thread(sources.place_of, self.project, new.uri)
        document = Document(
            owner=owner,
            kind=kind,
            name=new.name or sources.name_of(kind, uri),
            uri=uri,
            agents=None if new.agents is None else list(new.agents),
            ignore=list(new.ignore),
            metadata=dict(new.metadata),
        )
        stored = await self.database.write(who, partial(_put, document=document))
        await self._added(stored)
        return stored

    async def get(self, who: Principal, document_id: str) -> Document:
        """Raises `NotFound`."""
        return await self.database.read(who, self.reading(document_id), tiny=True)

    def reading(self, document_id: str) -> Callable[[Tx], Document]:
        """How `get` reads, inside of a transaction."""
        return partial(documents.get, document_id=document_id)

    async def pieces(self, who: Principal, document_id: str) -> list[Piece]:
        """What a document says, piece by piece in its order. Raises `NotFound`."""
        document = await self.get(who, document_id)
        read = partial(passages.group, owner=document.owner, group_id=document.id)
        return [piece_of(row) for row in await self.database.read(who, read)]

    async def page(
        self,
        who: Principal,
        *,
        folder: str | None = None,
        agent: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Document]:
        """Documents that this user may read, newest first: those in a folder, or those in none.

        Args:
            who: Who asks.
            folder: Id of the folder.
            agent: Whose own documents are listed, too.
            cursor: Of the page before.
            limit: The most documents.
        """
        read = partial(
            documents.page,
            owners=self._readable(who.principal, agent),
            parent_id=folder,
            after=cursor,
            limit=limit,
        )
        found = await self.database.read(who, read)
        return Page[Document](items=list(found.items), next=found.next)

    async def search(
        self,
        who: Principal,
        query: str,
        *,
        agent: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        limit: int = 10,
    ) -> FoundPieces:
        """The pieces of documents that answer `query`, best first.

        Args:
            who: Who asks.
            query: A question, or some words.
            agent: As what this agent may read; by default as what the user may.
            metadata: What documents must bear.
            limit: The most pieces.
        """
        owners = self._readable(who.principal, agent)
        return await self.finder.find(
            who, owners, query, limit=limit, agent=agent, metadata=metadata
        )

    async def remove(self, who: Principal, document_id: str) -> None:
        """Remove a document with all that was made of it; a folder with all that is in it.

        Raises:
            NotFound: There is none.
            InvalidInput: It lies in a folder, which would bring it back.
        """
        document = await self.get(who, document_id)
        if document.parent_id is not None:
            raise InvalidInput(
                f"{document.name} lies in a folder that is indexed as a whole.",
                hint="Move the file, leave it out by `ignore`, or remove the folder.",
            )
        await self.keeper.indexer.remove(who, document)
        self._with_documents = None
        if self._watching:
            await self._watch_again()

    async def settled(self) -> None:
        """Return when everything that was added is indexed, or cannot be."""
        await self.keeper.settled()

    async def _add_bytes(self, who: Principal, new: NewDocument, owner: str) -> Document:
        assert new.data is not None
        name = new.name or "text"
        document = Document(
            owner=owner,
            kind="text",
            name=name,
            uri=f"text:{name}",
            agents=None if new.agents is None else list(new.agents),
            metadata=dict(new.metadata),
        )
        stored = await self.database.write(who, partial(_put, document=document))
        self._with_documents = None
        with tempfile.TemporaryDirectory(prefix="muxi-") as folder:
            path = Path(folder, "document")
            await asyncio.to_thread(path.write_bytes, new.data)
            change = await self.keeper.indexer.index(who, stored, path)
        return change.document

    async def _added(self, document: Document) -> None:
        self._with_documents = None
        self.keeper.look_at(document.id)
        if self._watching:
            await self._watch_again()

    async def _watch_again(self) -> None:
        await self._watcher.watch(await self.database.read(_WHOLE, documents.roots))

    def _files_changed(self, paths: set[Path]) -> None:
        task = asyncio.create_task(self._look_at_files(paths), name="changed documents")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _look_at_files(self, paths: set[Path]) -> None:
        roots = await self.database.read(_WHOLE, documents.roots)
        self.keeper.look_at(*(root.id for root in roots if sources.touches(root, paths)))

    def _pieces_changed(self, tenant: str, owner: str) -> None:
        self.searcher.changed(tenant, owner)
        self.changed()

    async def _declare(self) -> None:
        wanted = await asyncio.to_thread(sources.declared, self.project)
        gone = await self.database.write(_WHOLE, partial(sources.store_declared, wanted=wanted))
        for document in gone:
            await self.keeper.indexer.remove(_WHOLE, document)
        self._with_documents = None

    def _owner(self, who: Principal, owner: str) -> str:
        """`owner`, as far as this user may name it."""
        owner = owner_names.checked(owner)
        if owner.startswith("user:") and who.principal not in (None, owner[5:]):
            raise AccessDenied("These are the documents of another user.")
        return owner

    def _readable(self, user: str | None, agent: str | None) -> list[str]:
        owners = [TENANT]
        if user:
            owners.append(owner_names.user(user))
        if agent:
            owners.append(owner_names.owner("agent", agent))
        return owners

    def _of_run(self, ctx: RunContext[Any]) -> Sequence[str]:
        return self._readable(ctx.user, ctx.agent)

    async def _have_documents(self, owners: Sequence[str]) -> bool:
        known = self._with_documents
        alone = self.database.dialect == "sqlite"
        if known is None or (not alone and time.monotonic() - known[0] > _FRESH):
            found = await self.database.read(_WHOLE, documents.owners)
            known = self._with_documents = (time.monotonic(), frozenset(found))
        return not known[1].isdisjoint(owners)


def _put(tx: Tx, document: Document) -> Document:
    """Store a document, or what is now said of one that is there; it is to be indexed."""
    known = documents.find(tx, document.owner, document.uri)
    if known is None:
        return documents.add(tx, document)
    said = {"name", "agents", "ignore", "metadata", "declared"}
    update = {name: getattr(document, name) for name in said} | {"status": "waiting"}
    return documents.update(tx, known.model_copy(update=update))
