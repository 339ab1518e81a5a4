"""What one socket has said and follows: carries its commands out, one after the other.

Made by `hub` for a caller who was identified. Each command asks anew whether the credential is
good, so that nobody does anything with one that was revoked.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Final, Protocol

from pydantic import BaseModel, ValidationError

from muxi.core.caller import Caller
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.json_shapes import is_object
from muxi.core.threads import Run
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.runtime.tickets import Shown
from muxi.server.access import Access
from muxi.server.operations import NOTHING, AnyOperation, Call, perform
from muxi.server.problems import Refused, invalid, problem_for
from muxi.server.realtime.channel import Channel, Subscription
from muxi.server.realtime.commands import (
    CANCEL,
    RESOLVE,
    START,
    Approve,
    Cancel,
    Command,
    Renew,
    Send,
    SetPresence,
    Subscribe,
    Unsubscribe,
    kind_of,
)
from muxi.server.realtime.line import FORBIDDEN, MAX_MESSAGE, SIGNED_OUT, Line
from muxi.server.realtime.messages import Presence, Present, Renewed, Subscribed, Unsubscribed
from muxi.server.realtime.packets import message, packet
from muxi.wire.json_text import read_json

MAX_THREADS: Final = 1_000
"""Threads that one socket may follow."""
_MOST_WAITING: Final = 32
"""Commands that may wait for the one before them; then the socket is not read."""

_READ: Final = "threads.read"


class Surroundings(Protocol):
    """What sessions share."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def access(self) -> Access: ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""
        ...

    async def identify(self, shown: Shown, line: Line) -> Caller:
        """Who somebody is now, by the headers that they showed.

        Raises:
            Refused: The credential is not good.
            AccessDenied: They may not act for the user whom they name.
        """
        ...

    async def channel(self, who: Principal, thread_id: str) -> Channel:
        """The live end of a thread that `who` may see."""
        ...


