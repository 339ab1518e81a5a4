"""Memory without agents and without a server: `from muxi import Memory`.

For other people's programs, and for an `Agent` in a script. It is the same memory as a project's,
through the same code: what is stored here can be exported there. Like everything in muxi it has no
method without an owner: a user, an agent, a team, or `owner="tenant"` for what all share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from pydantic import JsonValue

from muxi.core import owners
from muxi.core.errors import InvalidInput, MuxiError, NotFound
from muxi.core.forgetting import Forget, Forgotten, Imported
from muxi.core.ids import new_id
from muxi.core.memories import Memory as Entry
from muxi.core.memories import MemoryKind, Recollection
from muxi.core.messages import Message
from muxi.core.pages import Page
from muxi.core.ports import Context, ContextSource
from muxi.memory import transfer
from muxi.memory.embedding import Embedding
from muxi.memory.facts import FactStore
from muxi.memory.finding import Finder
from muxi.memory.forgetting import Forgetting
from muxi.memory.recall import Recall
from muxi.memory.rows import MEMORY, memory_of
from muxi.memory.transfer import Format
from muxi.memory.turns import Spoken, turns_of
from muxi.memory.writing import put_down, remember_turns
from muxi.models.resolve import embedder as resolve_embedder
from muxi.retrieval.search import Searcher
from muxi.storage import passages
from muxi.storage.database import open_database
from muxi.storage.transaction import Database, Scope

if TYPE_CHECKING:
    from muxi.memory.dates import When
    from muxi.models.embedding import Embedder

_log = logging.getLogger("muxi.memory")


class Whose(TypedDict, total=False):
    """Exactly one of these says whose memory is meant."""

    user: str
    """Id of a user: any text."""
    agent: str
    """Name of an agent, for what it knows whoever asks."""
    team: str
    """Name of a team."""
    owner: str
    """The same as text: `user:ID`, `agent:NAME`, `team:NAME` or `tenant`."""


@dataclass(slots=True)
class _Open:
    """What an open memory works with."""

    database: Database
    finder: Finder
    embedding: Embedding
    facts: FactStore
    forgetting: Forgetting


class Memory:
    """Long-term memory in a file or a database.

    Args:
        place: Path of a SQLite file, `sqlite:///…`, `postgresql://…`, or `sqlite://` for what
            ends with the program.
        embedder: An embedder, or its name: `embedded`, `embedded/all-MiniLM-L6-v2`,
            `provider/model`; None to find memories by their words alone.
        tenant: Whose data it is, where several share a database.
    """

    def __init__(
        self,
        place: str = "sqlite://",
        *,
        embedder: str | Embedder | None = "embedded",
        tenant: str = "default",
    ) -> None:
        self._url = place if "://" in place else f"sqlite:///{place}"
        self._embedder = embedder
        self._tenant = tenant
        self._opening = asyncio.Lock()
        self._parts: _Open | None = None
        self._runs: dict[str, Recall] = {}

    async def __aenter__(self) -> Memory:
        await self._open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the database; what was added is stored already."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.embedding.close()
            await parts.database.close()

    async def add(
        self,
        text: str,
        *,
        said_at: datetime | None = None,
        speaker: str | None = None,
        metadata: dict[str, JsonValue] | None = None,
        **whose: Unpack[Whose],
    ) -> Entry:
        """Remember a text; the memory there was, if it says the same.

        Args:
            text: What to remember.
            said_at: When it was said or was so; a time without a zone is taken as UTC.
            speaker: Who said it; by default the user.
            metadata: Whatever belongs to it.
            whose: One of `user`, `agent`, `team` and `owner`.

        Raises:
            InvalidInput: It is empty or too long.
            StorageError: It is not stored.
        """
        parts, (who, owner) = await self._open(), self._whose(whose)
        note = Entry(
            owner=owner,
            kind="note",
            text=text,
            speaker=speaker or who.principal,
            said_at=_with_zone(said_at),
            source="api",
            metadata=metadata or {},
        )
        stored = await parts.database.write(who, partial(put_down, owner=owner, note=note))
        await self._embed(parts, owner)
        return stored

    async def add_turns(
        self,
        turns: Iterable[Message | Mapping[str, Any]],
        *,
        thread: str | None = None,
        **whose: Unpack[Whose],
    ) -> list[Entry]:
        """Remember a conversation, and give what of it is new and tells something.

        Args:
            turns: Messages, or mappings with `role` and `content` and perhaps `name`, oldest first.
            thread: Id of the conversation, to continue it later; a new one by default.
            whose: One of `user`, `agent`, `team` and `owner`.
        """
        parts, (who, owner) = await self._open(), self._whose(whose)
        group = thread or new_id("thr")
        entries = [_entry(turn, group, user=who.principal) for turn in turns]
        stored = await remember_turns(
            parts.database, who, owner, [each for each in entries if each], parts.finder.searcher
        )
        await self._embed(parts, owner)
        return stored

    async def search(self, query: str, *, limit: int = 10, **whose: Unpack[Whose]) -> Recollection:
        """The memories that answer `query` best, best first, with what their scores are made of."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        return await parts.finder.find(who, [owner], query, limit=limit)

    async def list(
        self,
        *,
        kind: MemoryKind | None = None,
        thread: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        **whose: Unpack[Whose],
    ) -> Page[Entry]:
        """Memories, the newest first."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        read = partial(
            passages.page,
            owner=owner,
            corpus=MEMORY,
            kind=kind,
            group_id=thread,
            after=cursor,
            limit=limit,
        )
        found = await parts.database.read(who, read)
        return Page[Entry](items=[memory_of(row) for row in found.items], next=found.next)

    async def get(self, memory_id: str, **whose: Unpack[Whose]) -> Entry:
        """One memory. Raises `NotFound`."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        read = partial(passages.get, owners=[owner], ids=[memory_id])
        rows = await parts.database.read(who, read)
        if not rows:
            raise NotFound(f"There is no memory {memory_id[:64]}.", memory_id=memory_id)
        return memory_of(rows[0])

    async def forget(
        self, what: str | Forget, *, dry_run: bool = False, **whose: Unpack[Whose]
    ) -> Forgotten:
        """Forget for good, with all that was made of it.

        Args:
            what: Id of a memory, or what else is to go: `Forget(everything=True)`.
            dry_run: Only count.
            whose: One of `user`, `agent`, `team` and `owner`.

        Raises:
            NotFound: There is nothing of the kind.
        """
        parts, (who, owner) = await self._open(), self._whose(whose)
        wanted = Forget(memories=[what]) if isinstance(what, str) else what
        return await parts.forgetting.forget(who, owner, wanted, dry_run=dry_run)

    async def set_facts(self, values: JsonValue, *, path: str = "", **whose: Unpack[Whose]) -> None:
        """Let nested values hold from now on; what they do not name stays, the past is kept."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        await parts.facts.merge(who, owner, values, path=path)

    async def facts(
        self, path: str = "", *, as_of: When | None = None, **whose: Unpack[Whose]
    ) -> JsonValue:
        """What holds at `path`, now or as of a date, as nested JSON; `{}` if nothing is known."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        try:
            return await parts.facts.tree(who, owner, path=path, as_of=as_of)
        except NotFound:
            return {}

    async def export(self, **whose: Unpack[Whose]) -> AsyncGenerator[str]:
        """All of it, as lines of JSON without their ends."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        async for line in transfer.export(parts.database, who, owner):
            yield line

    async def take_in(
        self,
        lines: AsyncIterable[str] | Iterable[str],
        *,
        format: Format = "muxi",
        **whose: Unpack[Whose],
    ) -> Imported:
        """Take in an export, of muxi, of mem0 or of Letta; what is here already stays as it is."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        importer = transfer.Importer(database=parts.database, who=who, owner=owner)
        done = await importer.take(lines, format)
        await self._embed(parts, owner)
        return done

    async def source(self, ctx: Context, inner: ContextSource) -> ContextSource:
        """See `core.ports.RunMemory`."""
        parts = await self._open()
        who = Scope(self._tenant, ctx.user)
        recall = Recall(inner=inner, finder=parts.finder, who=who, owners=[owners.user(ctx.user)])
        self._runs[ctx.run_id] = recall
        return recall

    async def remember(self, ctx: Context, asked: Message, said: Sequence[Message]) -> None:
        """See `core.ports.RunMemory`."""
        parts = await self._open()
        recall = self._runs.pop(ctx.run_id, None)
        owner = owners.user(ctx.user)
        spoken = Spoken(
            thread_id=ctx.thread_id,
            run_id=ctx.run_id,
            user=ctx.user,
            agent=ctx.agent,
            asked=asked,
            asked_text=asked.text,
            said=said,
            recalled=[] if recall is None else [item.memory for item in recall.shown],
        )
        who = Scope(self._tenant, ctx.user)
        await remember_turns(parts.database, who, owner, turns_of(spoken), parts.finder.searcher)
        await self._embed(parts, owner)

    def _whose(self, whose: Whose) -> tuple[Scope, str]:
        if len(whose) != 1:
            raise InvalidInput(
                "Say whose memory is meant, and of one owner only.",
                hint='For example `user="ana"`, or `owner="tenant"` for what all share.',
            )
        if (named := whose.get("owner")) is not None:
            owner = owners.checked(named)
        elif (agent := whose.get("agent")) is not None:
            owner = owners.owner("agent", agent)
        elif (team := whose.get("team")) is not None:
            owner = owners.owner("team", team)
        else:
            owner = owners.user(whose.get("user", ""))
        user = owner.removeprefix("user:") if owner.startswith("user:") else None
        return Scope(self._tenant, user), owner

    async def _open(self) -> _Open:
        if self._parts is not None:
            return self._parts
        async with self._opening:
            if self._parts is None:
                self._parts = await self._opened()
        return self._parts

    async def _opened(self) -> _Open:
        database = await open_database(self._url)
        searcher = Searcher(database)
        given = self._embedder
        target = resolve_embedder(given) if isinstance(given, str) else given
        embedding = Embedding(database=database, searcher=searcher, target=target, find=_find)
        await embedding.choose([self._tenant])
        forgetting = Forgetting(database=database, listeners=[searcher.changed])
        await forgetting.resume()
        return _Open(
            database=database,
            finder=Finder(database=database, searcher=searcher),
            embedding=embedding,
            facts=FactStore(database),
            forgetting=forgetting,
        )

    async def _embed(self, parts: _Open, owner: str) -> None:
        """Make the vectors that are missing. A provider that fails is asked again the next time."""
        parts.finder.changed(self._tenant, owner)
        try:
            while await parts.embedding.step(self._tenant):
                pass
            await parts.embedding.settle([self._tenant])
        except MuxiError as error:
            _log.warning("Memories wait for their vectors: %s", error.message)


async def _find(model: str) -> Embedder | None:
    try:
        return resolve_embedder(model)
    except MuxiError as error:
        _log.warning("Older vectors cannot be searched: %s", error.message)
        return None


def _entry(turn: Message | Mapping[str, Any], thread: str, *, user: str | None) -> Entry | None:
    """One turn of a conversation; None for what is nobody's words, such as a tool's output."""
    if isinstance(turn, Message):
        role, text, speaker = turn.role, turn.text, turn.author
        said_at: datetime | None = turn.created_at
    else:
        role, text = str(turn.get("role", "user")), turn.get("content")
        speaker, said_at = turn.get("name"), turn.get("said_at")
        if not isinstance(text, str):
            raise InvalidInput("A turn needs its words as text under `content`.")
    if role not in ("user", "assistant"):
        return None
    return Entry(
        owner="",
        text=text,
        speaker=speaker or (user if role == "user" else "assistant"),
        role=role,
        said_at=_with_zone(said_at),
        thread_id=thread,
        message_id=turn.id if isinstance(turn, Message) else None,
        source="api",
    )


def _with_zone(instant: datetime | None) -> datetime | None:
    if instant is None or instant.tzinfo is not None:
        return instant
    return instant.replace(tzinfo=UTC)
