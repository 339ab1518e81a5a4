"""Passages: turns, notes and pieces of documents that can be found again, and their words.

Called inside a transaction by `memory`, `knowledge` and `retrieval`. Every function takes the owner
or the owners whose passages it may touch; the scope's principal limits which those may be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from muxi.core.errors import InvalidInput, NotFound
from muxi.storage import postings, vectors
from muxi.storage.owners import owned, readable
from muxi.storage.records import Page, column, cursor, listed, place
from muxi.storage.sql import passages as sql
from muxi.storage.sql import threads as threads_sql
from muxi.storage.transaction import Row, Tx

_END = 2**62
_TIMES = "\x1f"
"""Between a word and how often it stands in a passage; `postings.normal` leaves none in a word."""
_FIELDS = (
    *("number", "id", "owner", "corpus", "kind", "group_id", "place", "speaker"),
    *("said_at", "created_at", "text", "hash", "information", "uses", "used_at", "record"),
)
"""What the statements give, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageRow:
    """A passage. Instants are microseconds since 1970."""

    id: str
    corpus: str
    """`memory` or `knowledge`."""
    kind: str
    group_id: str
    """The thread, session or document that it belongs to; empty if to none."""
    text: str
    place: int = 0
    """Order within the group."""
    speaker: str | None = None
    said_at: int | None = None
    created_at: int
    hash: str = ""
    information: float = 0.0
    uses: int = 0
    used_at: int | None = None
    record: str = "{}"
    """What else the noun holds, as JSON."""
    number: int = 0
    """The key inside the database, which is never given twice; 0 before it is stored."""
    owner: str = ""


class Glimpse(NamedTuple):
    """As much of a passage as is read to rank it."""

    number: int
    id: str
    speaker: str | None
    said_at: int
    """Or when it was stored, if that is not known."""
    text: str
    group_id: str = ""


def add(tx: Tx, owner: str, rows: Sequence[PassageRow]) -> list[int]:
    """Store new passages and return their numbers, in the same order.

    Raises:
        Conflict: An id is taken.
    """
    name = owned(tx, owner)
    stored = [_stored(row, name) for row in rows]
    # Who remembers before anything was said is a tenant too, for the jobs that look after each.
    tx.run(threads_sql.ADD_TENANT, created_at=tx.now())
    tx.run_many(sql.INSERT, [_values(row) for row in stored])
    ids = listed(tx.dialect, [row.id for row in stored])
    numbers: dict[str, int] = dict(tx.rows(sql.NUMBERS, owner=name, ids=ids))
    return [numbers[row.id] for row in stored]


def get(tx: Tx, owners: Sequence[str], ids: Iterable[str]) -> list[PassageRow]:
    """Those of these ids that the owners have, in the order of the ids."""
    wanted = [column(one) for one in ids]
    rows = tx.rows(
        sql.GET, owners=listed(tx.dialect, readable(tx, owners)), ids=listed(tx.dialect, wanted)
    )
    found = {row.id: row for row in map(_passage, rows)}
    return [found[one] for one in dict.fromkeys(wanted) if one in found]


def by_numbers(tx: Tx, owners: Sequence[str], numbers: Iterable[int]) -> list[PassageRow]:
    """Those of these numbers that the owners have, in the order of the numbers given."""
    wanted = list(dict.fromkeys(numbers))
    rows = tx.rows(
        sql.BY_NUMBERS,
        owners=listed(tx.dialect, readable(tx, owners)),
        numbers=listed(tx.dialect, wanted),
    )
    found = {row.number: row for row in map(_passage, rows)}
    return [found[number] for number in wanted if number in found]


def glimpses(tx: Tx, owners: Sequence[str], corpus: str, numbers: Iterable[int]) -> list[Glimpse]:
    """Those of these numbers that the owners have in the corpus, in any order."""
    rows = tx.rows(
        sql.GLIMPSES,
        owners=listed(tx.dialect, readable(tx, owners)),
        corpus=corpus,
        numbers=listed(tx.dialect, dict.fromkeys(numbers)),
    )
    return [Glimpse._make(row) for row in rows]


