"""Threads as doors see them: made, listed, renamed, read, deleted. Called by doors only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import JsonValue

from muxi.core.errors import Conflict
from muxi.core.messages import Message
from muxi.core.pages import Page
from muxi.core.threads import Thread
from muxi.memory.forgetting import Forgetting
from muxi.runtime.begin import occupied
from muxi.runtime.blobs import Blobs
from muxi.runtime.conditions import Reading
from muxi.runtime.principal import Principal, owner_for
from muxi.runtime.streams import Streams
from muxi.storage import blobs, messages, threads
from muxi.storage.blobs import Blob
from muxi.storage.transaction import Database, Tx

if TYPE_CHECKING:
    from muxi.runtime.agents import Agents


@dataclass(kw_only=True)
class Threads:
    """The threads of the project."""

    database: Database
    streams: Streams
    agents: Agents
    blobs: Blobs
    forgetting: Forgetting

    async def create(
        self,
        who: Principal,
        *,
        title: str | None = None,
        agent: str | None = None,
        labels: dict[str, JsonValue] | None = None,
        said: Sequence[Message] = (),
    ) -> Thread:
        """Begin a thread, with what was said elsewhere.

        Raises:
            NotFound: There is no such agent, or a message refers to what is not there.
        """
        if agent is not None:
            await self.agents.current(who, agent)
        thread = Thread(title=title, agent=agent, owner=who.principal or "", metadata=labels or {})
        laid, found = await self.blobs.lay_down_all(who, said)

        def create(tx: Tx) -> Thread:
            threads.create(tx, thread)
            _say(tx, thread.id, laid, found)
            return thread

        return await self.database.write(who, create)

    async def say(self, who: Principal, thread_id: str, said: Sequence[Message]) -> None:
        """Add what was said elsewhere to the end of a thread; no agent answers it.

        Raises:
            NotFound: There is no such thread, or a message refers to what is not there.
            Conflict: A run is at work or waits there.
        """
        laid, found = await self.blobs.lay_down_all(who, said)
        store = partial(_say, thread_id=thread_id, said=laid, found=found)
        await self.database.write(who, store)

    async def get(self, who: Principal, thread_id: str) -> Thread:
        """Raises `NotFound`."""
        return await self.database.read(who, partial(threads.get, thread_id=thread_id), tiny=True)

    def reading(self, thread_id: str) -> Reading:
        """How `get` reads, inside of a transaction."""
        return partial(threads.get, thread_id=thread_id)

    async def page(
        self, who: Principal, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Thread]:
        """Threads, the one with the latest activity first."""
        read = partial(threads.page, after=cursor, limit=limit)
        found = await self.database.read(who, read)
        return Page[Thread](items=list(found.items), next=found.next)

    async def rename(self, who: Principal, thread_id: str, title: str | None) -> Thread:
        """Raises `NotFound`."""

        def change(thread: Thread) -> None:
            thread.title = title

        return await self._change(who, thread_id, change)

    async def label(self, who: Principal, thread_id: str, labels: dict[str, JsonValue]) -> Thread:
        """Add to what is kept with a thread for its clients. Raises `NotFound`."""
        return await self._change(who, thread_id, lambda thread: thread.metadata.update(labels))

    async def _change(
        self, who: Principal, thread_id: str, change: Callable[[Thread], object]
    ) -> Thread:
        def store(tx: Tx) -> Thread:
            thread = threads.get(tx, thread_id)
            change(thread)
            return threads.update(tx, thread)

        return await self.database.write(who, store)

    async def delete(self, who: Principal, thread_id: str) -> None:
        """Delete a thread with its messages, runs and events, and what was drawn from it.

        Raises:
            NotFound: There is no such thread.
            Conflict: A run is at work in it.
        """
        await self.get(who, thread_id)
        if await self.streams.at_work(who, thread_id):
            raise Conflict(
                "The agent is at work in this thread.",
                hint="Cancel its run first.",
                thread_id=thread_id,
            )
        await self.forgetting.drop_thread(who, owner_for(who), thread_id)

    async def drop_messages(self, who: Principal, thread_id: str, ids: Sequence[str]) -> None:
        """Take the words out of messages, and what was drawn from them; blanks keep their places.

        Raises:
            NotFound: There is no such thread.
            Conflict: A run is at work or waits there.
        """
        await self.database.read(who, partial(_check_idle, thread_id=thread_id))
        await self.forgetting.drop_messages(who, owner_for(who), ids)

    async def messages(self, who: Principal, thread_id: str) -> list[Message]:
        """The messages from the root to the leaf, oldest first. Raises `NotFound`."""

        def read(tx: Tx) -> list[Message]:
            return messages.path_to_leaf(tx, threads.get(tx, thread_id).id)

        return await self.database.read(who, read)

    async def page_of_messages(
        self, who: Principal, thread_id: str, *, cursor: str | None = None, limit: int = 500
    ) -> Page[Message]:
        """As `messages`, in parts; whatever is said meanwhile, all pages are of the same path.

        Raises:
            NotFound: There is no such thread.
            InvalidInput: The cursor is none of this list's.
        """

        def read(tx: Tx) -> Page[Message]:
            thread = threads.get(tx, thread_id)
            found = messages.path_page(tx, thread.id, after=cursor, limit=limit)
            return Page[Message](items=list(found.items), next=found.next)

        return await self.database.read(who, read)

    async def message(self, who: Principal, message_id: str) -> Message:
        """Raises `NotFound`."""
        return await self.database.read(who, partial(messages.get, message_id=message_id))


def _say(tx: Tx, thread_id: str, said: Sequence[Message], found: Sequence[Blob]) -> None:
    parent_id = _check_idle(tx, thread_id)
    for message in said:
        message.thread_id, message.parent_id = thread_id, parent_id
        parent_id = messages.insert(tx, message).id
    for blob in found:
        blobs.add(tx, blob, holder=thread_id)


def _check_idle(tx: Tx, thread_id: str) -> str | None:
    """The thread's leaf. Raises `Conflict` if its newest exchange is not over."""
    tip = messages.tip(tx, threads.get(tx, thread_id).id)
    if tip.run_id is not None:
        raise occupied(thread_id, tip.run_id, tip.status or "running")
    return tip.leaf_id
