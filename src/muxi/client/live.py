"""Many threads over one WebSocket, across connections that break. Reached as `client.live()`.

Events come each once and in order, whatever happens to the connection; what was said and not
answered is said again on the next one, and a run is never begun twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self

import aiohttp

from muxi.client.backoff import Backoff
from muxi.client.calls import Call
from muxi.client.errors import reported_error
from muxi.core.errors import AccessDenied, Conflict, MuxiError, NotFound, ServerUnavailable
from muxi.core.events import ApprovalDecision, Event, Gap, parse_event
from muxi.core.ids import new_id
from muxi.core.messages import AnyPart
from muxi.core.threads import Run

Opener = Callable[[str | None], AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]]
"""Opens the connection, with another token than the client's if one is given."""

_MOST: Final = 10_000
"""Events of a thread that wait to be read; then the socket is read no further."""
_REFUSED: Final = (4401, 4403)
_AGAIN: Final = "again:"
"""What the number of a command begins with that follows a thread once more."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What somebody is doing in a thread."""

    thread_id: str
    user: str
    connection: str
    state: str
    """As they say it; `gone` when they have left."""


@dataclass(slots=True)
class _Thread:
    since: int
    events: asyncio.Queue[Event | MuxiError] = field(
        default_factory=lambda: asyncio.Queue[Event | MuxiError](_MOST)
    )


