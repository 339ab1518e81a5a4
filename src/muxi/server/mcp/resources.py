"""Conversations, documents, memories and facts as resources. Part of what muxi offers.

What can be listed comes in pages, one kind after the other; each can be read by its address, which
the templates describe. Everything is that of the user who asks.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, cast
from urllib.parse import quote, unquote, urlsplit

import mcp_types as types

from muxi.core.documents import Document
from muxi.core.errors import NotFound
from muxi.core.events import FINAL_STATUSES, MessageCompleted, RunCompleted, RunSuspended
from muxi.core.messages import AnyPart, Message, TextPart, ToolCallPart, ToolResultPart
from muxi.runtime.build import Runtime
from muxi.runtime.feed import EventReader, Feed
from muxi.runtime.principal import owner_for
from muxi.server.mcp.call import Call
from muxi.server.mcp.paging import opened, sealed, unknown
from muxi.server.mcp.surface import Need, ResourceContents

Listed = tuple[list[types.Resource], str | None]

_PAGE: Final = 50
_LONGEST: Final = 1_000_000
"""Characters of one resource; what is longer is cut, and says so."""
_MOST_FACTS: Final = 5_000
_MARKDOWN: Final = "text/markdown"
_JSON: Final = "application/json"
_LONGEST_NAME: Final = 80


def uri_of(kind: str, name: str) -> str:
    """The address of one thing."""
    return f"muxi://{kind}/{quote(name, safe='')}"


class Resources:
    """What can be read."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        offers = runtime.project.server.mcp
        self._lists: list[tuple[str, Callable[[str | None, Call], Awaitable[Listed]]]] = []
        self._readers: dict[str, Callable[[str, Call], Awaitable[tuple[str, str]]]] = {}
        self._templates: list[types.ResourceTemplate] = []
        if offers.memory:
            self._offer("facts", "path", "What is known of the user at a dotted path.", _JSON)
            self._lists.append(("facts", self._facts))
            self._readers["facts"] = self._read_facts
        if offers.threads:
            self._offer("threads", "thread_id", "A conversation, oldest message first.", _MARKDOWN)
            self._lists.append(("threads", self._threads))
            self._readers["threads"] = self._read_thread
        if offers.knowledge:
            self._offer("documents", "document_id", "What a document says.", _MARKDOWN)
            self._lists.append(("documents", self._documents))
            self._readers["documents"] = self._read_document
        if offers.memory:
            self._offer("memories", "memory_id", "One memory and where it came from.", _JSON)
            self._lists.append(("memories", self._memories))
            self._readers["memories"] = self._read_memory

    async def page(self, cursor: str | None, call: Call) -> Listed:
        """One page of all that can be listed.

        Raises:
            InvalidInput: There is no page of that cursor.
        """
        if not self._lists:
            return [], None
        number, inner = self._place(cursor)
        found: list[types.Resource] = []
        while len(found) < _PAGE:
            kind, page = self._lists[number]
            if await self._may_read(kind, call):
                listed, inner = await page(inner, call)
                found += listed
            number += inner is None
            if number == len(self._lists):
                return found, None
        return found, sealed([number, inner])

    @property
    def templates(self) -> Sequence[types.ResourceTemplate]:
        """Addresses with a hole in them."""
        return self._templates

    async def read(self, uri: str, call: Call) -> Sequence[ResourceContents]:
        """What lies at an address. Raises `NotFound`."""
        kind, name = _parsed(uri)
        reader = self._readers.get(kind)
        if reader is None:
            raise NotFound(f"There is no resource {uri[:200]}.")
        await self._require(kind, call)
        text, media_type = await reader(name, call)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}\n\n[cut after {_LONGEST} characters]"
        return [types.TextResourceContents(uri=uri, text=text, mime_type=media_type)]

    async def watch(self, uri: str, call: Call) -> AsyncGenerator[None]:
        """Yields each time when a conversation has gone on. Raises `NotFound`."""
        kind, thread_id = _parsed(uri)
        if kind != "threads" or kind not in self._readers:
            raise NotFound(f"Nobody is told of changes of {uri[:200]}.")
        await self._require(kind, call)
        await self._runtime.threads.get(call.who, thread_id)
        runs = await self._runtime.runs.page(call.who, thread_id=thread_id, limit=1)
        last = runs.items[0] if runs.items else None
        since = 0 if last is None else last.first_seq - 1
        known = last.id if last is not None and last.status in FINAL_STATUSES else None
        feed = self._runtime.streams.follow_thread(call.who, thread_id, since=since)
        return _changes(feed, known)

    async def _may_read(self, kind: str, call: Call) -> bool:
        return await self._runtime.guard.allows(call.caller, *_need(kind, call))

    async def _require(self, kind: str, call: Call) -> None:
        await self._runtime.guard.require(call.caller, *_need(kind, call))

    def _offer(self, kind: str, hole: str, description: str, media_type: str) -> None:
        self._templates.append(
            types.ResourceTemplate(
                name=kind,
                title=kind.capitalize(),
                uri_template=f"muxi://{kind}/{{{hole}}}",
                description=description,
                mime_type=media_type,
            )
        )

    def _place(self, cursor: str | None) -> tuple[int, str | None]:
        if cursor is None:
            return 0, None
        place = opened(cursor)
        if not isinstance(place, list) or len(place) != 2:
            raise unknown()
        number, inner = place
        if not isinstance(number, int) or not 0 <= number < len(self._lists):
            raise unknown()
        if not isinstance(inner, str | None):
            raise unknown()
        return number, inner

    async def _facts(self, cursor: str | None, call: Call) -> Listed:
        found = types.Resource(
            name="facts",
            title="Facts about the user",
            uri=uri_of("facts", ""),
            description="Everything that is known of the user now, as nested JSON.",
            mime_type=_JSON,
        )
        return [found], None

    async def _threads(self, cursor: str | None, call: Call) -> Listed:
        page = await self._runtime.threads.page(call.who, cursor=cursor, limit=_PAGE)
        found = [
            types.Resource(
                name=each.id,
                title=each.title or "Untitled conversation",
                uri=uri_of("threads", each.id),
                description="A conversation with an agent.",
                mime_type=_MARKDOWN,
                annotations=types.Annotations(last_modified=each.updated_at.isoformat()),
            )
            for each in page.items
        ]
        return found, page.next

    async def _documents(self, cursor: str | None, call: Call) -> Listed:
        page = await self._runtime.knowledge.page(call.who, cursor=cursor, limit=_PAGE)
        found = [
            types.Resource(
                name=each.name,
                uri=uri_of("documents", each.id),
                description="A folder of documents." if each.kind == "folder" else "A document.",
                mime_type=_MARKDOWN,
            )
            for each in page.items
        ]
        return found, page.next

    async def _memories(self, cursor: str | None, call: Call) -> Listed:
        mine = owner_for(call.who)
        page = await self._runtime.memories.page(call.who, mine, cursor=cursor, limit=_PAGE)
        found = [
            types.Resource(
                name=each.id,
                title=" ".join(each.text[: 2 * _LONGEST_NAME].split())[:_LONGEST_NAME],
                uri=uri_of("memories", each.id),
                description="A note." if each.kind == "note" else "What was said once.",
                mime_type=_JSON,
            )
            for each in page.items
        ]
        return found, page.next

    async def _read_facts(self, path: str, call: Call) -> tuple[str, str]:
        tree = await self._runtime.facts.tree(
            call.who, owner_for(call.who), path=path, most=_MOST_FACTS
        )
        return json.dumps(tree, ensure_ascii=False, indent=2), _JSON

    async def _read_thread(self, thread_id: str, call: Call) -> tuple[str, str]:
        thread = await self._runtime.threads.get(call.who, thread_id)
        messages = await self._runtime.threads.messages(call.who, thread_id)
        told = [f"# {thread.title or 'Untitled conversation'}", *map(_told, messages)]
        return "\n\n".join(told), _MARKDOWN

    async def _read_document(self, document_id: str, call: Call) -> tuple[str, str]:
        document = await self._runtime.knowledge.get(call.who, document_id)
        if document.kind == "folder":
            return await self._folder(document, call), _MARKDOWN
        pieces = await self._runtime.knowledge.pieces(call.who, document_id)
        return "\n\n".join([f"# {document.name}", *(each.text for each in pieces)]), _MARKDOWN

    async def _folder(self, folder: Document, call: Call) -> str:
        page = await self._runtime.knowledge.page(call.who, folder=folder.id, limit=500)
        lines = [f"- [{each.name}]({uri_of('documents', each.id)})" for each in page.items]
        return "\n".join([f"# {folder.name}", "", *lines, *(["- …"] if page.next else [])])

    async def _read_memory(self, memory_id: str, call: Call) -> tuple[str, str]:
        memory = await self._runtime.memories.get(call.who, memory_id)
        shown = memory.model_dump(mode="json", exclude_none=True, exclude={"hash", "information"})
        return json.dumps(shown, ensure_ascii=False, indent=2), _JSON


