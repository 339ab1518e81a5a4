"""Tells clients that a resource or a list has changed. Used by `handlers`.

In the older era a client subscribes to resources on its session, and is told on the stream that
belongs to it, of the lists that it has read too; in the newer one it listens, by a request whose
answer is the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Final

import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourceUpdated,
    ServerEvent,
    SubscriptionBus,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from muxi.core.caller import Caller
from muxi.core.errors import NotFound
from muxi.server.mcp.call import Call, Context, connection_of
from muxi.server.mcp.surface import Surface

_MOST: Final = 100
"""Resources that one session or one listener may watch."""
_STATE: Final = "muxi.watched"
_FOLLOWS: Final = "muxi.follows_lists"
_LISTS: Final = (ToolsListChanged, PromptsListChanged)


class Watching:
    """Both ways of being told."""

    def __init__(self, surface: Surface, who: Callable[[Context], Caller]) -> None:
        self._surface = surface
        self._who = who
        self._listeners: set[ListenHandler] = set()

    async def subscribe(
        self, ctx: Context, params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        """Tell this session of changes of a resource, until it ends or says otherwise."""
        watched = _watched(connection_of(ctx))
        if params.uri in watched:
            return types.EmptyResult()
        if len(watched) >= _MOST:
            raise MCPError(types.INVALID_PARAMS, f"A session may watch {_MOST} resources.")
        try:
            changes = await self._surface.watch(params.uri, Call(ctx, self._who(ctx)))
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, error.message, {"uri": params.uri}) from None
        watched[params.uri] = asyncio.create_task(_tell(ctx, params.uri, changes))
        return types.EmptyResult()

    async def unsubscribe(
        self, ctx: Context, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        """Tell this session no more."""
        task = _watched(connection_of(ctx)).pop(params.uri, None)
        if task is not None:
            await _end(task)
        return types.EmptyResult()

    def follow_lists(self, ctx: Context) -> None:
        """Tell a session of the older era, which reads a list, when lists change."""
        connection = connection_of(ctx)
        bus = self._surface.changed
        if bus is None or ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return
        if connection.state.setdefault(_FOLLOWS, ctx) is not ctx:
            return
        # A list that changes twice before it is told has changed.
        news: dict[type[ServerEvent], None] = {}
        wake = asyncio.Event()

        def noted(event: ServerEvent) -> None:
            if isinstance(event, _LISTS):
                news[type(event)] = None
                wake.set()

        task = asyncio.create_task(_tell_lists(ctx, news, wake))
        connection.exit_stack.push_async_callback(_end, task)
        connection.exit_stack.callback(bus.subscribe(noted))

    async def listen(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Tell of changes in the answer to this request, which lasts until the client leaves."""
        bus = InMemorySubscriptionBus()
        handler = ListenHandler(_Both(bus, self._surface.changed))
        async with AsyncExitStack() as open_watches:
            found: list[str] = []
            for uri in (params.notifications.resource_subscriptions or [])[:_MOST]:
                try:
                    changes = await self._surface.watch(uri, Call(ctx, self._who(ctx)))
                except NotFound:
                    # What is not acknowledged is not watched; the client sees that.
                    continue
                task = asyncio.create_task(_publish(bus, uri, changes))
                open_watches.push_async_callback(_end, task)
                found.append(uri)
            wanted = params.notifications.model_copy(update={"resource_subscriptions": found})
            self._listeners.add(handler)
            open_watches.callback(self._listeners.discard, handler)
            return await handler(ctx, params.model_copy(update={"notifications": wanted}))

    def close(self) -> None:
        """End what listeners are told, in the way that tells them so."""
        for handler in list(self._listeners):
            handler.close()


class _Both:
    """What one listener watches, and the lists that are everybody's."""

    def __init__(self, own: SubscriptionBus, shared: SubscriptionBus | None) -> None:
        self._buses = [own] if shared is None else [own, shared]

    async def publish(self, event: ServerEvent) -> None:
        """To this listener alone."""
        await self._buses[0].publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """See `SubscriptionBus`."""
        leave = [bus.subscribe(listener) for bus in self._buses]

        def unsubscribe() -> None:
            for each in leave:
                each()

        return unsubscribe


def _watched(connection: Connection) -> dict[str, asyncio.Task[None]]:
    """What a session watches; it ends with the session."""
    if _STATE not in connection.state:
        tasks: dict[str, asyncio.Task[None]] = {}
        connection.state[_STATE] = tasks
        connection.exit_stack.push_async_callback(_end_all, tasks)
    return connection.state[_STATE]


async def _tell(ctx: Context, uri: str, changes: AsyncGenerator[None]) -> None:
    async with aclosing(changes):
        async for _ in changes:
            await ctx.session.send_resource_updated(uri)


async def _tell_lists(
    ctx: Context, news: dict[type[ServerEvent], None], wake: asyncio.Event
) -> None:
    while True:
        await wake.wait()
        wake.clear()
        for kind in list(news):
            del news[kind]
            if kind is ToolsListChanged:
                await ctx.session.send_tool_list_changed()
            else:
                await ctx.session.send_prompt_list_changed()


async def _publish(bus: InMemorySubscriptionBus, uri: str, changes: AsyncGenerator[None]) -> None:
    async with aclosing(changes):
        async for _ in changes:
            await bus.publish(ResourceUpdated(uri))


async def _end_all(tasks: dict[str, asyncio.Task[None]]) -> None:
    for task in tasks.values():
        await _end(task)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
