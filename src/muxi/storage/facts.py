"""Facts: what holds of a subject, since when and until when. Called by `memory` in a transaction.

Each function works on one owner's facts and refuses a scope that may not see them. How versions
follow each other is the matter of `fact_chain`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.facts import Fact, Subject
from muxi.core.ids import new_id
from muxi.storage import fact_rows
from muxi.storage.fact_books import (
    FOREVER,
    LAST,
    Book,
    LoadedBook,
    Range,
    StoredBook,
    behind,
    bounds,
    exactly,
    within,
)
from muxi.storage.fact_chain import NOTHING, Placed, Said, Version, forgotten, place, rebuilt
from muxi.storage.fact_rows import Key, Leaf, shown_path, stored_path
from muxi.storage.owners import owned
from muxi.storage.records import Page, cursor
from muxi.storage.records import place as values_of
from muxi.storage.sql import facts as sql
from muxi.storage.transaction import Row, Tx

_MANY = 64
"""Statements from which on all that they touch is read at once."""
_ROOM = 4
"""Rows that may be read so, for each statement."""
_NEVER = -(2**62)
_SKEW = 5_000_000
"""Microseconds that the clocks of nodes may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something said to hold. Instants in microseconds; None in `at`: from now on."""

    subject: str
    predicate: str
    """Dotted path."""
    value: str
    """Canonical JSON, or `NOTHING`."""
    at: int | None = None
    until: int | None = None
    recorded_at: int | None = None
    message_id: str | None = None
    memory_id: str | None = None
    confidence: float = 1.0
    source: str = "api"

    @property
    def key(self) -> Key:
        return self.subject, stored_path(self.predicate)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one statement did."""

    fact_id: str
    new: bool
    ended: int
    """Versions that it closed."""


def lock(tx: Tx, owner: str) -> None:
    """Let no other transaction write this owner's facts until this one ends."""
    owner = owned(tx, owner)
    tx.row(sql.LOCK, key=f"facts\n{tx.scope.tenant}\n{owner}")


def put(tx: Tx, owner: str, statements: Sequence[Statement]) -> list[Outcome]:
    """Let what is said take its place in what is known.

    A statement closes the version that it contradicts, also if that is one of the whole that it is
    a part of, or of its parts. One that repeats what is known makes no version.

    Returns:
        An outcome for each statement, in their order.
    """
    owner = owned(tx, owner)
    if not statements:
        return []
    lock(tx, owner)
    now = tx.clock()
    if len(statements) < _MANY:
        book = StoredBook(tx, owner)
        return [_put(book, statement, now) for statement in statements]
    order = sorted(range(len(statements)), key=lambda at: statements[at].key)
    keys = [statements[at].key for at in order]
    loaded = LoadedBook.load(tx, owner, keys, most=_ROOM * len(keys))
    book = loaded or StoredBook(tx, owner)
    outcomes = {at: _put(book, statements[at], now) for at in order}
    if loaded is not None:
        loaded.flush()
    return [outcomes[at] for at in range(len(statements))]


def end(
    tx: Tx, owner: str, subject: str, path: str, *, said: Statement, children: bool = True
) -> int:
    """Let what holds at `path` and, if asked, below it hold no longer; return how many facts.

    Args:
        tx: The transaction.
        owner: Whose facts.
        subject: Of whom.
        path: Where; the empty path is all of the subject.
        said: Who says so, and since when; subject, predicate and value are left out of account.
        children: Whether what lies below ends too.
    """
    owner = owned(tx, owner)
    lock(tx, owner)
    at = tx.clock() if said.at is None else said.at
    key = subject, stored_path(path)
    limits = within(*key) if children else exactly(key)
    rows = tx.rows(sql.HOLDING, owner=owner, at=at, limit=FOREVER, **bounds(limits))
    none = replace(said, subject=subject, value=NOTHING)
    ends = [replace(none, predicate=shown_path(row[2])) for row in rows]
    return sum(outcome.ended for outcome in put(tx, owner, ends))


def get(tx: Tx, owner: str, fact_id: str) -> Fact:
    """One version of a fact. Raises `NotFound`."""
    owner = owned(tx, owner)
    row = tx.row(sql.GET, owner=owner, id=fact_id)
    if row is None or row[3] == NOTHING:
        raise NotFound(f"There is no fact {fact_id}.", fact_id=fact_id)
    return fact_rows.fact(owner, row)


