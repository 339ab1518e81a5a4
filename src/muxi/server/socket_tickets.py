"""The WebSocket as part of the API: tickets for it, and what its address says to other requests.

Requests for a WebSocket themselves never come here: `upgrades` takes them before.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from muxi.core.errors import InvalidInput
from muxi.runtime.tickets import SocketTicket
from muxi.server.asking import shown_in
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.problems import Refused
from muxi.server.realtime.commands import COMMANDS

_ABOUT: Final = """\
Asked with `Upgrade: websocket` (RFC 6455). Browsers elsewhere, which can send no header with it,
name a ticket of `POST /api/socket-tickets`.

Both sides say JSON objects with a `type`, one in each text frame, of at most 256 KiB from the
client. `x-messages` has the client's. Each is answered by its `id`:
`{"type": "reply", "id": …, "result": …}`, or `{"type": "error", "id": …, "problem": …}` with
`ProblemDetails`. The server greets with `ready`, tells events of each thread that is followed as
`{"type": "event", "thread_id": …, "event": …}`, `presence` of others there, `unsubscribed` where no
more events come, and `closing` before it stops. It closes with 4401 when the credential is no good
any more, with 4403 when threads may not be read any more, and with 1012 when it stops.
"""


class SocketQuery(Strict):
    ticket: str | None = Field(None, max_length=200)
    """In place of a header that says who asks."""


async def make_ticket(call: Call[Nothing, Nothing]) -> SocketTicket:
    return await call.runtime.tickets.make(shown_in(call.headers))


async def open_socket(_: Call[Nothing, SocketQuery]) -> SocketTicket:
    error = InvalidInput("A WebSocket is here.", hint="Ask with `Upgrade: websocket`.")
    raise Refused(426, error, ((b"upgrade", b"websocket"), (b"connection", b"upgrade")))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/socket-tickets",
        summary="Make a ticket that opens one WebSocket at /ws, within half a minute",
        handler=make_ticket,
        action="threads.read",
        answer=SocketTicket,
        status=201,
        tag="events",
    ),
    Operation(
        method="GET",
        path="/ws",
        summary="Open a WebSocket: events of many threads, and what is said in them",
        about=_ABOUT,
        handler=open_socket,
        action="threads.read",
        query=SocketQuery,
        messages={name: kind.model for name, kind in COMMANDS.items()},
        status=101,
        tag="events",
    ),
)
