"""Budgets, what was consumed on them, and what calls under way hold of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxi.core.budgets import Budget
from muxi.core.errors import NotFound
from muxi.storage.records import Page, cursor, encode, place
from muxi.storage.sql import budgets as sql
from muxi.storage.transaction import Tx

_NOTHING = (0, 0, 0, 0)

Amounts = tuple[int, int, int, int]
"""Tokens, billionths of a US dollar, runs and microseconds."""
Key = tuple[str, str, int]
"""Subject, period, and where it starts in microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class StoredBalance:
    """What was consumed on one key."""

    key: Key
    ends_at: int
    spent: Amounts


def put(tx: Tx, name: str, budget: Budget) -> None:
    """Store a budget, in place of the one of that name."""
    tx.run(sql.PUT, name=name, updated_at=tx.now(), record=encode(budget, exclude_none=True))


def every(tx: Tx) -> dict[str, Budget]:
    """All stored budgets by their names."""
    return {name: Budget.model_validate_json(record) for name, record in tx.rows(sql.ALL)}


def delete(tx: Tx, name: str) -> None:
    """Raises `NotFound` if there is none of that name."""
    if not tx.run(sql.DELETE, name=name):
        raise NotFound(f"There is no budget {name}.")


def spent(tx: Tx, key: Key) -> Amounts:
    """What was consumed on a key."""
    subject, period, starts_at = key
    row = tx.row(sql.SPENT, subject=subject, period=period, starts_at=starts_at)
    return _amounts(row or _NOTHING)


def store(tx: Tx, key: Key, ends_at: int, amounts: Amounts) -> None:
    """Set what was consumed on a key: for the one process that owns the database."""
    tx.run(sql.STORE, **_columns(key, ends_at, amounts))


def add(tx: Tx, key: Key, ends_at: int, amounts: Amounts = _NOTHING) -> Amounts:
    """Add to what was consumed on a key, which is then locked until the commit; gives the sum."""
    row = tx.row(sql.ADD, **_columns(key, ends_at, amounts))
    return _amounts(row or _NOTHING)


def current(tx: Tx, *, after: str | None, limit: int) -> Page[StoredBalance]:
    """The balances of periods that are not over, by subject."""
    subject, period, start = ("", "", "0") if after is None else place(after, 3)
    rows = tx.rows(
        sql.CURRENT,
        now=tx.now(),
        subject=subject,
        period=period,
        starts_at=int(start),
        limit=limit + 1,
    )
    found = [StoredBalance((r[0], r[1], int(r[2])), int(r[3]), _amounts(r[4:])) for r in rows]
    more = len(found) > limit
    return Page(found[:limit], cursor(*found[limit - 1].key) if more else None)


def clean(tx: Tx, *, before: int) -> None:
    """Forget the balances of periods that ended before that instant."""
    tx.run(sql.CLEAN, before=before)


def hold(
    tx: Tx,
    id: str,
    keys: Sequence[Key],
    amounts: Amounts,
    *,
    expires_at: int,
) -> None:
    """Set an amount aside on each of the keys."""
    tokens, nano_dollars, _, microseconds = amounts
    for subject, period, starts_at in keys:
        tx.run(
            sql.HOLD,
            id=id,
            subject=subject,
            period=period,
            starts_at=starts_at,
            expires_at=expires_at,
            tokens=tokens,
            nano_dollars=nano_dollars,
            microseconds=microseconds,
        )


def held(tx: Tx, key: Key, now: int) -> Amounts:
    """What is set aside on a key, by the clock that all nodes share."""
    subject, period, starts_at = key
    row = tx.row(sql.HELD, subject=subject, period=period, starts_at=starts_at, now=now)
    tokens, nano_dollars, microseconds = map(int, row or (0, 0, 0))
    return tokens, nano_dollars, 0, microseconds


def release(tx: Tx, id: str) -> None:
    """Give back what was set aside under that id."""
    tx.run(sql.RELEASE, id=id)


def renew(tx: Tx, ids: Sequence[str], *, expires_at: int) -> None:
    """Say that what is set aside under these ids is still needed."""
    tx.run_many(sql.RENEW, [{"id": each, "expires_at": expires_at} for each in ids])


def expire(tx: Tx, now: int) -> None:
    """Give back what dead processes held."""
    tx.run(sql.EXPIRE, now=now)


def _columns(key: Key, ends_at: int, amounts: Amounts) -> dict[str, int | str]:
    subject, period, starts_at = key
    tokens, nano_dollars, runs, microseconds = amounts
    return {
        "subject": subject,
        "period": period,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "tokens": tokens,
        "nano_dollars": nano_dollars,
        "runs": runs,
        "microseconds": microseconds,
    }


def _amounts(row: Sequence[object]) -> Amounts:
    tokens, nano_dollars, runs, microseconds = (int(str(value)) for value in row)
    return tokens, nano_dollars, runs, microseconds
