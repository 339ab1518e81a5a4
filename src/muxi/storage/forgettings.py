"""Forgettings: what was begun to be forgotten, so that it ends whole after a crash.

Called by `memory.forgetting`. A row names ids and numbers, never content. When it is done, what it
says of its owner is a digest: whoever knows the owner can tell that it was forgotten, and when.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from muxi.core.ids import new_id
from muxi.storage.records import column
from muxi.storage.sql import forgettings as sql
from muxi.storage.transaction import Tx

What = dict[str, Any]
"""Ids of what is to go, as JSON."""


PURGE = "purge"
"""Kind of a forgetting of which only the files of the database are to be purged yet."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A forgetting that is not whole yet."""

    id: str
    owner: str
    what: What


def begin(tx: Tx, owner: str, what: What) -> Begun:
    """Note that it is begun; from here on it is gone through with, whatever happens."""
    begun = Begun(new_id("fgt"), column(owner), what)
    tx.run(
        sql.INSERT,
        id=begun.id,
        owner=begun.owner,
        what=json.dumps(what),
        state="started",
        created_at=tx.now(),
        done_at=None,
    )
    return begun


def unfinished(tx: Tx) -> list[Begun]:
    """Those that were begun and are not whole, the oldest first."""
    return [Begun(row[0], row[1], json.loads(row[2])) for row in tx.rows(sql.OPEN)]


def change(tx: Tx, begun: Begun) -> None:
    """Store what it knows now of what is to go."""
    tx.run(sql.CHANGE, id=begun.id, what=json.dumps(begun.what))


def seal(tx: Tx, begun: Begun) -> Begun:
    """All of it is erased: from here on the row names nobody, and only the files are to be purged.

    Of what it named, numbers are kept.
    """
    what = {
        "kind": PURGE,
        "of": begun.what.get("kind", ""),
        "counts": begun.what.get("counts", {}),
    }
    sealed = Begun(begun.id, digest(tx.scope.tenant, begun.owner), what)
    _store(tx, sealed, state="started", done_at=None)
    return sealed


def finish(tx: Tx, sealed: Begun) -> None:
    """Note that it is whole."""
    _store(tx, sealed, state="done", done_at=tx.now())


def _store(tx: Tx, begun: Begun, *, state: str, done_at: int | None) -> None:
    tx.run(
        sql.FINISH,
        id=begun.id,
        owner=begun.owner,
        what=json.dumps(begun.what),
        state=state,
        done_at=done_at,
    )


def drop_old(tx: Tx, before: int) -> int:
    """Drop what is known of forgettings that were whole before an instant, in microseconds."""
    return tx.run(sql.DROP_OLD, before=before)


def digest(tenant: str, owner: str) -> str:
    """What stands for an owner that was forgotten."""
    named = "\0".join((tenant, owner)).encode()
    return f"forgotten:{hashlib.sha256(named).hexdigest()[:32]}"
