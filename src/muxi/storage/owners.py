"""Whose rows a transaction may touch. Called first by every store function that takes an owner.

A scope with a principal may name that user and whatever is no user's. PostgreSQL enforces the same
by row-level security; here it is an error on both databases, before any statement is run.
"""

from __future__ import annotations

from collections.abc import Iterable

from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.owners import checked
from muxi.storage.records import column
from muxi.storage.transaction import Tx

LONGEST = 1024
"""Bytes of an owner: it stands in keys, of which PostgreSQL takes 2,700 bytes in all."""


def owned(tx: Tx, owner: str) -> str:
    """The owner as it stands in rows.

    Raises:
        InvalidInput: It is no owner, or is too long.
        AccessDenied: It is another user than the scope's.
    """
    name = column(checked(owner))
    if len(name.encode()) > LONGEST:
        raise InvalidInput(f"The id of an owner is longer than {LONGEST} bytes.")
    principal = tx.scope.principal
    if name.startswith("user:") and principal not in (None, "", name.removeprefix("user:")):
        raise AccessDenied("This is the memory of another user.")
    return name


def readable(tx: Tx, owners: Iterable[str]) -> list[str]:
    """As `owned`, for several, each once."""
    return list(dict.fromkeys(owned(tx, owner) for owner in owners))