def _need(kind: str, call: Call) -> Need:
    """What the reader of a resource of this kind must be allowed to do."""
    if kind == "documents":
        return "knowledge.read", None
    return f"{kind}.read", None if kind == "threads" else owner_for(call.who)


async def _changes(feed: Feed, known: str | None) -> AsyncGenerator[None]:
    """One for each message and each end of a run that is not known."""
    async with EventReader(feed) as events:
        async for event in events:
            told = isinstance(event, MessageCompleted | RunCompleted | RunSuspended)
            if told and event.run_id != known:
                yield


def _parsed(uri: str) -> tuple[str, str]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", ""
    if parts.scheme != "muxi" or parts.query or parts.fragment:
        return "", ""
    return parts.netloc, unquote(parts.path.removeprefix("/"))


def _told(message: Message) -> str:
    who = message.author or message.role
    return "\n\n".join([f"## {who}", *filter(None, map(_words, message.parts))])


def _words(part: AnyPart) -> str:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, ToolCallPart):
        return f"[calls {part.name} with {json.dumps(part.arguments, ensure_ascii=False)}]"
    if isinstance(part, ToolResultPart):
        return f"[{part.name}: {part.text}]"
    name = cast("str | None", getattr(part, "name", None))
    return f"[{part.type}{f' {name}' if name else ''}]"
