"""The protocol with one server: which revision, what it offers, what it pushes.

Used by `connection`. Two eras are spoken: the handshake up to 2025-11-25, and 2026-07-28, which has
none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import mcp_types as types
from mcp import Client
from mcp.client.session import ClientRequestContext
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from muxi.core.errors import ToolFailed
from muxi.core.questions import Answer, Question
from muxi.core.version import __version__
from muxi.mcp.content import plain
from muxi.mcp.log import ServerLog
from muxi.mcp.questions import question_of, result_of
from muxi.mcp.surface import Definition, Surface
from muxi.mcp.target import Wire

_MOST_PAGES: Final = 200
_MOST_DEFINITIONS: Final = 5_000
_CHANGES: Final = (
    types.ToolListChangedNotification,
    types.PromptListChangedNotification,
    types.ResourceListChangedNotification,
)
_LISTEN_AGAIN: Final = 5.0
"""Seconds after a stream of announcements was lost."""


class Hearing(Protocol):
    """Who hears what a server says of its own accord."""

    log: ServerLog

    def changed(self) -> None:
        """It offers other things than before."""
        ...

    async def ask(self, question: Question) -> Answer | None:
        """It asks a person; None if nobody can be meant."""
        ...


def client_of(wire: Wire, *, protocol: str, extensions: Sequence[Any], hearing: Hearing) -> Client:
    """A client of the SDK for a server, not connected yet."""

    async def asked(
        context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        question = question_of(params)
        answer = await hearing.ask(question)
        if answer is None:
            words = "Nobody can be asked: no call is under way, or calls of several users are."
            return types.ErrorData(code=types.INVALID_REQUEST, message=words)
        return result_of(answer, question)

    async def said(params: types.LoggingMessageNotificationParams) -> None:
        words = params.data if isinstance(params.data, str) else repr(params.data)
        hearing.log.write(f"{params.level}: {words}", source=params.logger or "log")

    async def heard(message: Any) -> None:
        if isinstance(message, _CHANGES):
            hearing.changed()

    return Client(
        wire.transport,
        mode=protocol,
        client_info=types.Implementation(name="muxi", version=__version__, title="muxi"),
        elicitation_callback=asked,
        logging_callback=said,
        message_handler=heard,
        extensions=extensions or None,
        cache=None,
    )


async def surface_of(client: Client) -> Surface:
    """What the server offers now.

    Raises:
        ToolFailed: Its lists have no end, or are not what the protocol says.
    """
    able = client.server_capabilities
    info = client.server_info
    try:
        tools, prompts, templates = await asyncio.gather(
            _all(client.list_tools if able.tools else None, "tools"),
            _all(client.list_prompts if able.prompts else None, "prompts"),
            _all(client.list_resource_templates if able.resources else None, "resource_templates"),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ToolFailed(f"what it lists is not MCP: {place}: {first['msg']}") from None
    return Surface(
        name=(info.title or info.name) if info else "",
        version=info.version if info else "",
        instructions=client.instructions or "",
        tools=tools,
        prompts=prompts,
        resource_templates=templates,
    )


async def _all(listing: Callable[..., Awaitable[Any]] | None, key: str) -> tuple[Definition, ...]:
    """All pages of a list, if there is one."""
    found: list[Definition] = []
    cursor: str | None = None
    if listing is None:
        return ()
    for _ in range(_MOST_PAGES):
        try:
            page = await listing(cursor=cursor)
        except MCPError as error:
            if error.code == types.METHOD_NOT_FOUND and not found:
                # It declares the capability, but has no such list.
                return ()
            raise
        found += [plain(each) for each in getattr(page, key)]
        if len(found) > _MOST_DEFINITIONS:
            raise ToolFailed(f"it lists more than {_MOST_DEFINITIONS:,} {key.replace('_', ' ')}")
        if page.next_cursor is None or page.next_cursor == cursor:
            return tuple(found)
        cursor = page.next_cursor
    raise ToolFailed(f"its list of {key.replace('_', ' ')} has no end")


def is_modern(client: Client) -> bool:
    """Whether the revision without a handshake is spoken."""
    return client.protocol_version in MODERN_PROTOCOL_VERSIONS


async def probe(client: Client) -> None:
    """Return when the server has shown that it is well; any answer will do."""
    with suppress(MCPError):
        if is_modern(client):
            await client.session.send_discover(client.protocol_version)
        else:
            await client.session.send_ping()


async def listening(client: Client, changed: Callable[[], None]) -> None:
    """Hear of changes in the newer era, where they come by a stream that must be asked for."""
    if not is_modern(client):
        return
    able = client.server_capabilities
    tools = bool(able.tools and able.tools.list_changed)
    prompts = bool(able.prompts and able.prompts.list_changed)
    while tools or prompts:
        try:
            async with client.listen(
                tools_list_changed=tools, prompts_list_changed=prompts
            ) as news:
                async for _ in news:
                    changed()
        except ListenNotSupportedError:
            return
        except (MCPError, SubscriptionLost, TimeoutError):
            # What was announced meanwhile is not told again.
            await asyncio.sleep(_LISTEN_AGAIN)
            changed()
