"""What is known: facts told, asked for as of any date, ended, deleted, loaded by thousands.

Called by `runtime`, by the memory tools and by programs that use memory alone. No language model
is ever asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from pydantic import JsonValue

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.facts import USER, Fact, FactInput, FactsChanged, Subject
from muxi.core.pages import Page
from muxi.core.paths import normal
from muxi.core.spans import check_span
from muxi.memory import fact_reading, tree
from muxi.memory.dates import When, read_date
from muxi.memory.fact_reading import instant
from muxi.storage import facts as stored
from muxi.storage.fact_rows import micros
from muxi.storage.facts import Statement
from muxi.storage.records import column
from muxi.storage.transaction import Database, Scope, Tx

_LONGEST_SUBJECT = 500
"""Bytes."""
_TOGETHER = 1_000
"""Facts that are loaded in one transaction: others wait no longer for it than for a large turn."""
_FEW = 32
"""Facts that are read without another thread: most people have fewer."""
_AT_ONCE = 200_000
"""Facts that are sorted at once: neighbours in the index are then written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Since when something holds, and who says so."""

    valid_from: When | None = None
    """None: from now on."""
    valid_to: When | None = None
    """None: until something else is told."""
    source_message_id: str | None = None
    source_memory_id: str | None = None
    confidence: float = 1.0
    source: str = "api"


NOW = Telling()
"""From now on, by nobody in particular."""


class FactStore:
    """Facts in a database, for whoever may see them.

    Every method takes the scope that asks and the owner whose facts are meant, and raises
    `AccessDenied` for another user's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        who: Scope,
        owner: str,
        path: str,
        value: JsonValue,
        *,
        subject: str = USER,
        telling: Telling = NOW,
    ) -> FactsChanged:
        """Let `value` be what holds at `path`.

        An object stands for a fact at each of its leaves; what held below `path` and is not in it
        ends. What contradicts a fact closes it, and what repeats one confirms it.

        Raises:
            InvalidInput: The path, the value or a date cannot be used.
        """
        changed = FactsChanged()
        said = _said(subject, telling, changed)
        path = normal(path)
        leaves = list(tree.leaves_of(tree.checked(value), path))
        if any(not at for at, _ in leaves):
            raise InvalidInput("All of a subject can only be an object.")
        statements = _statements(said, leaves)
        named = {at for at, _ in leaves}

        def write(tx: Tx) -> None:
            stored.lock(tx, owner)
            if isinstance(value, dict):
                changed.ended += _end_others(tx, owner, said, path=path, named=named)
            _put(tx, owner, statements, changed)

        await self._database.write(who, write)
        return changed

    async def merge(
        self,
        who: Scope,
        owner: str,
        values: JsonValue,
        *,
        path: str = "",
        subject: str = USER,
        telling: Telling = NOW,
    ) -> FactsChanged:
        """Lay nested JSON over what holds: its leaves are told, what it does not name stays."""
        changed = FactsChanged()
        said = _said(subject, telling, changed)
        path = normal(path)
        if not isinstance(tree.checked(values), dict):
            return await self.put(who, owner, path, values, subject=subject, telling=telling)
        leaves = list(tree.leaves_of(values, path))

        def write(tx: Tx) -> None:
            stored.lock(tx, owner)
            _put(tx, owner, _statements(said, _laid_over(tx, owner, said, leaves)), changed)

        await self._database.write(who, write)
        return changed

    async def patch(
        self,
        who: Scope,
        owner: str,
        patch: JsonValue,
        *,
        path: str = "",
        subject: str = USER,
        telling: Telling = NOW,
    ) -> FactsChanged:
        """Apply a JSON merge patch (RFC 7396): what it sets to null ends; its past stays."""
        changed = FactsChanged()
        said = _said(subject, telling, changed)
        path = normal(path)
        if not isinstance(tree.checked(patch), dict):
            return await self.put(who, owner, path, patch, subject=subject, telling=telling)
        told = {at for at, leaf in tree.leaves_of(patch, path) if leaf is not None}

        def write(tx: Tx) -> None:
            stored.lock(tx, owner)
            before = _value(tx, owner, subject, path, said.at)
            after = dict(tree.leaves_of(tree.patched(before, patch), path))
            was = dict(tree.leaves_of(before, path))
            for at in was:
                if at and at not in after:
                    changed.ended += stored.end(tx, owner, subject, at, said=said, children=False)
            new = [
                (at, leaf)
                for at, leaf in after.items()
                if at and (at in told or at not in was or was[at] != leaf)
            ]
            _put(tx, owner, _statements(said, new), changed)

        await self._database.write(who, write)
        return changed

    async def end(
        self,
        who: Scope,
        owner: str,
        path: str,
        *,
        subject: str = USER,
        telling: Telling = NOW,
    ) -> FactsChanged:
        """Let what holds at `path` and below it hold no longer; its past stays."""
        changed = FactsChanged()
        said = _said(subject, telling, changed)
        write = partial(stored.end, owner=owner, subject=subject, path=normal(path), said=said)
        changed.ended = await self._database.write(who, write)
        return changed

    async def tell(self, who: Scope, owner: str, facts: Sequence[FactInput]) -> FactsChanged:
        """Tell facts one by one, all or none of them."""
        changed = FactsChanged()
        statements = [_statement(fact, changed) for fact in facts]
        await self._database.write(
            who, partial(_put, owner=owner, statements=statements, changed=changed)
        )
        return changed

    async def load(self, who: Scope, owner: str, facts: Iterable[FactInput]) -> FactsChanged:
        """Tell any number of facts; those before one that cannot be used are stored."""
        changed = FactsChanged()
        told = iter(facts)
        while batch := list(islice(told, _AT_ONCE)):
            statements = [_statement(fact, changed) for fact in batch]
            statements.sort(key=lambda statement: statement.key)
            for start in range(0, len(statements), _TOGETHER):
                part = statements[start : start + _TOGETHER]
                await self._database.write(
                    who, partial(_put, owner=owner, statements=part, changed=changed)
                )
        return changed

    async def get(
        self,
        who: Scope,
        owner: str,
        path: str,
        *,
        subject: str = USER,
        as_of: When | None = None,
    ) -> Fact:
        """The fact that holds at exactly `path`. Raises `NotFound`."""
        read = partial(
            stored.current,
            owner=owner,
            subject=subject,
            predicate=normal(path),
            as_of=instant(as_of),
        )
        fact = await self._database.read(who, read)
        if fact is None:
            raise NotFound(f"Nothing is known at {path}.", path=path)
        return fact

    async def version(self, who: Scope, owner: str, fact_id: str) -> Fact:
        """One version of a fact, whether it still holds or not. Raises `NotFound`."""
        return await self._database.read(who, fact_reading.version(owner, fact_id))

    async def tree(
        self,
        who: Scope,
        owner: str,
        *,
        path: str = "",
        subject: str = USER,
        as_of: When | None = None,
        most: int | None = None,
    ) -> JsonValue:
        """What holds at `path`, as nested JSON.

        Args:
            who: Who asks.
            owner: Whose facts.
            path: Where; the empty path is all of the subject.
            subject: Of whom or what.
            as_of: When; None for now.
            most: Facts above which it is refused; None for any number.

        Raises:
            NotFound: Nothing is known there.
            InvalidInput: There are more than `most` facts.
        """
        read = partial(
            _value_or_nothing,
            owner=owner,
            subject=subject,
            path=normal(path),
            at=instant(as_of),
            most=most,
        )
        return await self._database.read(who, read)

    async def page(
        self,
        who: Scope,
        owner: str,
        *,
        subject: str | None = None,
        path: str = "",
        as_of: When | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Fact]:
        """Facts that hold, by subject and path; all subjects if neither is named."""
        read = fact_reading.page(
            owner, subject=subject, path=path, as_of=as_of, cursor=cursor, limit=limit
        )
        return await self._database.read(who, read)

    async def known(self, who: Scope, owner: str, *, most: int) -> list[Fact]:
        """What holds of the user who asks, by path; for every turn, so soon told.

        In a memory that several share, its users are subjects by their ids.
        """
        subject = USER if owner.startswith("user:") else who.principal
        if subject is None:
            return []
        read = partial(stored.page, owner=owner, subject=subject)
        found = await self._database.read(who, partial(read, limit=_FEW), tiny=True)
        if found.next is not None:
            found = await self._database.read(who, partial(read, limit=most))
        return list(found.items)

    async def history(
        self,
        who: Scope,
        owner: str,
        *,
        subject: str | None = None,
        path: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Fact]:
        """All versions of facts, by subject and path, the earliest first. As `page`."""
        read = partial(
            stored.history,
            owner=owner,
            subject=USER if path and subject is None else subject,
            path=normal(path),
            after=cursor,
            limit=limit,
        )
        found = await self._database.read(who, read)
        return Page[Fact].model_construct(items=list(found.items), next=found.next)

    async def subjects(
        self, who: Scope, owner: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Subject]:
        """Of whom and what anything is known."""
        read = partial(stored.subjects, owner=owner, after=cursor, limit=limit)
        found = await self._database.read(who, read)
        return Page[Subject](items=list(found.items), next=found.next)

    async def delete(self, who: Scope, owner: str, fact_id: str) -> FactsChanged:
        """Delete one version for good, as if it had never been told. Raises `NotFound`."""
        await self._database.write(who, partial(stored.delete, owner=owner, fact_id=fact_id))
        return FactsChanged(removed=1)

    async def delete_path(
        self, who: Scope, owner: str, path: str = "", *, subject: str = USER
    ) -> FactsChanged:
        """Delete for good what is and was known at `path` and below it; empty: of the subject.

        Raises:
            NotFound: Nothing is known there, and nothing ever was.
        """
        write = partial(stored.delete_path, owner=owner, subject=subject, path=normal(path))
        removed = await self._database.write(who, write)
        if not removed:
            raise NotFound(f"Nothing is known at {path or subject}.", path=path)
        return FactsChanged(removed=removed)

    async def used(self, who: Scope, owner: str, facts: Iterable[Fact], at: When) -> None:
        """Note that these facts entered an answer."""
        ids = [fact.id for fact in facts]
        if ids:
            write = partial(stored.mark_used, owner=owner, fact_ids=ids, at=read_date(at))
            await self._database.write(who, write)


