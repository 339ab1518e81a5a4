"""Can this process do its work: asked by whoever decides whether requests are sent to it.

A probe that finds the event loop or the database stuck is told so in seconds, and not left to wait.
"""

from __future__ import annotations

import asyncio
from functools import partial

from muxi.core.errors import ServerUnavailable, StorageUnavailable
from muxi.runtime.principal import LOCAL
from muxi.storage import threads
from muxi.storage.transaction import Database, Tx

_PROBE = 0.05
"""Seconds that the loop is asked to wait, to see how late it is."""

_LATEST = 1.0
"""Seconds that it may be late."""

_PATIENCE = 8.0
"""Seconds that the database has to read and to write.

Longer than SQLite waits for a lock: who has found one held says more than who has merely waited."""


async def check_loop() -> None:
    """Raise `ServerUnavailable` if something holds up the event loop, and with it everybody."""
    loop = asyncio.get_running_loop()
    due = loop.time() + _PROBE
    await asyncio.sleep(_PROBE)
    late = loop.time() - due
    if late > _LATEST:
        raise ServerUnavailable(
            f"The event loop is held up: it was {late:.1f} s late.",
            hint="A tool or a callback of this project blocks it; let it wait, or use a thread.",
        )


async def check_database(database: Database) -> None:
    """Raise `StorageError` unless the database answers and can be written, in time."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await database.read(LOCAL, partial(threads.page, limit=1), tiny=True)
            await database.write(LOCAL, _nothing, tiny=True)
    except TimeoutError:
        raise StorageUnavailable(
            f"The database has not answered within {_PATIENCE:g} s.",
            hint="Look for who holds its locks, and at the disk.",
        ) from None


def _nothing(tx: Tx) -> None:
    """Write nothing."""