class Session:
    """One socket's caller, threads and commands.

    Args:
        hub: Where all sockets meet.
        line: The socket.
        caller: Who speaks.
        shown: The headers that say so.
    """

    __slots__ = ("_caller", "_hub", "_inbox", "_line", "_shown", "_threads", "_working")

    def __init__(self, hub: Surroundings, line: Line, caller: Caller, shown: Shown) -> None:
        self._hub = hub
        self._line = line
        self._caller = caller
        self._shown = shown
        self._threads: dict[str, Subscription] = {}
        self._inbox: deque[str] = deque()
        self._working = False

    @property
    def tenant(self) -> str:
        """The caller's."""
        return self._caller.tenant

    def begin(self) -> None:
        """Greet."""
        self._line.write(
            message(
                "ready",
                connection=self._line.id,
                user=self._caller.subject,
                tenant=self._caller.tenant,
                max_message=MAX_MESSAGE,
                max_threads=MAX_THREADS,
            )
        )

    def hear(self, text: str) -> None:
        """Take a message; they are carried out in their order."""
        self._inbox.append(text)
        if len(self._inbox) >= _MOST_WAITING:
            self._line.transport.pause_reading()
        if not self._working:
            self._working = True
            self._hub.spawn(self._work())

    def hold(self) -> None:
        """The socket takes no more for now."""
        for subscription in self._threads.values():
            subscription.hold()

    def go_on(self) -> None:
        """The socket takes more again."""
        for subscription in self._threads.values():
            subscription.go_on()

    def end(self) -> None:
        """The socket is gone."""
        self._inbox.clear()
        for subscription in self._threads.values():
            subscription.end()
        self._threads.clear()

    def dropped(self, thread_id: str) -> None:
        """A thread has no further events here: tell where to resume."""
        self._line.write(message("unsubscribed", **self.unsubscribe(thread_id).model_dump()))

    def farewell(self) -> None:
        """Tell where to resume, as the server ends."""
        places = {name: each.place for name, each in self._threads.items()}
        self._line.write(message("closing", reason="restart", threads=places))

    async def recheck(self) -> bool:
        """Whether the caller may still have the socket, which is closed if not."""
        try:
            self._caller = await self._hub.identify(self._shown, self._line)
            await self._hub.runtime.guard.require(self._caller, _READ)
        except Refused:
            self._line.close(SIGNED_OUT, "The credential is not good any more.")
        except AccessDenied:
            self._line.close(FORBIDDEN, "You may not follow threads any more.")
        else:
            return True
        return False

    async def subscribe(self, thread_id: str, *, since: int) -> Subscribed:
        """Follow a thread after an event; raises `NotFound` and `InvalidInput`."""
        who = self._caller.scope
        await self._hub.runtime.threads.get(who, thread_id)
        known = self._threads.pop(thread_id, None)
        if known is not None:
            known.end()
        if len(self._threads) >= MAX_THREADS:
            raise InvalidInput(f"One socket follows at most {MAX_THREADS} threads.")
        channel = await self._hub.channel(who, thread_id)
        subscription = Subscription(self._line, channel, who, since=since)
        present = [Present.model_validate(each) for each in channel.present()]
        channel.add(subscription)
        if self._line.transport.is_closing():
            subscription.end()
        else:
            self._threads[thread_id] = subscription
            subscription.go_on()
        return Subscribed(thread_id=thread_id, since=since, present=present)

    def unsubscribe(self, thread_id: str) -> Unsubscribed:
        """Follow a thread no more."""
        subscription = self._threads.pop(thread_id, None)
        since = None
        if subscription is not None:
            since = subscription.place
            subscription.end()
        return Unsubscribed(thread_id=thread_id, since=since)

    def set_presence(self, thread_id: str, state: str) -> Presence:
        """Tell the others who follow a thread; raises `InvalidInput`."""
        subscription = self._threads.get(thread_id)
        if subscription is None:
            raise InvalidInput("Presence is told in threads that the socket follows.")
        subscription.channel.show_presence(subscription, state)
        return Presence(thread_id=thread_id, state=state)

    async def _ask(
        self, operation: AnyOperation, path: Mapping[str, str], body: BaseModel
    ) -> BaseModel:
        """What an operation of the API answers; raises what it raises."""
        runtime = self._hub.runtime
        call: Call[Any, Any] = Call(
            runtime=runtime,
            access=self._hub.access,
            caller=self._caller,
            path=path,
            body=body,
            query=NOTHING,
            headers=self._shown,
            scheme=self._line.way.scheme,
            address=self._line.way.client[0] if self._line.way.client else "",
            pieces=_no_pieces,
        )
        answer = await perform(operation, call)
        assert isinstance(answer, BaseModel)
        return answer

    async def renew(self, *, token: str | None, ticket: str | None) -> Renewed:
        """Go on under another credential of the same user; raises `Refused`, `InvalidInput`."""
        shown: Shown | None = {b"authorization": f"Bearer {token}".encode()}
        if ticket is not None:
            shown = await self._hub.runtime.tickets.redeem(ticket)
        if shown is None:
            raise InvalidInput("This ticket is used up or too old.")
        kept = {name: value for name, value in self._shown.items() if name not in _CREDENTIALS}
        shown = {**kept, **shown}
        caller = await self._hub.identify(shown, self._line)
        if (caller.tenant, caller.subject) != (self._caller.tenant, self._caller.subject):
            raise InvalidInput("A connection stays with its user: open another for this one.")
        self._caller, self._shown = caller, shown
        return Renewed(user=caller.subject, tenant=caller.tenant)

    async def _work(self) -> None:
        try:
            while self._inbox:
                text = self._inbox.popleft()
                await self._carry_out(text)
                if len(self._inbox) == _MOST_WAITING - 1:
                    self._line.transport.resume_reading()
        finally:
            self._working = False

    async def _carry_out(self, text: str) -> None:
        number: int | str | None = None
        try:
            value = _read(text)
            if is_object(value):
                given = value.get("id")
                number = given if isinstance(given, int | str) else None
            kind = kind_of(value)
            command: Command = kind.model.model_validate(value)
            if kind.action is not None:
                if not await self.recheck():
                    return
                await self._hub.access.rates.admit(self._caller)
                await self._hub.runtime.guard.require(self._caller, kind.action)
            answer = await self._answer(command)
        except ValidationError as error:
            self._complain(number, invalid(error))
        except Exception as error:  # noqa: BLE001 -- the boundary of a command: whatever it raises is answered
            self._complain(number, error)
        else:
            told = "null" if answer is None else answer.model_dump_json()
            self._line.write(
                packet(f'{{"type":"reply","id":{json.dumps(number)},"result":{told}}}')
            )

    async def _answer(self, command: Command) -> BaseModel | None:
        match command:
            case Subscribe():
                return await self.subscribe(command.thread_id, since=command.since)
            case Unsubscribe():
                return self.unsubscribe(command.thread_id)
            case Send():
                return await self._send(command)
            case Approve():
                path = {"id": command.approval_id}
                return await self._ask(RESOLVE, path, command.decision)
            case Cancel():
                return await self._ask(CANCEL, {"id": command.run_id}, NOTHING)
            case SetPresence():
                return self.set_presence(command.thread_id, command.state)
            case Renew():
                return await self.renew(token=command.token, ticket=command.ticket)
            case _:
                # A ping: that it is answered is the answer.
                return None

    async def _send(self, command: Send) -> BaseModel:
        run = await self._ask(START, {}, command.run)
        if command.subscribe and isinstance(run, Run) and run.thread_id not in self._threads:
            await self.subscribe(run.thread_id, since=max(0, run.first_seq - 1))
        return run

    def _complain(self, number: int | str | None, error: Exception) -> None:
        problem = problem_for(error)
        self._line.write(message("error", id=number, problem=problem.model_dump(exclude_none=True)))


_CREDENTIALS: Final = (b"authorization", b"cookie")


async def _no_pieces() -> AsyncIterator[bytes]:
    """A command has no body beside itself."""
    for piece in ():
        yield piece


def _read(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError as error:
        raise InvalidInput(f"The message is not JSON: {error}.") from None
