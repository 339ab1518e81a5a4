"""What a client may say over a WebSocket. Read by `session`.

A command that exists as an operation of the API is that operation: the same types, the same
permission, the same handler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_object
from muxi.core.messages import Text
from muxi.runtime.requests import RunRequest
from muxi.server.operations import Strict
from muxi.server.runs import OPERATIONS, Decision

_MOST_SECONDS: Final = 2**53


class Command(Strict):
    """What every message of a client may have."""

    type: str
    id: int | Annotated[str, Field(max_length=64)] | None = None
    """Told again in the answer; the client's own."""


class Subscribe(Command):
    thread_id: Text = Field(max_length=100)
    since: int = Field(0, ge=0, le=_MOST_SECONDS)
    """Number of the last event that the client has."""


class Unsubscribe(Command):
    thread_id: Text = Field(max_length=100)


class Send(Command):
    run: RunRequest
    subscribe: bool = True
    """Whether to follow the thread from the run's first event on, unless it is followed already."""


class Approve(Command):
    approval_id: Text = Field(max_length=100)
    decision: Decision


class Cancel(Command):
    run_id: Text = Field(max_length=100)


class SetPresence(Command):
    thread_id: Text = Field(max_length=100)
    state: Text = Field(min_length=1, max_length=40)


class Renew(Command):
    token: str | None = Field(None, max_length=16_384)
    ticket: str | None = Field(None, max_length=200)

    @model_validator(mode="after")
    def _one(self) -> Renew:
        if (self.token is None) == (self.ticket is None):
            raise ValueError("name a token or a ticket")
        return self


class Ping(Command):
    pass


START, CANCEL, RESOLVE = (
    next(each for each in OPERATIONS if (each.method, each.path) == ("POST", path))
    for path in ("/api/runs", "/api/runs/{id}/cancel", "/api/approvals/{id}")
)
"""What three of the commands are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of command."""

    model: type[Command]
    action: str | None
    """What the client must be allowed to do; None for what concerns the connection alone."""


COMMANDS: Final[dict[str, Kind]] = {
    "subscribe": Kind(Subscribe, "threads.read"),
    "unsubscribe": Kind(Unsubscribe, None),
    "send": Kind(Send, START.action),
    "approve": Kind(Approve, RESOLVE.action),
    "cancel": Kind(Cancel, CANCEL.action),
    "presence": Kind(SetPresence, "threads.read"),
    "renew": Kind(Renew, None),
    "ping": Kind(Ping, None),
}


def kind_of(value: Any) -> Kind:
    """The kind of a message.

    Raises:
        InvalidInput: It is none.
    """
    kind = value.get("type") if is_object(value) else None
    if not isinstance(kind, str) or kind not in COMMANDS:
        raise InvalidInput(
            "A message is an object whose `type` is a command.",
            hint=f"There are {', '.join(COMMANDS)}.",
        )
    return COMMANDS[kind]
