"""Memories put into a database without anything else at work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from muxi.core.memories import Memory
from muxi.memory.writing import remember
from muxi.storage.transaction import Database, Scope


async def remember_turns(
    database: Database, who: Scope, owner: str, turns: Sequence[Memory]
) -> list[Memory]:
    """Store what was said, and give what of it is new."""
    return await database.write(who, partial(remember, owner=owner, turns=turns))
