"""The store of this room: changes go through it, so that nothing of them is kept elsewhere.

Used by the services of this room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from muxi.core.scope import Scope
from muxi.identity.callers import Callers
from muxi.storage.transaction import Database, Tx

T = TypeVar("T")


class Directory:
    """The users, groups and credentials of all tenants."""

    def __init__(self, database: Database, callers: Callers) -> None:
        self.callers = callers
        self._database = database

    async def read(self, tenant: str, fn: Callable[[Tx], T]) -> T:
        """What `fn` finds in a tenant."""
        return await self._database.read(Scope(tenant, None), fn, tiny=True)

    async def change(self, tenant: str, fn: Callable[[Tx], T]) -> T:
        """Change something in a tenant, and let what is kept of it be looked up again.

        A caller that is cancelled does not undo the change, nor what follows from it.
        """
        task = asyncio.ensure_future(self._database.write(Scope(tenant, None), fn))
        task.add_done_callback(lambda _: self.callers.forget(tenant))
        return await asyncio.shield(task)

    async def tenants(self) -> list[str]:
        """The ids of all tenants, in order."""
        return sorted(await self._database.tenants("identity"))