class Live:
    """One WebSocket; use it as `async with client.live() as live:`.

    Args:
        opener: Opens a connection.
        call: Makes a request beside.
        patience: Seconds without a connection after which to give up.
        on_presence: Told what others do in the threads that are followed.
    """

    def __init__(
        self,
        opener: Opener,
        call: Call,
        *,
        patience: float = 30.0,
        on_presence: Callable[[Presence], None] | None = None,
    ) -> None:
        self._opener = opener
        self._call = call
        self._patience = patience
        self._on_presence = on_presence
        self._threads: dict[str, _Thread] = {}
        self._states: dict[str, str] = {}
        self._open: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._numbers = count(1)
        self._token: str | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._error: MuxiError | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        waiting = asyncio.create_task(self._connected.wait())
        await asyncio.wait((waiting, self._task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._error is not None:
            raise self._error
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def follow(self, thread_id: str, *, since: int = 0) -> AsyncGenerator[Event]:
        """The events of a thread after number `since`, without end.

        A `Gap` among them says that events were left out: read the thread anew then.

        Raises:
            NotFound: There is no such thread.
            ServerUnavailable: There was no connection for too long.
        """
        if thread_id in self._threads:
            raise Conflict("This thread is followed already.", thread_id=thread_id)
        thread = self._threads[thread_id] = _Thread(since)
        try:
            await self._say("subscribe", thread_id=thread_id, since=since)
            while True:
                event = await thread.events.get()
                if isinstance(event, MuxiError):
                    raise event
                yield event
        finally:
            self._threads.pop(thread_id, None)
            self._states.pop(thread_id, None)
            while not thread.events.empty():
                # The socket may be read no further before there is room.
                thread.events.get_nowait()
            if self._error is None and self._socket is not None:
                await self._tell("unsubscribe", thread_id=thread_id)

    async def send(
        self,
        input: str | Sequence[AnyPart],
        *,
        thread_id: str | None = None,
        agent: str | None = None,
        parent_id: str | None = None,
    ) -> Run:
        """Say something: begins a run, in a new thread if none is given."""
        content = (
            input
            if isinstance(input, str)
            else [part.model_dump(mode="json", exclude_none=True) for part in input]
        )
        run = {
            "id": new_id("run"),
            "input": content,
            "thread_id": thread_id,
            "agent": agent,
            "parent_id": parent_id,
        }
        given = {name: value for name, value in run.items() if value is not None}
        return Run.model_validate(await self._say("send", run=given, subscribe=False))

    async def approve(self, approval_id: str, decision: ApprovalDecision) -> Run:
        """Answer a question; the run goes on once none of its questions is open."""
        told = decision.model_dump(mode="json", exclude_none=True)
        answer = await self._say("approve", approval_id=approval_id, decision=told)
        return Run.model_validate(answer)

    async def cancel(self, run_id: str) -> Run:
        """Stop a run; what it has said is kept."""
        return Run.model_validate(await self._say("cancel", run_id=run_id))

    async def set_presence(self, thread_id: str, state: str) -> None:
        """Tell the others who follow a thread what the user is doing."""
        await self._say("presence", thread_id=thread_id, state=state)
        self._states[thread_id] = state

    async def ping(self) -> None:
        """Return when the server has answered."""
        await self._say("ping")

    async def renew(self, token: str) -> None:
        """Go on under another credential of the same user, on this connection.

        Raises:
            AccessDenied: It is not good.
            InvalidInput: It belongs to somebody else.
        """
        await self._say("renew", token=token)
        self._token = token

    async def _say(self, kind: str, **members: Any) -> Any:
        """The answer to a command, on this connection or on the next."""
        if self._error is not None:
            raise self._error
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        text = json.dumps({"type": kind, "id": number, **members})
        self._open[number] = text, answer
        try:
            if self._socket is not None:
                with suppress(ConnectionError, aiohttp.ClientError):
                    # If it breaks, it is said again.
                    await self._socket.send_str(text)
            return await answer
        finally:
            del self._open[number]

    async def _tell(self, kind: str, **members: Any) -> None:
        """Say what needs no answer."""
        if self._socket is not None:
            with suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.send_str(json.dumps({"type": kind, **members}))

    async def _follow_again(self, thread_id: str) -> None:
        since = self._threads[thread_id].since
        await self._tell("subscribe", id=_AGAIN + thread_id, thread_id=thread_id, since=since)

    async def _run(self) -> None:
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        try:
            while True:
                try:
                    async with self._opener(self._token) as socket:
                        await self._listen(socket, backoff)
                    deadline = loop.time() + self._patience
                except ServerUnavailable:
                    if self._socket is not None:
                        deadline = loop.time() + self._patience
                    elif loop.time() > deadline:
                        raise
                finally:
                    self._socket = None
                    self._connected.clear()
                await asyncio.sleep(backoff.next())
        except MuxiError as error:
            self._fail(error)
        finally:
            self._fail(self._error or ServerUnavailable("The connection was closed."))

    def _fail(self, error: MuxiError) -> None:
        self._error = error
        for _, answer in self._open.values():
            if not answer.done():
                answer.set_exception(error)
        for thread in self._threads.values():
            while thread.events.full():
                thread.events.get_nowait()
            thread.events.put_nowait(error)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, backoff: Backoff) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            told: dict[str, Any] = json.loads(message.data)
            if told["type"] == "event":
                await self._take(told["thread_id"], message.data)
            elif told["type"] == "ready":
                backoff.succeeded()
                self._socket = socket
                self._connected.set()
                await self._resume()
            else:
                await self._hear(told)
        if socket.close_code in _REFUSED:
            raise AccessDenied("The credential is not good any more.")

    async def _resume(self) -> None:
        """Follow again what was followed, and say again what was not answered."""
        for number, (text, answer) in list(self._open.items()):
            await self._repeat(number, text, answer)
        said = {json.loads(text).get("thread_id") for text, _ in self._open.values()}
        for thread_id in self._threads.keys() - said:
            await self._follow_again(thread_id)
        for thread_id, state in self._states.items():
            await self._tell("presence", thread_id=thread_id, state=state)

    async def _repeat(self, number: int, text: str, answer: asyncio.Future[Any]) -> None:
        command = json.loads(text)
        if command["type"] == "send":
            with suppress(NotFound):
                known = await self._call("GET", f"/api/runs/{command['run']['id']}")
                if not answer.done():
                    answer.set_result(json.loads(known))
                return
        if self._socket is not None:
            await self._socket.send_str(text)

    async def _take(self, thread_id: str, text: str) -> None:
        thread = self._threads.get(thread_id)
        if thread is None:
            return
        # What stands between the envelope's braces is the event as SSE tells it.
        event = parse_event(text[text.index('"event":', 1) + len('"event":') : -1])
        if isinstance(event, Gap) or event.seq > thread.since:
            thread.since = max(thread.since, event.seq)
            await thread.events.put(event)

    async def _hear(self, told: Mapping[str, Any]) -> None:
        kind = told["type"]
        if kind in ("reply", "error"):
            self._answer(told)
        elif kind == "presence" and self._on_presence is not None:
            members = ("thread_id", "user", "connection", "state")
            self._on_presence(Presence(**{name: told[name] for name in members}))
        elif kind == "unsubscribed" and told["thread_id"] in self._threads:
            await self._follow_again(told["thread_id"])

    def _answer(self, told: Mapping[str, Any]) -> None:
        number = told.get("id")
        error: MuxiError | None = None
        if told["type"] == "error":
            problem = told["problem"]
            error = reported_error(problem["status"], json.dumps(problem).encode())
        if isinstance(number, str) and error is not None:
            thread = self._threads.get(number.removeprefix(_AGAIN))
            if thread is not None and not thread.events.full():
                thread.events.put_nowait(error)
        elif isinstance(number, int) and number in self._open:
            answer = self._open[number][1]
            if answer.done():
                return
            if error is None:
                answer.set_result(told["result"])
            else:
                answer.set_exception(error)