def some(tx: Tx, owner: str, fact_ids: Iterable[str]) -> list[Fact]:
    """Those of these versions that there are."""
    owner = owned(tx, owner)
    rows = (tx.row(sql.GET, owner=owner, id=fact_id) for fact_id in fact_ids)
    return [fact_rows.fact(owner, row) for row in rows if row is not None and row[3] != NOTHING]


def current(
    tx: Tx, owner: str, subject: str, predicate: str, *, as_of: int | None = None
) -> Fact | None:
    """The fact that holds at exactly this path; None if there is none."""
    owner = owned(tx, owner)
    limits = exactly((subject, stored_path(predicate)))
    row = tx.row(sql.HOLDING, owner=owner, at=_instant(tx, as_of), limit=1, **bounds(limits))
    return None if row is None else fact_rows.fact(owner, row)


def page(
    tx: Tx,
    owner: str,
    *,
    subject: str | None = None,
    path: str = "",
    as_of: int | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Fact]:
    """Facts that hold, by subject and path.

    Args:
        tx: The transaction.
        owner: Whose facts.
        subject: Of whom; None for all.
        path: Only what is at this path or below it.
        as_of: When, in microseconds; None for now.
        after: Cursor of the page before.
        limit: The most facts.
    """
    owner = owned(tx, owner)
    at = _instant(tx, as_of)
    first, last = _range(subject, path)
    first = max(first, _key_of(after))
    if first >= last:
        return Page([], None)
    rows = tx.rows(sql.HOLDING, owner=owner, at=at, limit=limit + 1, **bounds((first, last)))
    following = cursor(*fact_rows.key(rows[limit - 1])) if len(rows) > limit else None
    return Page([fact_rows.fact(owner, row) for row in rows[:limit]], following)


def leaves(
    tx: Tx, owner: str, subject: str, path: str = "", *, as_of: int | None = None
) -> Iterator[Leaf]:
    """What holds at `path` and below it, as a tree needs it, in the order of paths."""
    owner = owned(tx, owner)
    at = _instant(tx, as_of)
    limits = bounds(within(subject, stored_path(path)))
    for predicate, value, valid_from in tx.rows(sql.LEAVES, owner=owner, at=at, **limits):
        yield Leaf(shown_path(predicate), value, valid_from)


def history(
    tx: Tx,
    owner: str,
    *,
    subject: str | None = None,
    path: str = "",
    after: str | None = None,
    limit: int = 50,
) -> Page[Fact]:
    """All versions, by subject and path, the earliest first. Arguments as of `page`."""
    owner = owned(tx, owner)
    first, last = _range(subject, path)
    start = max(_version_of(after), (*first, _NEVER, _NEVER, ""))
    rows = tx.rows(
        sql.HISTORY,
        owner=owner,
        after_subject=start[0],
        after_predicate=start[1],
        after_from=start[2],
        after_recorded=start[3],
        after_id=start[4],
        last_subject=last[0],
        last_predicate=last[1],
        limit=limit + 1,
    )
    if len(rows) <= limit:
        return Page([fact_rows.fact(owner, row) for row in rows], None)
    end = rows[limit - 1]
    following = cursor(end[1], end[2], end[4], end[6], end[0])
    return Page([fact_rows.fact(owner, row) for row in rows[:limit]], following)


def subjects(tx: Tx, owner: str, *, after: str | None = None, limit: int = 50) -> Page[Subject]:
    """Of whom and what anything is known that holds now."""
    owner = owned(tx, owner)
    start = values_of(after, 1)[0] if after else ""
    rows = tx.rows(sql.SUBJECTS, owner=owner, after_subject=start, at=tx.clock(), limit=limit + 1)
    following = cursor(rows[limit - 1][0]) if len(rows) > limit else None
    return Page([Subject(subject=row[0], facts=row[1]) for row in rows[:limit]], following)


def count(tx: Tx, owner: str) -> tuple[int, int]:
    """How many versions there are, and the characters of their values."""
    owner = owned(tx, owner)
    row = tx.row(sql.COUNT, owner=owner)
    return (int(row[0]), int(row[1])) if row else (0, 0)