def _said(subject: str, telling: Telling, changed: FactsChanged) -> Statement:
    """The statement that all statements of one telling are made from."""
    since = None if telling.valid_from is None else read_date(telling.valid_from, changed.notes)
    until = None if telling.valid_to is None else read_date(telling.valid_to, changed.notes)
    check_span(since, until, names=("valid_from", "valid_to"))
    if not 0 <= telling.confidence <= 1:
        raise InvalidInput("The confidence in a fact lies between 0 and 1.")
    return Statement(
        subject=_subject(subject),
        predicate="",
        value="",
        at=None if since is None else micros(since),
        until=None if until is None else micros(until),
        message_id=telling.source_message_id and column(telling.source_message_id),
        memory_id=telling.source_memory_id and column(telling.source_memory_id),
        confidence=float(telling.confidence),
        source=column(telling.source),
    )


def _statement(fact: FactInput, changed: FactsChanged) -> Statement:
    path = normal(fact.predicate)
    if not path:
        raise InvalidInput("A fact needs a path.")
    telling = Telling(
        valid_from=fact.valid_from,
        valid_to=fact.valid_to,
        source_message_id=fact.source_message_id,
        source_memory_id=fact.source_memory_id,
        confidence=fact.confidence,
        source=fact.source,
    )
    said = _said(fact.subject, telling, changed)
    recorded_at = None if fact.recorded_at is None else micros(read_date(fact.recorded_at))
    value = tree.text_of(tree.checked(fact.value))
    return replace(said, predicate=path, value=value, recorded_at=recorded_at)


