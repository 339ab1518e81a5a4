"""What references to items mean: what was said under those ids. Used by requests for responses."""

from __future__ import annotations

from collections.abc import Iterable

from muxi.core.errors import NotFound
from muxi.core.messages import Message
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.wire.responses.body import Item, ReferenceItem
from muxi.wire.responses.thread_items import told_of

_CALLS = ("fc", "fco")
"""Prefixes of the ids of calls of the client and of their results."""

_SILENT = ("rs", "mcp")
"""Prefixes of the ids of items that say nothing: the server keeps what its models want back."""


async def referred_by(
    runtime: Runtime, who: Principal, items: Iterable[Item]
) -> dict[str, Message]:
    """What the references among items mean: messages of just the parts of those items.

    Raises:
        NotFound: There is no such item, or it was not stored.
    """
    found: dict[str, Message] = {}
    for item in items:
        if isinstance(item, ReferenceItem) and item.id.partition("_")[0] not in _SILENT:
            found[item.id] = await _referred(runtime, who, item.id)
    return found


async def _referred(runtime: Runtime, who: Principal, item_id: str) -> Message:
    for message in await _messages_around(runtime, who, item_id):
        for told in told_of([message], lambda _message, _name: True):
            if told.id == item_id:
                return Message(role=message.role, parts=[*told.parts])
    raise NotFound(
        f"There is no item {item_id[:100]}.",
        hint="Send the item itself: what was not stored cannot be referred to.",
        param="input",
    )


async def _messages_around(runtime: Runtime, who: Principal, item_id: str) -> list[Message]:
    """The messages in which an item of this id may be told."""
    prefix, _, rest = item_id.partition("_")
    try:
        if prefix == "msg":
            return [await runtime.threads.message(who, item_id)]
        asked = await runtime.client_calls.find(who, f"call_{rest}") if prefix in _CALLS else None
        run = None if asked is None else await runtime.runs.get(who, asked.run_id)
    except NotFound:
        return []
    return [] if run is None else await runtime.transcripts.said(who, run)
