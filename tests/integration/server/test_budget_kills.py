"""Two processes share a budget, and one that is killed gives back what it had reserved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress
from support.processes import Process, started

from muxi.client.client import Client
from muxi.core.errors import BudgetExceeded
from muxi.core.events import Event

SCRIPT = Path(__file__).parents[2] / "support" / "spending_server.py"
DEADLINE = 120.0


@dataclass
class Spender:
    """A server in a process of its own."""

    process: Process
    client: Client
    folder: Path

    async def kill(self) -> None:
        await self.process.kill()

    async def say(self, text: str) -> Event:
        run = await self.client.start_run(text)
        return [event async for event in self.client.events(run.id, patience=DEADLINE)][-1]

    async def balance(self) -> Any:
        [balance] = (await self.client.budgets.balances()).items
        return balance


@asynccontextmanager
async def spender(folder: Path, **declared: Any) -> AsyncGenerator[Spender]:
    declared = {"model": "m/m", "agents": {"a": {"name": "a"}}, **declared}
    await asyncio.to_thread(_write, folder / "muxi.yaml", json.dumps(declared))
    async with started(folder, SCRIPT) as server:
        yield Spender(server, server.client, folder)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


async def _until_reserved(server: Spender, least: Decimal) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            page = (await server.client.budgets.balances()).items
            if page and page[0].reserved.cost >= least:
                return


async def test_a_killed_process_has_reserved_nothing_and_lost_nothing(tmp_path: Path) -> None:
    budgets = {"all": {"per": "tenant", "every": "month", "cost": "4"}}
    async with spender(tmp_path / "a", budgets=budgets) as first:
        await first.say("hello")
        await first.client.start_run("wait")
        await _until_reserved(first, Decimal("1"))
        assert (await first.balance()).used.cost == Decimal("0.2")
        await first.kill()
    async with spender(tmp_path / "a", budgets=budgets) as second:
        # What the killed process had reserved is the successor's again, which goes on with the run.
        (tmp_path / "a" / "go").touch()
        runs = (await second.client.runs()).items
        for run in runs:
            assert [event async for event in second.client.events(run.id, patience=DEADLINE)]
        balance = await second.balance()
        assert balance.used.cost == Decimal("0.4")
        assert balance.reserved.cost == 0


@pytest.mark.ci
async def test_two_processes_share_a_budget_and_one_inherits_what_the_other_held(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    declared: dict[str, Any] = {
        "budgets": {"all": {"per": "tenant", "every": "month", "cost": "2"}},
        "storage": {"url": postgres_database.url, "owner_url": postgres_database.owner_url},
    }
    async with (
        spender(tmp_path / "a", **declared) as first,
        spender(tmp_path / "b", **declared) as second,
    ):
        await first.client.start_run("wait")
        await _until_reserved(second, Decimal("1"))
        await first.kill()
        # What the dead process holds is waited for, until nobody renews it any more.
        ended: Any = await second.say("hello")
        assert ended.type == "run.completed"
        assert ended.status == "completed"
        (tmp_path / "b" / "go").touch()
        outcomes: list[str] = []
        for _ in range(10):
            try:
                outcomes.append((await second.say("hello")).status)
            except BudgetExceeded:
                outcomes.append("refused")
        assert outcomes[-1] in {"refused", "limited"}
        assert (await second.balance()).used.cost <= 2
