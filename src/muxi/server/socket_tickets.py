"""The route that makes tickets for the WebSocket. Part of the API."""

from __future__ import annotations

from muxi.runtime.tickets import SocketTicket
from muxi.server.asking import shown_in
from muxi.server.operations import AnyOperation, Call, Nothing, Operation


async def make_ticket(call: Call[Nothing, Nothing]) -> SocketTicket:
    return await call.runtime.tickets.make(shown_in(call.headers))


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
)
