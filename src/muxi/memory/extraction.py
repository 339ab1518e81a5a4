"""Facts out of conversations: by plain statements, and by a model if one is set. Called by
`learning`, off the path of any turn.

What a turn was heard to say is checked by `junk`, brought to the paths that are known, and told to
the store with its source. A turn whose message or memory is gone by then tells nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Final

from pydantic import JsonValue

from muxi.core.errors import NotFound
from muxi.core.facts import USER, canonical
from muxi.core.paths import dotted, steps
from muxi.memory.claims import Claim, Heard
from muxi.memory.tree import text_of
from muxi.storage import facts as stored
from muxi.storage import messages, passages
from muxi.storage.fact_rows import micros
from muxi.storage.facts import Statement
from muxi.storage.transaction import Tx

_ALIASES: Final = {
    "city": "location.city",
    "home.city": "location.city",
    "residence": "location.city",
    "lives_in": "location.city",
    "hometown": "origin",
    "from": "origin",
    "country": "location.country",
    "full_name": "name",
    "first_name": "name",
    "user_name": "name",
    "job": "work.role",
    "job_title": "work.role",
    "occupation": "work.role",
    "profession": "work.role",
    "work.title": "work.role",
    "work.position": "work.role",
    "employer": "work.employer",
    "company": "work.employer",
    "workplace": "work.employer",
    "work.company": "work.employer",
    "spouse.name": "partner.name",
    "dietary_preference": "diet",
    "birth_date": "birthday",
    "date_of_birth": "birthday",
}
"""Paths that models like to give, and the ones by which the same is known here."""
_PREFIXES: Final = ("user", "profile", "personal", "me", "facts")
_FORGOTTEN: Final = "forgotten"
"""Key in the metadata of a message whose words were taken away."""


@dataclass(slots=True)
class Learned:
    """What came of some turns."""

    new: int = 0
    confirmed: int = 0
    ended: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    """Claims that were dropped, by reason."""

    def add(self, other: Learned) -> None:
        self.new += other.new
        self.confirmed += other.confirmed
        self.ended += other.ended
        self.refused += other.refused


def sifted(claims: Iterable[Claim], heard: Heard, learned: Learned) -> list[Claim]:
    """The claims that the turn supports, on the paths that are known, each once."""
    # Its patterns take time to compile, and are not needed to start.
    from muxi.memory.junk import reason_against

    kept: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        reason = reason_against(claim, heard)
        if reason is None:
            named = replace(claim, path=known_path(claim.path), value=_trimmed(claim.value))
            if (named.path, canonical(named.value)) in kept:
                reason = "duplicate"
            else:
                kept[named.path, canonical(named.value)] = named
        if reason is not None:
            learned.refused[reason] += 1
    return list(kept.values())


def known_path(path: str) -> str:
    """`path` in small letters and by the name under which the same is known."""
    way = [re.sub(r"[\s-]+", "_", step.strip()) for step in steps(path)]
    # Names of people and things keep their letters, kinds have small ones.
    way = [*(step.casefold() for step in way[:-1]), way[-1]]
    if len(way) > 1 and way[0] in _PREFIXES:
        way = way[1:]
    plain = dotted(way)
    return _ALIASES.get(plain.casefold(), plain)


def tell(
    tx: Tx, owner: str, heard: Heard, claims: Sequence[Claim], *, subject: str = USER
) -> Learned:
    """Store what a turn tells, unless the turn itself is gone."""
    learned = Learned()
    if not claims or not _is_there(tx, owner, heard):
        return learned
    stored.lock(tx, owner)
    named = {claim.path for claim in claims if not claim.over}
    for claim in claims:
        if not _fits(tx, owner, subject, claim.path):
            learned.refused["path"] += 1
            continue
        one = _statement(heard, subject, claim.path, _as_known(tx, owner, subject, claim))
        if claim.over:
            learned.ended += _end(tx, owner, one)
            continue
        # What began in the past and was told as present holds at the time of telling as well.
        told = [one] if claim.since is None else [replace(one, at=micros(claim.since)), one]
        outcomes = stored.put(tx, owner, told)
        new = any(outcome.new for outcome in outcomes)
        ended = sum(outcome.ended for outcome in outcomes)
        learned.new += new
        learned.confirmed += not new
        learned.ended += ended
        if new and (ended or claim.moved):
            for other in sorted(set(claim.siblings) - named):
                for said in told:
                    learned.ended += stored.end(tx, owner, subject, other, said=said)
    return learned


def _fits(tx: Tx, owner: str, subject: str, path: str) -> bool:
    """Whether there is no whole object at `path`, which one value would wipe out."""
    first = next(stored.leaves(tx, owner, subject, path), None)
    return first is None or first.predicate == path


def _as_known(tx: Tx, owner: str, subject: str, claim: Claim) -> JsonValue:
    """The value as it is known already, if only letters or blanks differ."""
    fact = stored.current(tx, owner, subject, claim.path)
    if fact is not None and _folded(fact.value) == _folded(claim.value):
        return fact.value
    return claim.value


def _folded(value: JsonValue) -> str:
    return " ".join(canonical(value).casefold().split())


def _end(tx: Tx, owner: str, said: Statement) -> int:
    """End the fact, if it is the one that holds."""
    fact = stored.current(tx, owner, said.subject, said.predicate, as_of=said.at)
    if fact is None or _folded(fact.value) != " ".join(said.value.casefold().split()):
        return 0
    return stored.end(tx, owner, said.subject, said.predicate, said=said)


def _statement(heard: Heard, subject: str, path: str, value: JsonValue) -> Statement:
    said_at = heard.said_at if heard.said_at.tzinfo else heard.said_at.replace(tzinfo=UTC)
    return Statement(
        subject=subject,
        predicate=path,
        value=text_of(value),
        at=micros(said_at),
        message_id=heard.message_id,
        memory_id=heard.memory_id,
        source="conversation",
    )


def _is_there(tx: Tx, owner: str, heard: Heard) -> bool:
    """Whether what would be the source has not been forgotten meanwhile."""
    if heard.memory_id is not None:
        return bool(passages.get(tx, [owner], [heard.memory_id]))
    if heard.message_id is None:
        return True
    try:
        return _FORGOTTEN not in messages.get(tx, heard.message_id).metadata
    except NotFound:
        return False


def _trimmed(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return " ".join(value.split()).strip(" .,;!")
    if isinstance(value, list):
        return [_trimmed(item) for item in value]
    return value
