"""Processes of one database use up limits together: no more than a block each goes unseen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from math import ceil
from pathlib import Path

import pytest
from support.postgres import PostgresAddress

from muxi.config.rate_settings import RateLimit, RateLimits
from muxi.core.caller import Caller, Credential
from muxi.core.errors import AccessDenied
from muxi.identity import attempts
from muxi.identity.allowances import Limit, SharedAllowances
from muxi.identity.attempts import OF_ADDRESS, OF_PAIR, Attempts
from muxi.server.problems import Refused
from muxi.server.rates import Rates
from muxi.storage.database import open_database
from muxi.storage.transaction import Database, Scope

ANN = Caller("default", "ann", Credential("key", "k1"))
HERE = Scope("default", None)


@pytest.fixture
async def database(wiped_database: PostgresAddress) -> AsyncIterator[Database]:
    opened = await open_database(wiped_database.url, pool=4)
    yield opened
    await opened.close()


async def _admitted(rates: Rates, count: int) -> int:
    """How many of so many requests pass that come at once."""

    async def passes() -> bool:
        try:
            await rates.admit(ANN)
        except Refused:
            return False
        return True

    return sum(await asyncio.gather(*(passes() for _ in range(count))))


@pytest.mark.parametrize("requests", [1, 10, 200])
async def test_together_they_let_pass_the_limit_and_at_most_a_block_each(
    database: Database, requests: int
) -> None:
    limit, nodes = RateLimit(requests=requests, per="hour"), 3
    shared = [SharedAllowances(database) for _ in range(nodes)]
    began = time.monotonic()
    counts = await asyncio.gather(
        *(_admitted(Rates(RateLimits(user=limit), each), requests * 2) for each in shared)
    )
    known = Limit("user", requests, limit.seconds)
    came_back = ceil((time.monotonic() - began) / known.step)
    assert requests <= sum(counts) <= requests + nodes * known.block + came_back
    for each in shared:
        await each.close()


async def test_what_one_has_let_pass_another_does_not(database: Database) -> None:
    limits = RateLimits(user=RateLimit(requests=40, per="hour"))
    one, two = SharedAllowances(database), SharedAllowances(database)
    assert await _admitted(Rates(limits, one), 40) == 40
    await one.close()
    block = Limit("user", 40, 3600).block
    assert await _admitted(Rates(limits, two), 40) <= block
    await two.close()
    # Nobody pays for what was refused.
    (rows,) = await database.read(HERE, lambda tx: tx.raw("SELECT used, full_at FROM rates"))
    behind = rows[1] / 1e6 - time.time()
    assert behind < (40 + block + 1) * 90


async def test_a_subject_of_which_all_has_come_back_leaves_no_row(database: Database) -> None:
    limits = RateLimits(user=RateLimit(requests=10**6, per="second"), tenant=RateLimit(requests=5))
    shared = SharedAllowances(database)
    await Rates(limits, shared).admit(ANN)
    await shared.close()
    count = "SELECT count(*) FROM rates"
    assert await database.read(HERE, lambda tx: tx.raw(count)) == [(2,)]
    await shared.sweep()
    assert await database.read(HERE, lambda tx: tx.raw(count)) == [(1,)]


async def test_without_its_database_each_counts_for_itself(
    wiped_database: PostgresAddress,
) -> None:
    database = await open_database(wiped_database.url, pool=2)
    shared = SharedAllowances(database)
    rates = Rates(RateLimits(user=RateLimit(requests=40, per="hour")), shared)
    await database.close()
    assert await _admitted(rates, 100) == 40
    await shared.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def counted(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Database, Database]]:
    """A database as two see it who use it: two processes, or one after a restart."""
    if request.param == "sqlite":
        opened = await open_database(f"sqlite:///{tmp_path}/muxi.db")
        yield opened, opened
        await opened.close()
        return
    url: str = request.getfixturevalue("wiped_database").url
    one, two = await open_database(url, pool=4), await open_database(url, pool=4)
    yield one, two
    await one.close()
    await two.close()


async def test_of_guesses_that_come_at_once_no_more_count_than_one_after_another(
    counted: tuple[Database, Database],
) -> None:
    nodes = [Attempts(each) for each in counted]

    async def guess(number: int) -> str:
        """What is said of a wrong password, of which nobody else has been told anything yet."""
        try:
            await nodes[number % 2].tried("default/ann", "192.0.2.1", right=False)
        except AccessDenied:
            return "too many"
        return "wrong"

    said = await asyncio.gather(*(guess(number) for number in range(20)))
    assert said.count("wrong") == OF_PAIR
    for node in nodes:
        for refused in (
            node.check("default/ann", "192.0.2.1"),
            node.tried("default/ann", "192.0.2.1", right=True),
        ):
            with pytest.raises(AccessDenied, match="too many"):
                await refused
    await nodes[0].check("default/ann", "192.0.2.2")
    await nodes[1].check("default/bob", "192.0.2.1")


async def test_failures_are_forgotten_after_a_while_and_after_a_success(
    counted: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (Attempts(each) for each in counted)
    for _ in range(3):
        for _ in range(OF_PAIR - 1):
            await one.tried("default/ann", "192.0.2.1", right=False)
        await two.tried("default/ann", "192.0.2.1", right=True)
    for _ in range(OF_PAIR):
        await one.tried("default/bob", "192.0.2.1", right=False)
    with pytest.raises(AccessDenied):
        await two.check("default/bob", "192.0.2.1")
    for number in range(OF_ADDRESS - OF_PAIR * 4 + 3):
        await one.tried(f"default/{number}", "192.0.2.1", right=False)
    with pytest.raises(AccessDenied):
        await two.check("default/carol", "192.0.2.1")
    monkeypatch.setattr(attempts, "_SPAN", 0)
    await two.check("default/bob", "192.0.2.1")
    await two.tried("default/bob", "192.0.2.1", right=False)
    await two.sweep()
    count = "SELECT count(*) FROM guesses"
    assert await counted[0].read(HERE, lambda tx: tx.raw(count)) == [(0,)]