def page(
    tx: Tx,
    owner: str,
    *,
    corpus: str,
    kind: str | None = None,
    group_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[PassageRow]:
    """An owner's passages, the newest first; `after` is the cursor of a page before."""
    values = place(after, 2) if after else [str(_END), str(_END)]
    if not all(value.lstrip("-").isdecimal() for value in values):
        raise InvalidInput("This cursor was not given by this list.")
    rows = tx.rows(
        sql.PAGE,
        owner=owned(tx, owner),
        corpus=corpus,
        kind=kind,
        group_id=None if group_id is None else column(group_id),
        before=int(values[0]),
        before_number=int(values[1]),
        limit=limit + 1,
    )
    items = [_passage(row) for row in rows[:limit]]
    more = len(rows) > limit and items
    return Page(items, cursor(items[-1].created_at, items[-1].number) if more else None)


@dataclass(frozen=True, slots=True)
class Since:
    """Passages in the order in which they were committed."""

    rows: list[PassageRow]
    cursor: str
    """Where the next ones begin; as before, if there are none."""


def since(tx: Tx, after: str | None, *, corpus: str, limit: int) -> Since:
    """What was stored after a cursor, of all kinds and owners: for a job.

    On PostgreSQL nothing is seen while a transaction is open that may store a passage before it;
    `events.horizon` tells how far that is.

    Args:
        tx: The transaction.
        after: The cursor that was returned last; None for the beginning.
        corpus: Only passages of this corpus.
        limit: The most passages.
    """
    transaction, number = (after or "-1 0").split()
    given = {"transaction_number": int(transaction), "after": int(number)}
    rows = tx.rows(sql.SINCE, **given, corpus=corpus, limit=limit)
    end = f"{rows[-1][0]} {rows[-1][1]}" if rows else after or "-1 0"
    return Since([_passage(row[1:]) for row in rows], end)


def group(tx: Tx, owner: str, group_id: str) -> list[PassageRow]:
    """All passages of a group in their order."""
    return _between(tx, owned(tx, owner), group_id, -_END, _END)


def last(tx: Tx, owner: str, group_id: str, *, limit: int) -> list[PassageRow]:
    """The last passages of a group, in order."""
    rows = tx.rows(sql.LAST, owner=owned(tx, owner), group_id=column(group_id), limit=limit)
    return [_passage(row) for row in reversed(rows)]


def neighbours(
    tx: Tx, owner: str, group_id: str, place: int, *, before: int, after: int
) -> list[PassageRow]:
    """The passages of a group whose places are so near to `place`, in order, itself among them."""
    return _between(tx, owned(tx, owner), group_id, place - before, place + after)


def same_hash(tx: Tx, owner: str, hash: str) -> list[PassageRow]:
    """The owner's passages of that hash, the oldest first."""
    rows = tx.rows(sql.SAME_HASH, owner=owned(tx, owner), hash=column(hash))
    return [_passage(row) for row in rows]


def repeated(
    tx: Tx, owner: str, hash: str, kind: str, *, since: int, until: int
) -> PassageRow | None:
    """One of the owner's passages of that hash and kind, of that span of time."""
    rows = tx.rows(
        sql.REPEATED,
        owner=owned(tx, owner),
        hash=column(hash),
        kind=kind,
        since=since,
        until=until,
        limit=1,
    )
    return _passage(rows[0]) if rows else None


def set_words(tx: Tx, owner: str, number: int, words: Sequence[str]) -> None:
    """Let a passage be found by these words, analysed and with repeats, and no longer by others.

    Raises:
        NotFound: The owner has no such passage.
    """
    if not set_many_words(tx, owner, {number: words}):
        raise NotFound("There is no such passage.", number=number)


def set_many_words(tx: Tx, owner: str, words: Mapping[int, Sequence[str]]) -> int:
    """As `set_words` for many passages of one owner, at a part of the cost of each alone.

    Passages that are gone are passed over; returned is how many were there.
    """
    name = owned(tx, owner)
    postings.lock(tx, name)
    known = _words(tx, name, words)
    fresh = {number: postings.normal(words[number]) for number in known}
    for corpus in dict.fromkeys(corpus for corpus, _ in known.values()):
        changes = {
            number: (before, fresh[number])
            for number, (of, before) in known.items()
            if of == corpus
        }
        postings.change(tx, name, corpus, changes)
    tx.run_many(
        sql.SET_WORDS,
        [{"owner": name, "at": at, "words": _told(said)} for at, said in fresh.items()],
    )
    return len(known)


def match(
    tx: Tx,
    owners: Sequence[str],
    corpus: str,
    terms: Sequence[str],
    *,
    limit: int = 200,
    groups: Sequence[str] | None = None,
) -> list[tuple[int, float]]:
    """Numbers of the passages that some of the terms stand in, with BM25, the best first.

    Args:
        tx: A transaction.
        owners: Whose passages are searched.
        corpus: `memory` or `knowledge`.
        terms: Analysed words.
        limit: The most passages.
        groups: If given, only passages of these groups.
    """
    names = readable(tx, owners)
    among: frozenset[int] | None = None
    if groups is not None:
        among = in_groups(tx, names, groups)
    return postings.match(tx, names, corpus, postings.normal(terms), limit=limit, among=among)


def in_groups(tx: Tx, owners: Sequence[str], groups: Sequence[str]) -> frozenset[int]:
    """Numbers of the owners' passages in these groups."""
    wanted = listed(tx.dialect, [column(group_id) for group_id in groups])
    return frozenset(
        number
        for name in readable(tx, owners)
        for (number,) in tx.rows(sql.IN_GROUPS, owner=name, groups=wanted)
    )


def remove(tx: Tx, owner: str, numbers: Iterable[int]) -> int:
    """Remove passages of the owner with their words and vectors; how many there were."""
    name = owned(tx, owner)
    postings.lock(tx, name)
    known = _words(tx, name, numbers)
    for corpus in dict.fromkeys(corpus for corpus, _ in known.values()):
        gone = {
            number: (words, list[str]()) for number, (of, words) in known.items() if of == corpus
        }
        postings.change(tx, name, corpus, gone)
    vectors.remove(tx, name, known)
    return tx.run(sql.REMOVE, owner=name, numbers=listed(tx.dialect, known))


def mark_used(tx: Tx, owners: Sequence[str], numbers: Iterable[int], at: int) -> None:
    """Count one use more of each of these passages, at that instant in microseconds."""
    tx.run(
        sql.USED,
        owners=listed(tx.dialect, readable(tx, owners)),
        numbers=listed(tx.dialect, numbers),
        at=at,
    )


def count(tx: Tx, owner: str, corpus: str, kind: str | None = None) -> tuple[int, int]:
    """How many passages the owner has, and the bytes of their texts."""
    row = tx.row(sql.COUNT, owner=owned(tx, owner), corpus=corpus, kind=kind)
    return (int(row[0]), int(row[1])) if row else (0, 0)


def speakers(tx: Tx, owners: Sequence[str], corpus: str, *, limit: int = 200) -> list[str]:
    """Who said something in the owners' passages, at most `limit` for each owner."""
    found: dict[str, None] = {}
    for name in readable(tx, owners):
        rows = tx.rows(sql.SPEAKERS, owner=name, corpus=corpus, limit=limit)
        found |= dict.fromkeys([speaker for (speaker,) in rows])
    return list(found)


def owners(tx: Tx) -> list[str]:
    """Who has passages, of those that the scope may see."""
    return [row[0] for row in tx.rows(sql.OWNERS)]


def _between(tx: Tx, name: str, group_id: str, first: int, last: int) -> list[PassageRow]:
    rows = tx.rows(sql.GROUP, owner=name, group_id=column(group_id), first=first, last=last)
    return [_passage(row) for row in rows]


def _words(tx: Tx, name: str, numbers: Iterable[int]) -> dict[int, tuple[str, list[str]]]:
    """Corpus and words of those of these passages that the owner has."""
    rows = tx.rows(sql.WORDS, owner=name, numbers=listed(tx.dialect, numbers))
    return {int(row[0]): (str(row[1]), _heard(row[2] or "")) for row in rows}


def _told(words: Sequence[str]) -> str:
    """Words as a row holds them: each once, and how often if that is more."""
    counts = Counter(words).items()
    return " ".join([word if count == 1 else f"{word}{_TIMES}{count}" for word, count in counts])


def _heard(told: str) -> list[str]:
    """The words that a row holds, in any order. Earlier rows repeat them."""
    words: list[str] = []
    for each in told.split(" ") if told else ():
        word, _, count = each.partition(_TIMES)
        words += [word] * int(count or 1)
    return words


def _stored(row: PassageRow, name: str) -> PassageRow:
    speaker = None if row.speaker is None else column(row.speaker)
    return replace(
        row,
        owner=name,
        id=column(row.id),
        group_id=column(row.group_id),
        speaker=speaker,
        text=column(row.text),
    )


def _values(row: PassageRow) -> dict[str, object]:
    return {
        "id": row.id,
        "owner": row.owner,
        "corpus": row.corpus,
        "kind": row.kind,
        "group_id": row.group_id,
        "place": row.place,
        "speaker": row.speaker,
        "said_at": row.said_at,
        "created_at": row.created_at,
        "hash": row.hash,
        "information": row.information,
        "uses": row.uses,
        "used_at": row.used_at,
        "size": len(row.text.encode()),
        "text": row.text,
        "record": row.record,
    }


def _passage(row: Row) -> PassageRow:
    return PassageRow(**dict(zip(_FIELDS, row, strict=True)))
