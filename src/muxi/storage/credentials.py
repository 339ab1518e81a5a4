"""Keys, sessions and links to sign in: digests of what users show. Called by `identity`.

Whoever changes or removes one bumps the tenant's revision in the same transaction; to add one or
to note its use changes nothing that others keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic_core import from_json, to_json

from muxi.core.errors import NotFound
from muxi.storage import tenants
from muxi.storage.records import Page, column, cursor, place
from muxi.storage.sql import credentials as sql
from muxi.storage.transaction import Row, Tx

Kind = Literal["key", "session", "link"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A credential. Instants are microseconds since 1970."""

    id: str
    kind: Kind
    user: str
    digest: bytes
    """SHA-256 of its secret, which has enough random bits that it need not be slow."""
    created_at: int
    expires_at: int | None
    used_at: int | None = None
    scopes: list[str] | None = None
    """What it is good for; None for whatever its user may do."""
    about: dict[str, str] = field(default_factory=dict[str, str])
    """What else is told of it."""


def add(tx: Tx, new: Stored) -> Stored:
    """Store a new credential."""
    tx.run(
        sql.ADD,
        id=new.id,
        kind=new.kind,
        user_id=column(new.user),
        digest=new.digest,
        created_at=new.created_at,
        expires_at=new.expires_at,
        used_at=new.used_at,
        record=_record(new),
    )
    return new


def find(tx: Tx, id: str) -> Stored | None:
    """The credential of that id."""
    row = tx.row(sql.GET, id=column(id))
    return None if row is None else _stored(row)


def get(tx: Tx, kind: Kind, id: str) -> Stored:
    """Raises `NotFound`."""
    found = find(tx, id)
    if found is None or found.kind != kind:
        raise NotFound(f"There is no {kind} {id}.", id=id)
    return found


def page(
    tx: Tx, kind: Kind, *, user: str | None = None, after: str | None = None, limit: int = 50
) -> Page[Stored]:
    """Credentials of a kind, of one user or of all, the oldest first."""
    begin = place(after, 1)[0] if after else ""
    if user is None:
        rows = tx.rows(sql.PAGE, kind=kind, after=begin, limit=limit + 1)
    else:
        rows = tx.rows(sql.OF_USER, kind=kind, user_id=column(user), after=begin, limit=limit + 1)
    found = [_stored(row) for row in rows[:limit]]
    return Page(found, cursor(found[-1].id) if len(rows) > limit else None)


def update(tx: Tx, changed: Stored) -> Stored:
    """Store when it expires and what else is known of it."""
    tx.run(
        sql.UPDATE,
        id=changed.id,
        expires_at=changed.expires_at,
        record=_record(changed),
    )
    tenants.touch(tx)
    return changed


def note_use(tx: Tx, used: dict[str, int]) -> None:
    """Store when credentials were last used."""
    tx.run_many(sql.USE, [{"id": which, "used_at": at} for which, at in used.items()])


def delete(tx: Tx, kind: Kind, id: str) -> None:
    """Raises `NotFound`."""
    get(tx, kind, id)
    tx.run(sql.DELETE, id=column(id))
    tenants.touch(tx)


def delete_of(tx: Tx, user: str, kind: Kind, *, keep: str | None = None) -> int:
    """Delete a user's credentials of a kind, save for the one to keep; gives their number."""
    gone = tx.run(sql.DELETE_OF_USER, kind=kind, user_id=column(user), keep=keep or "")
    tenants.touch(tx)
    return gone


def delete_expired(tx: Tx, kind: Kind, before: int) -> int:
    """Delete what was good for nothing before that instant, and return its number."""
    return tx.run(sql.DELETE_EXPIRED, kind=kind, before=before)


def _stored(row: Row) -> Stored:
    which, kind, user, digest, created, expires, used, record = row
    return Stored(
        id=which,
        kind=kind,
        user=user,
        digest=bytes(digest),
        created_at=created,
        expires_at=expires,
        used_at=used,
        **from_json(record),
    )


def _record(credential: Stored) -> str:
    return to_json({"scopes": credential.scopes, "about": credential.about}).decode()
