"""What the project trusts of its MCP servers: looked at, locked and approved by people.

Called by doors. The lock itself is `mcp.lock`; this brings the servers to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxi.core.errors import MuxiError, NotFound, summarize
from muxi.core.lock_changes import LockApproval, ServerLock
from muxi.runtime.principal import Principal

if TYPE_CHECKING:
    from muxi.mcp.lock import Lock
    from muxi.mcp.servers import Servers


@dataclass(frozen=True, slots=True)
class McpLock:
    """The lock of one project and the servers that it is about."""

    lock: Callable[[], Lock]
    """Raises `LockInvalid`."""
    servers: Callable[[str, Principal], AbstractAsyncContextManager[Servers]]
    """The servers of somebody among which one is. Raises `CredentialMissing`."""
    readmit: Callable[[str, int], None]
    """Hears that something of a server was approved, and how much is still held back."""
    declared: Sequence[str]
    """Names of the servers that are declared and enabled."""

    async def states(self, who: Principal, *, fresh: bool = False) -> list[ServerLock]:
        """How every server stands, those that are locked and no longer declared too.

        Args:
            who: Who asks, with whose credentials servers are asked.
            fresh: Whether each is asked what it offers now; one that cannot be has a `problem`.

        Raises:
            LockInvalid: The lock cannot be read.
        """
        lock = self.lock()
        names = list(dict.fromkeys([*self.declared, *lock.servers()]))
        return list(await asyncio.gather(*(self.state(name, who, fresh=fresh) for name in names)))

    async def state(self, name: str, who: Principal, *, fresh: bool = False) -> ServerLock:
        """How one server stands.

        Raises:
            NotFound: There is no such server, nor is it locked.
            LockInvalid: The lock cannot be read.
        """
        lock = self.lock()
        if name not in self.declared:
            if name not in lock.servers():
                there = ", ".join(self.declared) or "none"
                raise NotFound(f"There is no MCP server {name[:64]}.", hint=f"There is: {there}.")
            return lock.state(name).model_copy(update={"declared": False})
        problem = await self._look(name, who) if fresh else ""
        return lock.state(name).model_copy(update={"problem": problem})

    async def trust(self, name: str, who: Principal) -> ServerLock:
        """Lock a server that is new, except for what is suspicious in it.

        Raises:
            NotFound: There is no such server, or it cannot be asked what it offers.
            Conflict: It is locked already.
            LockInvalid: The lock cannot be read or written.
        """
        await self._known(name, who)
        self.lock().trust(name)
        return self._changed(name)

    async def approve(self, name: str, approval: LockApproval, who: Principal) -> ServerLock:
        """Take changes of a server into the lock, and let agents use them.

        Raises:
            NotFound: There is no such server or change, or it cannot be asked what it offers.
            Conflict: What is offered is not what was seen, or can never be approved.
            LockInvalid: The lock cannot be read or written.
        """
        await self._known(name, who)
        self.lock().approve(name, approval.name, seen=approval.seen)
        return self._changed(name)

    async def forget(self, name: str) -> None:
        """Take a server out of the lock.

        Raises:
            NotFound: It is not locked.
            LockInvalid: The lock cannot be read or written.
        """
        lock = self.lock()
        if name not in lock.servers():
            raise NotFound(f"{name[:64]} is not locked.")
        lock.forget(name)

    async def _known(self, name: str, who: Principal) -> None:
        state = await self.state(name, who)
        if state.seen:
            return
        if problem := await self._look(name, who):
            raise NotFound(f"What {name} offers cannot be seen: {problem}")

    async def _look(self, name: str, who: Principal) -> str:
        """Ask a server what it offers now; gives what went wrong, in words."""
        try:
            async with self.servers(name, who) as servers:
                await servers.connection(name).relist()
        except MuxiError as error:
            return summarize(error)
        return ""

    def _changed(self, name: str) -> ServerLock:
        state = self.lock().state(name)
        held_back = sum(change.change != "removed" for change in state.changes)
        self.readmit(name, held_back)
        return state