def _statements(said: Statement, leaves: Iterable[tuple[str, JsonValue]]) -> list[Statement]:
    return [replace(said, predicate=at, value=tree.text_of(leaf)) for at, leaf in leaves if at]


def _subject(subject: str) -> str:
    """Raises `InvalidInput` if nothing can be known of it."""
    if not subject or any(character < " " for character in subject):
        raise InvalidInput("The subject of a fact is empty or has control characters.")
    try:
        size = len(subject.encode())
    except UnicodeEncodeError:
        raise InvalidInput("The subject of a fact has half of a character in it.") from None
    if size > _LONGEST_SUBJECT:
        raise InvalidInput(f"The subject of a fact is longer than {_LONGEST_SUBJECT} bytes.")
    return subject


def _put(tx: Tx, owner: str, statements: Sequence[Statement], changed: FactsChanged) -> None:
    for outcome in stored.put(tx, owner, statements):
        changed.added += outcome.new
        changed.confirmed += not outcome.new
        changed.ended += outcome.ended


def _end_others(tx: Tx, owner: str, said: Statement, *, path: str, named: set[str]) -> int:
    """End what holds at and below `path` and is not named; return how many facts."""
    leaves = stored.leaves(tx, owner, said.subject, path, as_of=said.at)
    others = [leaf.predicate for leaf in leaves if leaf.predicate not in named]
    return sum(stored.end(tx, owner, said.subject, at, said=said, children=False) for at in others)


def _laid_over(
    tx: Tx, owner: str, said: Statement, leaves: Sequence[tuple[str, JsonValue]]
) -> list[tuple[str, JsonValue]]:
    """The leaves that say something; an empty object laid over another takes nothing from it."""
    return [(at, leaf) for at, leaf in leaves if leaf != {} or not _has_parts(tx, owner, said, at)]


def _has_parts(tx: Tx, owner: str, said: Statement, path: str) -> bool:
    """Whether anything holds below `path` when `said` begins to."""
    first = next(stored.leaves(tx, owner, said.subject, path, as_of=said.at), None)
    return first is not None and first.predicate != path


def _value(tx: Tx, owner: str, subject: str, path: str, at: int | None) -> JsonValue:
    """What holds at `path`; an empty object if nothing does."""
    try:
        return tree.nested(stored.leaves(tx, owner, subject, path, as_of=at), path)
    except NotFound:
        return {}


def _value_or_nothing(
    tx: Tx, *, owner: str, subject: str, path: str, at: int | None, most: int | None
) -> JsonValue:
    leaves = stored.leaves(tx, owner, subject, path, as_of=at)
    return tree.nested(leaves if most is None else _bounded(leaves, most), path)


def _bounded(leaves: Iterator[stored.Leaf], most: int) -> Iterator[stored.Leaf]:
    for number, leaf in enumerate(leaves):
        if number == most:
            raise InvalidInput(
                f"There are more than {most} facts.",
                hint="Ask for a path with fewer, or for the facts as a list.",
            )
        yield leaf