def owners(tx: Tx) -> list[str]:
    """Of whom facts are known, of those that the scope may see."""
    return [row[0] for row in tx.rows(sql.OWNERS)]


def count_past(tx: Tx, owner: str, *, before: int) -> int:
    """How many facts held no longer at the instant `before`, microseconds since 1970."""
    row = tx.row(sql.COUNT_PAST, owner=owned(tx, owner), before=before)
    return int(row[0]) if row else 0


def past(tx: Tx, owner: str, *, before: int, limit: int) -> list[tuple[str, int]]:
    """Ids of versions that had ended by `before`, and the characters of their values.

    The first that ended comes first.
    """
    rows = tx.rows(sql.PAST, owner=owned(tx, owner), before=before, limit=limit)
    return [(row[0], int(row[1])) for row in rows]


def drop(tx: Tx, owner: str, fact_ids: Iterable[str]) -> None:
    """Remove versions for good; what is known of other times stays as it is."""
    owner = owned(tx, owner)
    lock(tx, owner)
    for fact_id in fact_ids:
        tx.run(sql.DELETE, owner=owner, id=fact_id)


def mark_used(tx: Tx, owner: str, fact_ids: Iterable[str], at: datetime) -> None:
    """Note that these facts were recalled for an answer."""
    owner = owned(tx, owner)
    for fact_id in fact_ids:
        row = tx.row(sql.GET, owner=owner, id=fact_id)
        if row is not None:
            version = fact_rows.used(fact_rows.version(row), at)
            tx.run(sql.UPDATE, owner=owner, **fact_rows.values(version))


def delete(tx: Tx, owner: str, fact_id: str) -> None:
    """Delete one version, as if it had never been said: its neighbours close the gap.

    Raises:
        NotFound: There is none.
    """
    owner = get(tx, owner, fact_id).owner
    lock(tx, owner)
    row = tx.row(sql.GET, owner=owner, id=fact_id)
    if row is not None:
        _rebuild(tx, owner, fact_rows.key(row), frozenset((fact_id,)), frozenset())


def delete_path(tx: Tx, owner: str, subject: str, path: str = "") -> int:
    """Delete what is, and ever was, known at `path` and below it; return the number of rows.

    The empty path is all of the subject.
    """
    owner = owned(tx, owner)
    lock(tx, owner)
    return tx.run(sql.DELETE_RANGE, owner=owner, **bounds(within(subject, stored_path(path))))


def delete_owner(tx: Tx, owner: str) -> int:
    """Delete every fact of the owner; return the number of rows."""
    owner = owned(tx, owner)
    lock(tx, owner)
    return tx.run(sql.DELETE_OWNER, owner=owner)


def citing(tx: Tx, owner: str, sources: Iterable[str]) -> list[Fact]:
    """The versions that any of these messages and memories said or confirmed."""
    owner = owned(tx, owner)
    rows = {row[0]: row for row in _citing(tx, owner, frozenset(sources))}
    return [fact_rows.fact(owner, row) for _, row in sorted(rows.items()) if row[3] != NOTHING]


def forget_sources(tx: Tx, owner: str, sources: Iterable[str]) -> int:
    """Take back what these messages and memories said, as if they had never been.

    A fact that others said as well stays, with them as its sources.

    Returns:
        The number of versions that are gone.
    """
    owner = owned(tx, owner)
    lock(tx, owner)
    gone = frozenset(sources)
    keys = {fact_rows.key(row) for row in _citing(tx, owner, gone)}
    return sum(_rebuild(tx, owner, key, frozenset(), gone) for key in sorted(keys))


def _put(book: Book, statement: Statement, now: int) -> Outcome:
    key = statement.key
    if statement.at is None:
        # After all that was said until now, whatever the clocks of several nodes show.
        before = book.before(key, Said(at=now + _SKEW, recorded_at=now + _SKEW))
        said = _said(statement, max(now, before.first.at + 1) if before else now, now)
    else:
        said = _said(statement, statement.at, now)
        before = book.before(key, said)
    after = book.after(key, said)
    if before is None and statement.value == NOTHING:
        return Outcome("", new=False, ended=0)
    if before is not None and _came_twice(before, statement, said):
        return Outcome(before.id, new=False, ended=0)
    new = Version(id=_fresh_id(), value=statement.value, first=said, until=statement.until)
    held = before is not None and before.holds(said.at)
    placed = place(before, after, new, fresh_id=_fresh_id)
    ended = int(held and placed.new and placed.version is not before)
    book.write(key, placed)
    if placed.new and statement.value != NOTHING:
        ended += _settle(book, key, placed, said)
    return Outcome(placed.version.id, new=placed.new, ended=ended)


