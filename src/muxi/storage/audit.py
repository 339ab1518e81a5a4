"""The rows of the audit log and its seals. Called by `identity.audit`.

Rows are added with what they tell of, in the same transaction, and linked once afterwards: nobody
waits for a lock on the end of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from muxi.core.audit import AuditEntry
from muxi.core.ids import new_id
from muxi.storage.records import Page, column, cursor, place
from muxi.storage.sql import audit as sql
from muxi.storage.transaction import Tx

_LAST_ID = "\U0010ffff"


class Linked(NamedTuple):
    """An entry in its place."""

    seq: int
    record: str
    hash: str


class SealRow(NamedTuple):
    """A seal as it is stored."""

    number: int
    seq: int
    sealed_at: int
    hash: str
    key: str
    signature: str


def add(tx: Tx, entry: AuditEntry, record: str) -> None:
    """Store an entry, whose text is `record`."""
    tx.run(
        sql.ADD,
        id=entry.id,
        actor=column(entry.actor),
        action=entry.action,
        outcome=entry.outcome,
        record=record,
    )


def fresh_id() -> str:
    """The id of a new entry."""
    return new_id("aud")


def unsealed(tx: Tx, limit: int) -> list[tuple[str, str]]:
    """Ids and texts of entries that are not linked yet, the oldest first."""
    return [(row[0], row[1]) for row in tx.rows(sql.UNSEALED, limit=limit)]


def waiting(tx: Tx) -> int:
    """How many entries are not linked yet."""
    row = tx.row(sql.COUNT_UNSEALED)
    return 0 if row is None else int(row[0])


def last_seal(tx: Tx) -> SealRow | None:
    """The newest seal."""
    row = tx.row(sql.LAST_SEAL, limit=1)
    return None if row is None else SealRow(*row)


def seal(tx: Tx, seal: SealRow, links: Iterable[tuple[str, int, str]]) -> bool:
    """Link entries by their ids and store the seal; False if another process was faster."""
    if not tx.run(sql.ADD_SEAL, **seal._asdict()):
        return False
    tx.run_many(sql.LINK, [dict(zip(("id", "seq", "hash"), each, strict=True)) for each in links])
    return True


def seals(tx: Tx, *, after: int, limit: int) -> list[SealRow]:
    """Seals in their order, from the one after number `after` on."""
    return [SealRow(*row) for row in tx.rows(sql.SEALS, after=after, limit=limit)]


def first_seal(tx: Tx) -> tuple[SealRow, str | None] | None:
    """The oldest seal, and who says that what it covers was removed; None if it was not."""
    row = tx.row(sql.FIRST_SEAL)
    return None if row is None else (SealRow(*row[:6]), row[6])


def old_seal(tx: Tx, *, before: int, upto: int) -> SealRow | None:
    """The newest seal that was made before that instant, if its number is not above `upto`."""
    row = tx.row(sql.OLD_SEAL, before=before, upto=upto)
    return None if row is None else SealRow(*row)


def cut(tx: Tx, seal: SealRow, said: str) -> int:
    """Remove all that a seal and those before it cover, and gives how many entries that were.

    The seal stays, with what was said of the cut.
    """
    gone = tx.run(sql.CUT_ENTRIES, seq=seal.seq)
    tx.run(sql.CUT_SEALS, number=seal.number)
    tx.run(sql.MARK_CUT, number=seal.number, cut=said)
    return gone


def linked(tx: Tx, *, after: int, upto: int) -> Sequence[Linked]:
    """The entries after number `after`, up to `upto`."""
    return [Linked(*row) for row in tx.rows(sql.LINKED, after=after, upto=upto)]


def page(
    tx: Tx,
    *,
    actor: str | None = None,
    action: str | None = None,
    outcome: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[AuditEntry]:
    """Entries, the newest first."""
    before = place(after, 1)[0] if after else _LAST_ID
    rows = tx.rows(
        sql.LIST,
        before_id=before,
        actor=None if actor is None else column(actor),
        action=action,
        outcome=outcome,
        limit=limit + 1,
    )
    found = [
        AuditEntry.model_validate_json(record).model_copy(update={"seq": seq, "hash": link})
        for _, seq, record, link in rows[:limit]
    ]
    return Page(found, cursor(found[-1].id) if len(rows) > limit else None)
