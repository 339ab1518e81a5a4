"""Changes that are made only if something still holds, in the transaction that makes them.

Doors set the condition, from what a client said that it has read; services know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from muxi.storage.transaction import Tx, only_if

__all__ = ["LockedReading", "Reading", "Tx", "only_if"]

Reading = Callable[[Tx], BaseModel]
"""Reads something as it is in a transaction, in the form in which a door shows it."""


@dataclass(frozen=True, slots=True)
class LockedReading:
    """A `Reading` of what is changed under a lock only, which it takes first."""

    lock: Callable[[Tx], None]
    read: Reading

    def __call__(self, tx: Tx) -> BaseModel:
        self.lock(tx)
        return self.read(tx)
