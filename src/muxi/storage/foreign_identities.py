"""Who somebody of another issuer is in the scope's tenant. Called by `identity.federation`."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_core import from_json, to_json

from muxi.core.errors import NotFound
from muxi.storage.records import column
from muxi.storage.sql import foreign_identities as sql
from muxi.storage.transaction import Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A link between a subject of an issuer and a user. Instants are microseconds since 1970."""

    issuer: str
    subject: str
    user: str
    created_at: int
    seen_at: int
    about: dict[str, str]
    """What the issuer said of them when they came last."""


def find(tx: Tx, issuer: str, subject: str) -> Stored | None:
    """Who a subject of an issuer is."""
    row = tx.row(sql.GET, issuer=column(issuer), subject=column(subject))
    return None if row is None else _stored(row)


def put(tx: Tx, issuer: str, subject: str, user: str, about: dict[str, str]) -> Stored:
    """Let a subject be this user from now on, and note that they were seen."""
    now = tx.now()
    tx.run(
        sql.PUT,
        issuer=column(issuer),
        subject=column(subject),
        user_id=column(user),
        created_at=now,
        seen_at=now,
        record=to_json(about).decode(),
    )
    return Stored(
        issuer=issuer, subject=subject, user=user, created_at=now, seen_at=now, about=about
    )


def of_user(tx: Tx, user: str) -> list[Stored]:
    """All that a user is elsewhere."""
    return [_stored(row) for row in tx.rows(sql.OF_USER, user_id=column(user))]


def delete(tx: Tx, issuer: str, subject: str) -> None:
    """Let a subject be nobody. Raises `NotFound`."""
    if not tx.run(sql.DELETE, issuer=column(issuer), subject=column(subject)):
        raise NotFound("There is no such identity.", issuer=issuer, subject=subject)


def _stored(row: Row) -> Stored:
    issuer, subject, user, created, seen, record = row
    return Stored(
        issuer=issuer,
        subject=subject,
        user=user,
        created_at=created,
        seen_at=seen,
        about=from_json(record),
    )
