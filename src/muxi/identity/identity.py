"""Everything of this room in one hand. Made by `runtime`, as `runtime.identity`."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from muxi.config.identity_settings import IdentitySettings
from muxi.core.caller import DEFAULT_TENANT, LOCAL_CALLER, LOCAL_USER
from muxi.core.errors import StorageError
from muxi.core.identities import User
from muxi.core.record import now
from muxi.identity.allowances import SharedAllowances
from muxi.identity.attempts import Attempts
from muxi.identity.callers import Callers
from muxi.identity.directory import Directory
from muxi.identity.keys import Keys
from muxi.identity.passwords import Passwords
from muxi.identity.sessions import Sessions
from muxi.identity.tenants import Tenants
from muxi.identity.users import Users
from muxi.storage import users
from muxi.storage.records import DAY
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger(__name__)
_NOTE_EVERY: Final = 60.0
"""Seconds."""


class Identity:
    """Who uses the project.

    Args:
        database: Where that is kept.
        settings: How they sign in.
    """

    def __init__(self, database: Database, settings: IdentitySettings) -> None:
        self.callers = Callers(database, idle=settings.sessions.idle_days * DAY)
        self.directory = Directory(database, self.callers)
        passwords = Passwords(length=settings.passwords.length)
        self.tenants = Tenants(self.directory)
        self.users = Users(self.directory, passwords)
        self.keys = Keys(self.directory, days=settings.keys.days)
        self._attempts = Attempts(database)
        self.sessions = Sessions(
            self.directory,
            passwords,
            self._attempts,
            days=settings.sessions.days,
            with_passwords=settings.passwords.enabled,
        )
        self.allowances = None if database.dialect == "sqlite" else SharedAllowances(database)
        """How much has been asked of all processes; None where there is but one."""
        self._noting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See to it that the person at this machine is a user, and keep notes of what is used."""
        if not await self.directory.read(DEFAULT_TENANT, _is_settled):
            await self.directory.change(DEFAULT_TENANT, _settle)
        self._noting = asyncio.create_task(self._note())

    async def close(self) -> None:
        """Store what is not stored yet."""
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.wait([self._noting])
            await self.callers.note_uses()
        if self.allowances is not None:
            await self.allowances.close()

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            try:
                await self.callers.note_uses()
                await self._attempts.sweep()
                if self.allowances is not None:
                    await self.allowances.sweep()
            except StorageError as error:
                _log.warning("When keys were used could not be stored: %s", error.message)


def _is_settled(tx: Tx) -> bool:
    return users.find(tx, LOCAL_USER) is not None


def _settle(tx: Tx) -> None:
    local = User(id=LOCAL_USER, roles=sorted(LOCAL_CALLER.roles), created_at=now())
    users.ensure(tx, local)
