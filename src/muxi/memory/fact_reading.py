"""How facts are read inside of a transaction: by the store, and by doors that compare first.

Each function gives a function of the transaction. None of them writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from muxi.core.facts import USER, Fact
from muxi.core.pages import Page
from muxi.core.paths import normal
from muxi.memory.dates import When, read_date
from muxi.storage import facts as stored
from muxi.storage.fact_rows import micros
from muxi.storage.transaction import Tx


def page(
    owner: str,
    *,
    subject: str | None = None,
    path: str = "",
    as_of: When | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Callable[[Tx], Page[Fact]]:
    """Facts that hold, by subject and path; all subjects if neither is named."""
    read = partial(
        stored.page,
        owner=owner,
        subject=USER if path and subject is None else subject,
        path=normal(path),
        as_of=instant(as_of),
        after=cursor,
        limit=limit,
    )

    def pages(tx: Tx) -> Page[Fact]:
        found = read(tx)
        return Page[Fact].model_construct(items=list(found.items), next=found.next)

    return pages


def version(owner: str, fact_id: str) -> Callable[[Tx], Fact]:
    """One version of a fact. The function raises `NotFound`."""
    return partial(stored.get, owner=owner, fact_id=fact_id)


def lock(owner: str) -> Callable[[Tx], None]:
    """Takes the lock under which the facts of an owner are changed, till the transaction ends."""
    return partial(stored.lock, owner=owner)


def instant(as_of: When | None) -> int | None:
    """A date as rows have it; None for now."""
    return None if as_of is None else micros(read_date(as_of))
