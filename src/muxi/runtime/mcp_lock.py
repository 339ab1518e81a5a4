"""What the project trusts of its MCP servers: looked at, locked and approved by people.

Called by doors. The lock itself is `mcp.lock`; this brings the servers to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxi.core.errors import MuxiError, NotFound, summarize
from muxi.core.lock_changes import LockApproval, ServerLock

if TYPE_CHECKING:
    from muxi.mcp.lock import Lock
    from muxi.mcp.servers import Servers


@dataclass(frozen=True, slots=True)
class McpLock:
    """The lock of one project and the servers that it is about."""

    lock: Callable[[], Lock]
    """Raises `LockInvalid`."""
    servers: Callable[[], Servers]
    declared: Sequence[str]
    """Names of the servers that are declared and enabled."""

    async def states(self, *, fresh: bool = False) -> list[ServerLock]:
        """How every server stands, those that are locked and no longer declared too.

        Args:
            fresh: Whether each is asked what it offers now; one that cannot be has a `problem`.

        Raises:
            LockInvalid: The lock cannot be read.
        """
        lock = self.lock()
        names = list(dict.fromkeys([*self.declared, *lock.servers()]))
        return list(await asyncio.gather(*(self.state(name, fresh=fresh) for name in names)))

    async def state(self, name: str, *, fresh: bool = False) -> ServerLock:
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
        problem = await self._look(name) if fresh else ""
        return lock.state(name).model_copy(update={"problem": problem})

    async def trust(self, name: str) -> ServerLock:
        """Lock a server that is new, except for what is suspicious in it.

        Raises:
            NotFound: There is no such server, or it cannot be asked what it offers.
            Conflict: It is locked already.
            LockInvalid: The lock cannot be read or written.
        """
        await self._known(name)
        self.lock().trust(name)
        return self._changed(name)

    async def approve(self, name: str, approval: LockApproval) -> ServerLock:
        """Take changes of a server into the lock, and let agents use them.

        Raises:
            NotFound: There is no such server or change, or it cannot be asked what it offers.
            Conflict: What is offered is not what was seen, or can never be approved.
            LockInvalid: The lock cannot be read or written.
        """
        await self._known(name)
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

    async def _known(self, name: str) -> None:
        state = await self.state(name)
        if state.seen:
            return
        if problem := await self._look(name):
            raise NotFound(f"What {name} offers cannot be seen: {problem}")

    async def _look(self, name: str) -> str:
        """Ask a server what it offers now; gives what went wrong, in words."""
        try:
            await self.servers().connection(name).relist()
        except MuxiError as error:
            return summarize(error)
        return ""

    def _changed(self, name: str) -> ServerLock:
        state = self.lock().state(name)
        held_back = sum(change.change != "removed" for change in state.changes)
        self.servers().readmit(name, held_back)
        return state