def _fresh_id() -> str:
    return new_id("fct")


def _said(statement: Statement, at: int, now: int) -> Said:
    recorded_at = max(at, now) if statement.at is None else now
    return Said(
        at=at,
        recorded_at=recorded_at if statement.recorded_at is None else statement.recorded_at,
        message_id=statement.message_id,
        memory_id=statement.memory_id,
        confidence=statement.confidence,
        source=statement.source,
    )


def _came_twice(known: Version, statement: Statement, said: Said) -> bool:
    return known.value == statement.value and known.until == statement.until and known.knows(said)


def _settle(book: Book, key: Key, placed: Placed, said: Said) -> int:
    """Close the wholes and parts that a new value contradicts, and it where one of them begins."""
    rivals = list(book.rivals(key, said.at))
    if not rivals:
        return 0
    ended = 0
    for other in sorted({rival for rival, begins in rivals if begins <= said.at}):
        ended += _nothing(book, other, said)
    later = min((begins for _, begins in rivals if begins > said.at), default=None)
    if later is not None and placed.version.holds(later):
        _nothing(book, key, replace(said, at=later))
    return ended


def _nothing(book: Book, key: Key, said: Said) -> int:
    before = book.before(key, said)
    held = before is not None and before.holds(said.at)
    if held:
        new = Version(id=_fresh_id(), value=NOTHING, first=said)
        after = book.after(key, said)
        book.write(key, place(before, after, new, fresh_id=_fresh_id))
    return int(held)


def _rebuild(tx: Tx, owner: str, key: Key, without: frozenset[str], sources: frozenset[str]) -> int:
    """Write a chain anew without some versions and sources; return how many versions are gone."""
    rows = tx.rows(sql.CHAINS, owner=owner, limit=FOREVER, **bounds(exactly(key)))
    stored = {row[0]: fact_rows.values(fact_rows.version(row)) for row in rows}
    kept = [
        version
        for row in rows
        if row[0] not in without
        and (version := forgotten(fact_rows.version(row), sources)) is not None
    ]
    lost = len(rows) - len(kept)
    chain = rebuilt(sorted(kept, key=lambda version: version.first.place))
    for version in chain:
        values = fact_rows.values(version)
        if values != stored.pop(version.id):
            tx.run(sql.UPDATE, owner=owner, **values)
    for fact_id in stored:
        tx.run(sql.DELETE, owner=owner, id=fact_id)
    return lost


def _citing(tx: Tx, owner: str, sources: frozenset[str]) -> Iterator[Row]:
    for source in sorted(sources):
        text = json.dumps(source, ensure_ascii=False)
        for row in tx.rows(sql.CITING, owner=owner, source_id=source, source_text=text):
            version = fact_rows.version(row)
            said = (version.first, *version.confirmed)
            if any(source in (each.message_id, each.memory_id) for each in said):
                yield row


def _instant(tx: Tx, as_of: int | None) -> int:
    return tx.clock() if as_of is None else as_of


def _range(subject: str | None, path: str) -> Range:
    """What is asked for."""
    if subject is None:
        if path:
            raise InvalidInput("A path needs a subject.")
        return ("", ""), (LAST, LAST)
    return within(subject, stored_path(path))


def _key_of(after: str | None) -> Key:
    if after is None:
        return "", ""
    subject, predicate = values_of(after, 2)
    return behind((subject, predicate))


def _version_of(after: str | None) -> tuple[str, str, int, int, str]:
    if after is None:
        return "", "", _NEVER, _NEVER, ""
    subject, predicate, begins, recorded, fact_id = values_of(after, 5)
    try:
        return subject, predicate, int(begins), int(recorded), fact_id
    except ValueError:
        raise InvalidInput("This cursor was not given by this list.") from None
