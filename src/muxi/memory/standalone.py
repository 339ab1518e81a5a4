"""Memory without agents and without a server: `from muxi import Memory`.

For other people's programs, and for an `Agent` in a script. It is the same memory as a project's,
through the same code: what is stored here can be exported there. Like everything in muxi it has no
method without an owner: a user, an agent, a team, or `owner="tenant"` for what all share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime
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
from muxi.memory.forgetting import Forgetting
from muxi.memory.memories import with_zone
from muxi.memory.parts import Parts, parts_of
from muxi.memory.recall import Recall
from muxi.memory.transfer import Format
from muxi.memory.turns import Spoken, turns_of
from muxi.models.resolve import embedder as resolve_embedder
from muxi.storage.database import open_database
from muxi.storage.transaction import Scope

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
        self._parts: Parts | None = None
        self._runs: dict[str, Recall] = {}

    async def __aenter__(self) -> Memory:
        await self._open()
        return self

    async def __aexit__(self, *failure: object) -> None:
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
        stored = await parts.memories.add(
            who, owner, text, said_at=said_at, speaker=speaker, metadata=metadata
        )
        await self._embed(parts)
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
        stored = await parts.memories.add_turns(who, owner, [each for each in entries if each])
        await self._embed(parts)
        return stored

    async def search(self, query: str, *, limit: int = 10, **whose: Unpack[Whose]) -> Recollection:
        """The memories that answer `query` best, best first, with what their scores are made of."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        return await parts.memories.search(who, owner, query, limit=limit)

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
        return await parts.memories.page(
            who, owner, kind=kind, thread_id=thread, cursor=cursor, limit=limit
        )

    async def get(self, memory_id: str, **whose: Unpack[Whose]) -> Entry:
        """One memory. Raises `NotFound`."""
        parts, (who, owner) = await self._open(), self._whose(whose)
        return await parts.memories.get(who, memory_id, owner=owner)

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
        async for line in parts.memories.export(who, owner):
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
        done = await parts.memories.take_in(who, owner, lines, format=format)
        await self._embed(parts)
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
        await parts.memories.add_turns(who, owner, turns_of(spoken))
        await self._embed(parts)

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

    async def _open(self) -> Parts:
        if self._parts is not None:
            return self._parts
        async with self._opening:
            if self._parts is None:
                self._parts = await self._opened()
        return self._parts

    async def _opened(self) -> Parts:
        given = self._embedder
        target = resolve_embedder(given) if isinstance(given, str) else given
        forgetting = Forgetting(database=await open_database(self._url))
        parts = parts_of(forgetting, resolve=_resolve, embedder=target)
        await parts.embedding.choose([self._tenant])
        await forgetting.resume()
        return parts

    async def _embed(self, parts: Parts) -> None:
        """Make the vectors that are missing. A provider that fails is asked again the next time."""
        try:
            while await parts.embedding.step(self._tenant):
                pass
            await parts.embedding.settle([self._tenant])
        except MuxiError as error:
            _log.warning("Memories wait for their vectors: %s", error.message)


async def _resolve(model: str) -> Embedder:
    return resolve_embedder(model)


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
        said_at=with_zone(said_at),
        thread_id=thread,
        message_id=turn.id if isinstance(turn, Message) else None,
        source="api",
    )
