"""Lists of runs: of whom, of which thread, in which state, page after page, each run once."""

from __future__ import annotations

import random
from typing import get_args

from muxi.core.events import RunStatus
from muxi.core.threads import Run, Thread
from muxi.storage import runs, threads
from muxi.storage.transaction import Database, Scope, Tx

_PEOPLE = ("ann", "bob", "eve")
_TENANT = "lists"
_MANY = 1_100
"""More than a list looks at before it goes by threads."""


class RunListConformance:
    """Inherit it through `StorageConformance`."""

    async def test_everybody_finds_the_runs_of_their_threads_page_by_page(
        self, database: Database
    ) -> None:
        chance = random.Random(5)
        of_thread: dict[str, set[str]] = {}
        made: list[Run] = []

        def write(tx: Tx) -> None:
            for _ in range(6):
                thread = threads.create(tx, Thread(owner="ann"))
                of_thread[thread.id] = {"ann", *chance.sample(_PEOPLE, chance.randint(0, 2))}
                for who in of_thread[thread.id] - {"ann"}:
                    threads.join(tx, thread.id, who)
            for _ in range(40):
                status = chance.choice(get_args(RunStatus))
                run = Run(thread_id=chance.choice(list(of_thread)), agent="a", status=status)
                made.append(runs.create(tx, run))

        await database.write(Scope(_TENANT, None), write)
        for who in (*_PEOPLE, None):
            for status in (None, "completed", "failed", "waiting"):
                for thread in (None, next(iter(of_thread))):
                    wanted = [
                        run.id
                        for run in reversed(made)
                        if (who is None or who in of_thread[run.thread_id])
                        and status in (None, run.status)
                        and thread in (None, run.thread_id)
                    ]
                    found = await _walk(database, who, status=status, thread=thread, limit=4)
                    assert found == wanted, (who, status, thread)

    async def test_who_has_few_runs_finds_them_behind_very_many(self, database: Database) -> None:
        alone, shared, others = Thread(owner="ann"), Thread(owner="bob"), Thread(owner="bob")
        made: list[Run] = []

        def write(tx: Tx) -> None:
            for thread in (alone, shared, others):
                threads.create(tx, thread)
            threads.join(tx, shared.id, "ann")
            for number in range(11):
                thread = (alone, shared)[number % 2]
                status = ("completed", "failed")[number % 3 == 0]
                run = Run(thread_id=thread.id, agent="a", status=status)
                made.append(runs.create(tx, run))
            for _ in range(_MANY):
                runs.create(tx, Run(thread_id=others.id, agent="a", status="completed"))

        await database.write(Scope(_TENANT, None), write)
        for status in (None, "completed", "failed"):
            wanted = [run.id for run in reversed(made) if status in (None, run.status)]
            assert await _walk(database, "ann", status=status, thread=None, limit=3) == wanted
            assert await _walk(database, "eve", status=status, thread=None, limit=3) == []


async def _walk(
    database: Database,
    who: str | None,
    *,
    status: RunStatus | None,
    thread: str | None,
    limit: int,
) -> list[str]:
    """Ids of all pages."""
    found: list[str] = []
    place: str | None = None
    while True:
        page = await database.read(
            Scope(_TENANT, who),
            lambda tx, place=place: runs.page(
                tx, thread_id=thread, status=status, after=place, limit=limit
            ),
        )
        found += [run.id for run in page.items]
        if page.next is None:
            return found
        place = page.next
