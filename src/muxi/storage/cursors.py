"""Cursors: how far a background worker has followed the feed of its tenant. Called by `memory`."""

from __future__ import annotations

from muxi.storage.records import column
from muxi.storage.sql import cursors as sql
from muxi.storage.transaction import Tx


def get(tx: Tx, name: str) -> str | None:
    """Where the worker of that name stands; None if it has not begun."""
    row = tx.row(sql.GET, name=column(name))
    return None if row is None else str(row[0])


def set(tx: Tx, name: str, cursor: str | None) -> None:  # noqa: A001 -- callers read `cursors.set`
    """Remember where the worker stands; with None, that it begins anew."""
    if cursor is None:
        tx.run(sql.DELETE, name=column(name))
    else:
        tx.run(sql.SET, name=column(name), cursor=column(cursor), updated_at=tx.now())
