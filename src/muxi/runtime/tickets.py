"""Tickets for the WebSocket: what a page sends in its address, as browsers let it send no header.

Made by a route for whoever is signed in, redeemed by the upgrade to a WebSocket: once, soon, and
by any process of the project. A ticket stands for the headers that its maker has shown, so that
whoever redeems it is whoever they say, and no longer than they say it.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.record import Record
from muxi.core.scope import Scope
from muxi.runtime.secrets import Secrets
from muxi.storage import tickets
from muxi.storage.records import SECOND, instant
from muxi.storage.transaction import Database

SECONDS: Final = 30
_PROJECT: Final = Scope(DEFAULT_TENANT, None)
"""Nobody knows whose a ticket is before it is unsealed."""

Shown = Mapping[bytes, bytes]
"""The headers that say who somebody is."""


class SocketTicket(Record):
    """What opens one WebSocket, once: `/ws?ticket=…`."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickets:
    """The tickets of one project that were not redeemed yet."""

    database: Database
    secrets: Secrets

    async def make(self, shown: Shown) -> SocketTicket:
        """A ticket that stands for these headers."""
        text = random.token_urlsafe(24)
        digest = _digest(text)
        sealed = await self.secrets.seal(msgspec.msgpack.encode(dict(shown)), _purpose(digest))
        add = partial(tickets.add, digest=digest, sealed=sealed, span=SECONDS * SECOND)
        until = await self.database.write(_PROJECT, add, tiny=True)
        return SocketTicket(ticket=text, expires_at=instant(until))

    async def redeem(self, text: str) -> Shown | None:
        """The headers that a ticket stands for; None if it is unknown, used or too old."""
        digest = _digest(text)
        take = partial(tickets.take, digest=digest)
        sealed = await self.database.write(_PROJECT, take, tiny=True)
        if sealed is None:
            return None
        plain = await self.secrets.unseal(sealed, _purpose(digest))
        return msgspec.msgpack.decode(plain, type=dict[bytes, bytes])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _purpose(digest: bytes) -> str:
    return f"socket ticket {digest.hex()}"
