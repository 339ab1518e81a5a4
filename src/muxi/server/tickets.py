"""Tickets for the WebSocket: what a page sends in its address, as browsers let it send no header.

Made by a route for whoever is signed in, redeemed by the upgrade to a WebSocket, once and soon.
They are kept in memory: a page whose ticket was lost in a restart asks for another.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from muxi.core.record import Record
from muxi.core.users import TENANT_HEADER, USER_HEADER

SECONDS: Final = 30
_MOST: Final = 100_000
_SHOWN: Final = (
    b"authorization",
    b"cookie",
    b"host",
    b"origin",
    b"sec-fetch-site",
    TENANT_HEADER.lower().encode(),
    USER_HEADER.lower().encode(),
)

Shown = Mapping[bytes, bytes]
"""The headers that say who somebody is."""


class SocketTicket(Record):
    """What opens one WebSocket, once: `/ws?ticket=…`."""

    ticket: str
    expires_at: datetime


class Tickets:
    """The tickets that were not redeemed yet, by digest."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[float, Shown]] = {}

    def make(self, shown: Shown) -> SocketTicket:
        """A ticket that stands for these headers."""
        now = time.monotonic()
        self._forget(now)
        text = secrets.token_urlsafe(24)
        self._open[_digest(text)] = now + SECONDS, shown
        return SocketTicket(ticket=text, expires_at=datetime.now(UTC) + timedelta(seconds=SECONDS))

    def redeem(self, text: str) -> Shown | None:
        """The headers that a ticket stands for; None if it is unknown, used or too old."""
        end, shown = self._open.pop(_digest(text), (0.0, None))
        return shown if end > time.monotonic() else None

    def _forget(self, now: float) -> None:
        """Those that are too old, which are the first ones, and the oldest of far too many."""
        for digest in list(self._open):
            if self._open[digest][0] > now and len(self._open) < _MOST:
                break
            del self._open[digest]


def shown_in(headers: Shown) -> Shown:
    """What of a request's headers says who makes it."""
    return {name: headers[name] for name in _SHOWN if name in headers}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
