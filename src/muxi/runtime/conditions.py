"""Changes that are made only if something still holds, in the transaction that makes them.

Doors set the condition, from what a client said that it has read; services know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from muxi.storage.transaction import Tx, only_if

__all__ = ["Reading", "Tx", "only_if"]

Reading = Callable[[Tx], BaseModel]
"""Reads something as it is in a transaction, in the form in which a door shows it."""
