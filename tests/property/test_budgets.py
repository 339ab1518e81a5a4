"""A hundred calls at once, of any size, never consume more than there is: on both databases."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from support.postgres import PostgresAddress

from muxi.core.alone import UNRESERVED
from muxi.core.budgets import Budget
from muxi.core.context import RunContext
from muxi.core.errors import BudgetExceeded
from muxi.core.ports import Estimate
from muxi.core.scope import Scope
from muxi.core.usage import Usage
from muxi.identity import ledger as ledgers
from muxi.identity.ledger import BudgetLedger
from muxi.runtime.budgets import ledger_of
from muxi.storage.database import open_database
from muxi.storage.records import now_micros

PRICE = Decimal("0.001")
"""US dollars of a token."""
DOLLARS = Decimal("3")
TOKENS = 4_000
BUDGETS = {
    "all": Budget(per="tenant", every="day", cost=DOLLARS),
    "each": Budget(per="user", every="month", tokens=TOKENS),
    "ann": Budget(per="user:ann", every="month", tokens=2 * TOKENS),
    "busy": Budget(per="agent", every="hour", tokens=10 * TOKENS),
    "once": Budget(per="run", tokens=TOKENS // 2),
}
USERS = ("ann", "bob", "eve")


@pytest.fixture(params=["sqlite", "postgresql"])
async def two_ledgers(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[list[BudgetLedger]]:
    """One ledger on SQLite; on PostgreSQL two, each as a process of its own has it."""
    async with AsyncExitStack() as stack:
        made: list[BudgetLedger] = []
        for _ in range(1 if request.param == "sqlite" else 2):
            if request.param == "sqlite":
                database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
            else:
                address: PostgresAddress = request.getfixturevalue("postgres_database")
                database = await open_database(address.url, pool=4)
            stack.push_async_callback(database.close)
            made.append(ledger_of(database, BUDGETS))
            stack.push_async_callback(made[-1].close)
        yield made


def _context(user: str, run: str, root: str | None = None) -> RunContext[None]:
    return RunContext(deps=None, user=user, agent="helper", run_id=run, root_run_id=root)


def _wanted(prompt: int, answer: int) -> Estimate:
    return Estimate(
        input_tokens=prompt,
        output_tokens=answer,
        input_cost=prompt * PRICE,
        output_cost=answer * PRICE,
    )


async def _call(
    ledger: BudgetLedger, ctx: RunContext[None], source: random.Random, spent: dict[str, int]
) -> None:
    """One call that consumes some of what it is granted, or is cancelled meanwhile."""
    prompt, answer = source.randrange(1, 200), source.randrange(1, 1_000)
    reserved = await ledger.reserve(ctx, lambda: _wanted(prompt, answer))
    assert reserved is not UNRESERVED
    granted = answer if reserved.output_tokens is None else reserved.output_tokens
    used = prompt + source.randrange(granted + 1)
    for _ in range(source.randrange(4)):
        await asyncio.sleep(0)
    spent[ctx.user] += used
    spent[ctx.root_run_id or ctx.run_id] = spent.get(ctx.root_run_id or ctx.run_id, 0) + used
    await ledger.settle(
        reserved, Usage(input_tokens=prompt, output_tokens=used - prompt, cost=used * PRICE)
    )


@pytest.mark.parametrize("seed", range(3))
async def test_a_hundred_runs_at_once_never_overspend(
    two_ledgers: list[BudgetLedger], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "PATIENCE", 0.5)
    source = random.Random(seed)
    spent = dict.fromkeys(USERS, 0)
    refused: list[BudgetExceeded] = []

    async def run(number: int) -> None:
        # Every third one was begun by another run, whose budget it consumes.
        root = f"run_{number - 1}" if number % 3 == 0 and number else None
        ctx = _context(source.choice(USERS), f"run_{number}", root)
        ledger = source.choice(two_ledgers)
        try:
            for _ in range(source.randrange(1, 5)):
                await _call(ledger, ctx, source, spent)
        except BudgetExceeded as error:
            refused.append(error)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(number)) for number in range(100)]
        await asyncio.sleep(0)
        for task in source.sample(tasks, 10):
            task.cancel()
    assert sum(spent[user] for user in USERS) * PRICE <= DOLLARS
    assert all(spent[user] <= TOKENS * (2 if user == "ann" else 1) for user in USERS)
    assert all(used <= TOKENS // 2 for name, used in spent.items() if name.startswith("run_"))
    # Nearly all of it was of use: nobody was refused for what others only held.
    assert refused
    assert sum(spent[user] for user in USERS) * PRICE >= DOLLARS * Decimal("0.5")
    assert {error.details["budget"] for error in refused} <= set(BUDGETS)


async def test_what_is_stored_is_what_was_consumed_and_nothing_stays_reserved(
    two_ledgers: list[BudgetLedger],
) -> None:
    source, spent = random.Random(7), dict.fromkeys(USERS, 0)
    for number in range(6):
        ledger = two_ledgers[number % len(two_ledgers)]
        await _call(ledger, _context("bob", f"run_{number}"), source, spent)
    ledger = two_ledgers[0]
    fresh = ledger_of(ledger.database, BUDGETS)
    rules = await fresh.rules("default")
    lines = rules.lines(user="bob", agent="helper", run="run_0", now=now_micros())
    for which in (*two_ledgers, fresh):
        balances = await which.balances("default", [line.key for line in lines])
        of_user = balances[[line.key.subject for line in lines].index("user:bob")]
        assert of_user.spent.tokens == spent["bob"]
        assert of_user.held.tokens == of_user.held.nano_dollars == 0
    await fresh.close()


async def test_a_call_of_unknown_cost_counts_the_most_that_it_may_have_cost(
    two_ledgers: list[BudgetLedger],
) -> None:
    ledger = two_ledgers[0]
    ctx = _context("ann", "run_1")
    reserved = await ledger.reserve(ctx, lambda: _wanted(100, 100))
    await ledger.settle(reserved, Usage(input_tokens=100, output_tokens=1, cost=None))
    rules = await ledger.rules("default")
    lines = rules.lines(user="ann", agent="helper", run="run_1", now=now_micros())
    [whole] = [line for line in lines if line.name == "all"]
    [balance] = await ledger.balances("default", [whole.key])
    assert balance.spent.nano_dollars == 200 * 1_000_000


async def test_balances_of_tenants_are_apart(two_ledgers: list[BudgetLedger]) -> None:
    ledger = two_ledgers[0]
    source, spent = random.Random(1), dict.fromkeys(USERS, 0)
    await _call(ledger, _context("bob", "run_1"), source, spent)
    rules = await ledger.rules("other")
    lines = rules.lines(user="bob", agent="helper", run="run_1", now=now_micros())
    balances = await ledger.balances("other", [line.key for line in lines])
    assert [balance.spent.tokens for balance in balances] == [0] * len(lines)


async def test_a_run_is_counted_once_it_begins_and_not_if_it_does_not(
    two_ledgers: list[BudgetLedger],
) -> None:
    from muxi.models.scripted import ScriptedModel

    database = two_ledgers[0].database
    pair = [
        ledger_of(database, {"three": Budget(per="user", every="day", runs=3)}) for _ in two_ledgers
    ]
    who, model = Scope("default", "ann"), ScriptedModel([])
    admit = [
        ledger.admit(who, agent="a", model=model, run_id=f"run_{n}")
        for n, ledger in enumerate(pair * 10)
    ]
    outcomes = await asyncio.gather(*admit, return_exceptions=True)
    admitted = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(admitted) == 3
    await pair[0].give_back(admitted[0])
    await pair[-1].admit(who, agent="a", model=model, run_id="run_x")
    with pytest.raises(BudgetExceeded) as caught:
        await pair[0].admit(who, agent="a", model=model, run_id="run_y")
    assert caught.value.details["limit"] == "runs"
    for ledger in pair:
        await ledger.close()
