"""What agents remember of a user, as a client sees it. Reached as `client.memories`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from muxi.client.calls import SLOW, Call, Content, Lines, Params, read, segment
from muxi.core.forgetting import Forget, Forgotten, Imported, MemorySize, Remains, RetentionReport
from muxi.core.memories import Memory, MemoryKind, MemoryStats, Recollection
from muxi.core.pages import Page

ImportFormat = Literal["muxi", "mem0", "letta"]

_LINES = "application/x-ndjson"
_JSON = "application/json"
_BATCH = 4 << 20
"""Bytes of lines that are sent in one request."""


class Memories:
    """Search, list, add and forget memories of the client's user.

    `owner` is another memory that this user may use: `agent:NAME`, `team:NAME` or `tenant`.
    """

    def __init__(self, call: Call, lines: Lines) -> None:
        self._call = call
        self._lines = lines

    async def search(
        self, query: str, *, limit: int = 10, owner: str | None = None
    ) -> Recollection:
        """The memories that answer `query` best, best first, with what their scores are made of."""
        params = {"q": query, "limit": limit, "owner": owner}
        return read(Recollection, await self._call("GET", "/api/memories/search", params=params))

    async def page(
        self,
        *,
        kind: MemoryKind | None = None,
        thread_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        owner: str | None = None,
    ) -> Page[Memory]:
        """Memories, the newest first."""
        params = {
            "kind": kind,
            "thread_id": thread_id,
            "cursor": cursor,
            "limit": limit,
            "owner": owner,
        }
        return read(Page[Memory], await self._call("GET", "/api/memories", params=params))

    async def get(self, id: str) -> Memory:
        """Raises `NotFound`."""
        return read(Memory, await self._call("GET", f"/api/memories/{segment(id)}"))

    async def add(
        self,
        text: str,
        *,
        said_at: datetime | None = None,
        speaker: str | None = None,
        metadata: dict[str, JsonValue] | None = None,
        owner: str | None = None,
    ) -> Memory:
        """Put down a note.

        Args:
            text: What to remember.
            said_at: When it was so, if that is known.
            speaker: Who said it.
            metadata: Whatever belongs to it.
            owner: Whose memory it becomes.
        """
        body = {
            "text": text,
            "said_at": None if said_at is None else said_at.isoformat(),
            "speaker": speaker,
            "metadata": metadata or {},
            "owner": owner,
        }
        return read(Memory, await self._call("POST", "/api/memories", body=body))

    async def delete(self, id: str, *, owner: str | None = None) -> None:
        """Forget one memory with all that was made of it. Raises `NotFound`."""
        params = {"owner": owner}
        await self._call("DELETE", f"/api/memories/{segment(id)}", params=params, seconds=SLOW)

    async def forget(
        self, what: Forget, *, dry_run: bool = False, owner: str | None = None
    ) -> Forgotten:
        """Forget what is named, or only count it."""
        body = {**what.model_dump(mode="json"), "dry_run": dry_run}
        return read(Forgotten, await self._slow("forget", body, {"owner": owner}))

    async def verify(
        self,
        *,
        ids: Sequence[str] = (),
        texts: Sequence[str] = (),
        everything: bool | None = None,
        owner: str | None = None,
    ) -> Remains:
        """Look for remains of what was forgotten, wherever they could be.

        Args:
            ids: What should be gone.
            texts: Words that should be nowhere any more.
            everything: Whether nothing of the owner should be left; if neither ids nor texts are
                named, it should not.
            owner: Whose memory.
        """
        body = {"ids": list(ids), "texts": list(texts), "everything": everything}
        return read(Remains, await self._slow("verify", body, {"owner": owner}))

    async def retention(self, *, dry_run: bool = True) -> RetentionReport:
        """What retention would remove in the whole project, or let it remove that now."""
        return read(RetentionReport, await self._slow("retention", {"dry_run": dry_run}))

    async def stats(self, *, owner: str | None = None) -> MemoryStats:
        """How much is remembered, and whether all of it can be found yet."""
        params = {"owner": owner}
        return read(MemoryStats, await self._call("GET", "/api/memories/stats", params=params))

    async def size(self, *, owner: str | None = None) -> MemorySize:
        """How much room the memory takes, and how much it may."""
        params = {"owner": owner}
        return read(MemorySize, await self._call("GET", "/api/memories/size", params=params))

    async def export(self, *, owner: str | None = None) -> AsyncGenerator[str]:
        """The whole memory, as lines of JSON without their ends."""
        async for line in self._lines("/api/memories/export", params={"owner": owner}):
            yield line.decode()

    async def take_in(
        self, lines: Iterable[str], *, new_ids: bool = False, owner: str | None = None
    ) -> Imported:
        """Take in the lines of an export. What is here already stays as it is.

        Args:
            lines: With or without their ends.
            new_ids: Give everything a new id, for a second copy beside what is there.
            owner: Whose memory it becomes.
        """
        total = Imported()
        for first, batch in _batches(lines):
            params = {"first_line": first, "new_ids": str(new_ids).lower(), "owner": owner}
            answer = await self._slow("import", Content(batch, _LINES), params, again=not new_ids)
            _add(total, read(Imported, answer))
        return total

    async def take_in_file(
        self, data: bytes, format: ImportFormat, *, owner: str | None = None
    ) -> Imported:
        """Take in a file of another program."""
        params = {"format": format, "owner": owner}
        return read(Imported, await self._slow("import", Content(data, _JSON), params))

    async def _slow(
        self, what: str, body: object, params: Params | None = None, *, again: bool = True
    ) -> bytes:
        """Ask for what is the same if it is asked for twice, and may take long."""
        path = f"/api/memories/{what}"
        return await self._call("POST", path, params=params, body=body, again=again, seconds=SLOW)


def _batches(lines: Iterable[str]) -> Iterator[tuple[int, bytes]]:
    """Lines in portions of bounded size, each with the number of its first one."""
    waiting: list[bytes] = []
    size, first, number = 0, 1, 0
    for number, line in enumerate(lines, 1):
        data = line.rstrip("\r\n").encode("utf-8", "replace")
        if waiting and size + len(data) > _BATCH:
            yield first, b"\n".join(waiting)
            waiting, size, first = [], 0, number
        waiting.append(data)
        size += len(data) + 1
    if waiting:
        yield first, b"\n".join(waiting)


def _add(total: Imported, report: Imported) -> None:
    for kind, count in report.added.items():
        total.added[kind] = total.added.get(kind, 0) + count
    total.known += report.known
    total.skipped += report.skipped
    total.notes += report.notes
