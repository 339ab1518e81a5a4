"""Where all sockets of a server meet: admits them, looks after them, and joins them to threads.

Made with the first request for a WebSocket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from muxi.core.caller import Caller
from muxi.core.errors import InvalidInput, NotFound
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.runtime.tickets import Shown
from muxi.server.access import Access
from muxi.server.asking import Asked, caller_of, shown_in
from muxi.server.problems import Refused
from muxi.server.realtime.channel import Channel
from muxi.server.realtime.line import Line, Way
from muxi.server.realtime.session import Session

PATH: Final = "/ws"
_SLOTS: Final = 15
_PAUSE: Final = 1.0
"""Seconds between two looks, each at one of so many parts of the sockets."""
_METHOD: Final = "WEBSOCKET"
"""To `Access`: much can be done by an upgrade, so a cookie must come from our own page."""


class Hub:
    """All sockets and the threads that they follow."""

    def __init__(self, runtime: Runtime, access: Access, *, proxies: Sequence[str]) -> None:
        self.runtime = runtime
        self.access = access
        self._channels: dict[tuple[str, str], Channel] = {}
        self._slots: list[set[Line]] = [set() for _ in range(_SLOTS)]
        self._proxies = ProxyHeadersMiddleware(_nothing, list(proxies)) if proxies else None
        self._round = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        runtime.identity.callers.on_change.append(self._changed)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def admit(self, line: Line, target: str, headers: Shown) -> Session:
        """What a request for a WebSocket is given; raises what the request is refused with."""
        path = urlsplit(target)
        if path.path != PATH:
            raise NotFound(f"There is no WebSocket at {path.path[:200]}.", hint=f"It is at {PATH}.")
        self.runtime.runs.check_open()
        line.way = await self._seen_through_proxies(line.way, headers)
        self.access.check_address(headers, line.way.server, line.way.scheme)
        shown = shown_in(headers)
        ticket = parse_qs(path.query).get("ticket")
        if ticket is not None:
            redeemed = await self.runtime.tickets.redeem(ticket[0])
            if redeemed is None:
                client = line.way.client
                self.access.rates.admit_stranger(client[0] if client else "")
                raise Refused(401, InvalidInput("This ticket is used up or too old."))
            shown = redeemed
        caller = await self.identify(shown, line)
        await self.access.rates.admit(caller)
        await self.runtime.guard.require(caller, "threads.read")
        return Session(self, line, caller, shown)

    async def identify(self, shown: Shown, line: Line) -> Caller:
        """See `Surroundings`."""
        way = line.way
        asked = Asked(_METHOD, list(shown.items()), shown, way.server, way.client, way.scheme)
        return await caller_of(self.runtime, self.access, asked)

    def add(self, line: Line) -> None:
        """Look after a socket."""
        line.slot = min(range(_SLOTS), key=lambda slot: len(self._slots[slot]))
        self._slots[line.slot].add(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._look)

    def forget(self, line: Line) -> None:
        """A socket is gone."""
        known = self._slots[line.slot]
        if line in known:
            known.discard(line)
            line.session.end()

    async def channel(self, who: Principal, thread_id: str) -> Channel:
        """The live end of a thread that `who` may see."""
        key = (who.tenant, thread_id)
        if key not in self._channels:
            streams = self.runtime.streams
            head = await streams.head(who, thread_id)
            if key not in self._channels:
                self._channels[key] = Channel(
                    streams,
                    streams.follow_thread(who, thread_id, since=head),
                    sent=head,
                    gather=self.runtime.project.server.events.gather,
                    over=partial(self._forget_channel, key),
                )
        return self._channels[key]

    async def _seen_through_proxies(self, way: Way, headers: Shown) -> Way:
        """What a proxy that was declared says of whom it speaks for, as for any request."""
        if self._proxies is None:
            return way
        scope: Any = {
            "type": "websocket",
            "client": way.client,
            "scheme": way.scheme,
            "headers": list(headers.items()),
        }
        await self._proxies(scope, _nothing, _nothing)  # pyright: ignore[reportArgumentType] -- nothing is received or sent
        return Way(way.server, scope["client"], scope["scheme"])

    def _forget_channel(self, key: tuple[str, str]) -> None:
        self._channels.pop(key, None)

    def _look(self) -> None:
        self._timer = None
        if not any(self._slots):
            return
        self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._look)
        self._round = (self._round + 1) % _SLOTS
        due = self._slots[self._round]
        for line in list(due):
            line.look()
        if due:
            self.spawn(_recheck(due))

    def _changed(self, tenant: str) -> None:
        """Somebody or something of a tenant is not what it was."""
        concerned = {line for slot in self._slots for line in slot if line.session.tenant == tenant}
        if concerned:
            self.spawn(_recheck(concerned))


async def _nothing(*_: object) -> None:
    """In the place of an application."""


async def _recheck(lines: set[Line]) -> None:
    for line in list(lines):
        if not line.transport.is_closing():
            await line.session.recheck()
