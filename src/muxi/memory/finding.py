"""A question to memory, from words to memories. Called by recall, by tools and by doors.

It decides nothing about rank, which is `retrieval`'s, and sees no owner that it is not given.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from muxi.core.memories import Recalled, Recollection
from muxi.core.record import now
from muxi.memory.rows import MEMORY, memory_of
from muxi.retrieval.question import Question
from muxi.retrieval.search import Searcher
from muxi.storage import passages
from muxi.storage.transaction import Database, Scope, Tx

_MOST_KNOWN = 10_000
_SPEAKERS_FOR = 30.0
"""Seconds for which it is believed who has spoken: somebody new is named only after that."""


@dataclass(slots=True, kw_only=True)
class Finder:
    """Searches memory. Shared by all who ask."""

    database: Database
    searcher: Searcher
    ready: Callable[[], Awaitable[None]] | None = None
    """Awaited before a search: what is missing in the first moments of a process."""
    _spoke: dict[tuple[str | None, ...], tuple[float, list[str]]] = field(
        default_factory=dict[tuple[str | None, ...], tuple[float, list[str]]]
    )
    """Who has spoken, by whose memories are read, and until when that is believed."""

    async def find(
        self,
        who: Scope,
        owners: Sequence[str],
        text: str,
        *,
        limit: int = 10,
        you: str | None = None,
        groups: Sequence[str] | None = None,
    ) -> Recollection:
        """The memories that answer `text` best, best first.

        Args:
            who: In whose name.
            owners: Whose memories may be read.
            text: The question.
            limit: The most memories.
            you: The agent that is asked, whom "you" means.
            groups: Only memories of these threads.

        Raises:
            StorageError: The database could not answer.
            AccessDenied: `who` may not read one of these owners.
        """
        people = await self._people(who, owners, you)
        if people is None:
            return Recollection(items=[])
        if self.ready is not None:
            await self.ready()
        question = Question.read(text, people, me=who.principal, you=you, now=now())
        found = await self.searcher.search(
            who, owners, question, corpus=MEMORY, limit=limit, groups=groups
        )
        items = [
            Recalled(
                memory=memory_of(found.rows[hit.number]),
                score=hit.score,
                signals=dict(hit.signals),
            )
            for hit in found.hits
        ]
        return Recollection(items=items, embedder=found.embedder, note=found.note)

    async def _people(
        self, who: Scope, owners: Sequence[str], you: str | None
    ) -> dict[str, str] | None:
        """Whom the question may name: all who spoke, but not those whom "I" and "you" mean, whose
        ids are often common words. None where there is nothing to find."""
        key = (who.tenant, who.principal, *owners)
        known = self._spoke.get(key)
        if known is None or time.monotonic() > known[0]:
            spoke = await self.database.read(who, partial(_speakers, owners=owners), tiny=True)
            if spoke is None:
                return None
            if len(self._spoke) >= _MOST_KNOWN:
                self._spoke.clear()
            known = self._spoke[key] = (time.monotonic() + _SPEAKERS_FOR, spoke)
        return {name: name for name in known[1] if name not in (who.principal, you)}

    def changed(self, tenant: str, owner: str) -> None:
        """Memories of this owner were written."""
        self.searcher.changed(tenant, owner)

    def forgot(self, tenant: str, owner: str) -> None:
        """Memories of this owner are gone, and perhaps who said them."""
        self.changed(tenant, owner)
        for key in [key for key in self._spoke if key[0] == tenant and owner in key[2:]]:
            del self._spoke[key]


def _speakers(tx: Tx, owners: Sequence[str]) -> list[str] | None:
    """Who spoke in the memories of these owners; None if they have none."""
    if not any(passages.page(tx, owner, corpus=MEMORY, limit=1).items for owner in owners):
        return None
    return passages.speakers(tx, owners, MEMORY)
