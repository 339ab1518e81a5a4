"""Begin a run and follow it to its end, with Ctrl-C as a request to stop it.

Used by `run` and by the chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from muxi.cli.interrupts import heard_by
from muxi.core.errors import MuxiError
from muxi.core.events import ApprovalRequested, Event, RunCompleted, RunSuspended

Last = RunCompleted | RunSuspended | ApprovalRequested

if TYPE_CHECKING:
    from muxi.client.client import Client
    from muxi.core.threads import Run

_LAST_WORD = 0.5
"""Seconds for a request to stop to reach its server before the command leaves."""


async def begin(client: Client, start: Awaitable[Run]) -> Run:
    """The run that `start` begins. A Ctrl-C meanwhile stops it, as nobody would follow it."""
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(MuxiError):
            await client.cancel((await starting).id)
        raise


async def follow(
    client: Client,
    run_id: str,
    *,
    since: int = 0,
    show: Callable[[Event], None],
    stopping: Callable[[], None] | None = None,
) -> Last | None:
    """Show the events of a run until it ends, waits for a person, or a call of it asks one in its
    middle; returns that last event.

    The first Ctrl-C asks the server to cancel the run and calls `stopping`; the run then still
    tells its end. A second one leaves at once, with None.
    """
    reading = asyncio.create_task(_read(client, run_id, since, show))
    cancelling: list[asyncio.Task[object]] = []

    def interrupt() -> None:
        if cancelling:
            reading.cancel()
            return
        if stopping is not None:
            stopping()
        cancelling.append(asyncio.create_task(client.cancel(run_id)))

    try:
        with heard_by(interrupt):
            return await reading
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # A Ctrl-C from just before this began to listen.
            with suppress(MuxiError):
                await client.cancel(run_id)
            raise
        return None
    finally:
        for task in cancelling:
            if reading.cancelled():
                await asyncio.wait([task], timeout=_LAST_WORD)
                task.cancel()
            # The run may have ended by itself in the meantime.
            with suppress(MuxiError, asyncio.CancelledError):
                await task
        reading.cancel()


async def _read(
    client: Client, run_id: str, since: int, show: Callable[[Event], None]
) -> Last | None:
    async for event in client.events(run_id, since=since):
        show(event)
        if isinstance(event, RunCompleted | RunSuspended):
            return event
        if isinstance(event, ApprovalRequested) and event.approval.live:
            return event
    return None
