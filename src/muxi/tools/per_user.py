"""Something that each user has of their own, such as connections: never shared, closed when idle.

Used by `personal`, and by `mcp` for servers that each user is signed in to.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from muxi.core.ports import Context

T = TypeVar("T")

MOST: Final = 256
"""Users whose things are kept at the same time, unless more of them are in use."""
IDLE: Final = 600.0
"""Seconds without use after which a user's are closed."""


class User(NamedTuple):
    """Whose it is. Ids of users are unique only inside of a tenant."""

    tenant: str
    id: str

    @classmethod
    def of(cls, ctx: Context) -> User:
        """The user of a run."""
        return cls(ctx.tenant, ctx.user)


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    used: float
    """When it was last used, by the loop's clock."""
    uses: int = 0
    """How many use it now."""


class PerUser(Generic[T]):
    """One of a thing for each user.

    Args:
        make: Makes it for a user.
        close: Closes what is not needed any more.
        most: How many are kept.
        idle: Seconds after which an unused one is closed.
    """

    def __init__(
        self,
        make: Callable[[User], T],
        close: Callable[[T], Awaitable[None]],
        *,
        most: int = MOST,
        idle: float = IDLE,
    ) -> None:
        self._make = make
        self._close = close
        self._most = most
        self._idle = idle
        self._kept: OrderedDict[User, _Kept[T]] = OrderedDict()
        """The one that was used last is the last."""
        self._sweeper: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def values(self) -> list[T]:
        """What users have now."""
        return [kept.value for kept in self._kept.values()]

    @contextmanager
    def using(self, user: User) -> Generator[T]:
        """A user's own, which is not closed meanwhile."""
        kept = self._kept.get(user)
        if kept is None:
            kept = self._kept[user] = _Kept(self._make(user), 0.0)
        self._kept.move_to_end(user)
        kept.uses += 1
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="idle users")
        try:
            yield kept.value
        finally:
            kept.uses -= 1
            kept.used = asyncio.get_running_loop().time()

    async def drop(self, user: User) -> None:
        """Close what a user has, whoever uses it."""
        kept = self._kept.pop(user, None)
        if kept is not None:
            await self._close(kept.value)

    async def close(self) -> None:
        """Close everything."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        for user in list(self._kept):
            await self.drop(user)

    async def _sweep(self) -> None:
        """Close what nobody has used for a while, until nothing is left."""
        while self._kept:
            now = asyncio.get_running_loop().time()
            idle = [user for user, kept in self._kept.items() if not kept.uses]
            over = max(0, len(self._kept) - self._most)
            for at, user in enumerate(idle):
                kept = self._kept.get(user)
                if kept is None or kept.uses:
                    continue
                if at < over or now - kept.used >= self._idle:
                    await self.drop(user)
            await asyncio.sleep(min(self._idle / 4, 15.0))
