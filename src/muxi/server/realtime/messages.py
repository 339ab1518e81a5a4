"""What the server answers to commands over a WebSocket. Made by `session`."""

from __future__ import annotations

from pydantic import BaseModel


class Present(BaseModel):
    """Somebody who said what they are doing in a thread."""

    user: str | None
    connection: str
    state: str


class Subscribed(BaseModel):
    """A thread is followed."""

    thread_id: str
    since: int
    present: list[Present]


class Unsubscribed(BaseModel):
    """A thread is followed no more."""

    thread_id: str
    since: int | None
    """Number of the last event that was sent; None if it was not followed."""


class Presence(BaseModel):
    """What was said of oneself."""

    thread_id: str
    state: str


class Renewed(BaseModel):
    """The connection goes on under the new credential."""

    user: str | None
    tenant: str
