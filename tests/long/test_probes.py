"""A million random calls of the store in two tenants with the same ids: never a foreign row."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress

from muxi.core.errors import MuxiError
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.transaction import Tx

from .probes import PEOPLE, Tenant, forge
from .sizes import SEED, Size, sized

Record = Callable[[str, Any], None]

_TOGETHER = 30
"""The most probes of one transaction."""

_UNDONE = 0.03
"""Share of the transactions that are undone, and their changes to the model with them."""


class _Undo(Exception):
    """Raised at the end of a transaction to undo it."""


@sized("MUXI_LONG_PROBES", quick=5_000, long=1_000_000)
async def test_probes_find_no_foreign_row_in_sqlite(
    size: Size, tmp_path: Path, record_property: Record
) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    try:
        await _probe(database, size.count, record_property)
    finally:
        await database.close()


@sized("MUXI_LONG_PROBES", quick=5_000, long=1_000_000)
async def test_probes_find_no_foreign_row_in_postgresql(
    size: Size, postgres_database: PostgresAddress, record_property: Record
) -> None:
    database = await open_database(postgres_database.url, pool=3)
    try:
        await _probe(database, size.count, record_property)
        for name in ("here", "there"):
            tenant = Tenant(name, random.Random(name))
            with pytest.raises(MuxiError):
                await database.write(Scope(name, None), lambda tx, t=tenant: forge(t, tx))
    finally:
        await database.close()


async def _probe(database: Database, count: int, record_property: Record) -> None:
    """Both tenants at the same time, each one transaction after the other."""
    tenants = [Tenant(name, random.Random(f"{SEED} {name}")) for name in ("here", "there")]
    began = asyncio.get_running_loop().time()
    done = await asyncio.gather(*(_live(database, tenant, count // 2) for tenant in tenants))
    record_property("probes", sum(tenant.count for tenant in tenants))
    record_property("transactions", sum(done))
    record_property("seconds", round(asyncio.get_running_loop().time() - began, 1))
    for tenant in tenants:
        assert tenant.count >= count // 2
        assert tenant.threads, "the probes stored nothing"


async def _live(database: Database, tenant: Tenant, count: int) -> int:
    """Probe as one tenant; returns the number of transactions."""
    transactions = 0
    while tenant.count < count:
        transactions += 1
        chance = tenant.chance
        scope = Scope(tenant.name, chance.choice((*PEOPLE, None)))
        probes = chance.randint(1, _TOGETHER)
        if chance.random() < 0.4:
            await database.read(scope, lambda tx, n=probes: _several(tenant, tx, n, writes=False))
        elif chance.random() < _UNDONE:
            await _undone(database, scope, tenant, probes)
        else:
            await database.write(scope, lambda tx, n=probes: _several(tenant, tx, n, writes=True))
    return transactions


async def _undone(database: Database, scope: Scope, tenant: Tenant, probes: int) -> None:
    before = copy.deepcopy({k: v for k, v in vars(tenant).items() if k not in ("chance", "count")})

    def work(tx: Tx) -> None:
        _several(tenant, tx, probes, writes=True)
        raise _Undo

    with pytest.raises(_Undo):
        await database.write(scope, work)
    vars(tenant).update(before)


def _several(tenant: Tenant, tx: Tx, probes: int, *, writes: bool) -> None:
    for _ in range(probes):
        tenant.probe(tx, writes=writes)
