"""Leases and sequence numbers: one holder, growing fences, numbers that are never reused."""

from __future__ import annotations

import asyncio

import pytest

from muxi.core.errors import LeaseLost, NotFound
from muxi.storage import leases, sequences
from muxi.storage.transaction import Database
from muxi.testing.storage.samples import ANN, HOLDER, a_thread

OTHER = "process-2"


class LeaseConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_lease_has_one_holder(self, database: Database) -> None:
        lease = await database.write(ANN, lambda tx: leases.acquire(tx, "run", "r", HOLDER))
        with pytest.raises(LeaseLost):
            await database.write(ANN, lambda tx: leases.acquire(tx, "run", "r", OTHER))
        await database.write(ANN, lambda tx: leases.check(tx, lease))

    async def test_its_holder_may_take_a_lease_again_and_keeps_its_fence(
        self, database: Database
    ) -> None:
        first = await database.write(ANN, lambda tx: leases.acquire(tx, "run", "r", HOLDER))
        again = await database.write(ANN, lambda tx: leases.acquire(tx, "run", "r", HOLDER))
        assert again.fence == first.fence

    @pytest.mark.parametrize("end", ["expired", "released", "seized"])
    async def test_a_successor_has_a_higher_fence_and_shuts_the_other_out(
        self, database: Database, end: str
    ) -> None:
        seconds = -1.0 if end == "expired" else 60.0
        old = await database.write(
            ANN, lambda tx: leases.acquire(tx, "run", "r", HOLDER, seconds=seconds)
        )
        if end == "released":
            await database.write(ANN, lambda tx: leases.release(tx, old))
        take = leases.seize if end == "seized" else leases.acquire
        new = await database.write(ANN, lambda tx: take(tx, "run", "r", OTHER))
        assert new.fence > old.fence
        with pytest.raises(LeaseLost):
            await database.write(ANN, lambda tx: leases.check(tx, old))
        with pytest.raises(LeaseLost):
            await database.write(ANN, lambda tx: leases.renew(tx, old))
        await database.write(ANN, lambda tx: leases.release(tx, old))
        await database.write(ANN, lambda tx: leases.check(tx, new))

    async def test_a_lease_can_be_renewed_while_nobody_took_it(self, database: Database) -> None:
        lease = await database.write(
            ANN, lambda tx: leases.acquire(tx, "thread", "t", HOLDER, seconds=-1)
        )
        renewed = await database.write(ANN, lambda tx: leases.renew(tx, lease, seconds=60))
        assert renewed.fence == lease.fence
        assert renewed.expires_at > lease.expires_at
        with pytest.raises(LeaseLost):
            await database.write(ANN, lambda tx: leases.acquire(tx, "thread", "t", OTHER))

    async def test_a_lease_that_was_let_go_is_not_renewed(self, database: Database) -> None:
        lease = await database.write(ANN, lambda tx: leases.acquire(tx, "thread", "t", HOLDER))
        await database.write(ANN, lambda tx: leases.release(tx, lease))
        with pytest.raises(LeaseLost):
            await database.write(ANN, lambda tx: leases.renew(tx, lease))
        await database.write(ANN, lambda tx: leases.acquire(tx, "thread", "t", OTHER))

    async def test_of_many_who_want_a_lease_one_gets_it(self, database: Database) -> None:
        async def want(holder: str) -> bool:
            try:
                await database.write(ANN, lambda tx: leases.acquire(tx, "run", "r", holder))
            except LeaseLost:
                return False
            return True

        outcomes = await asyncio.gather(*(want(f"process-{n}") for n in range(20)))
        assert sum(outcomes) == 1

    async def test_no_number_is_given_twice(self, database: Database) -> None:
        thread = await a_thread(database)
        blocks = await asyncio.gather(
            *(
                database.write(ANN, lambda tx, n=n: sequences.reserve(tx, thread.id, n))
                for n in range(1, 30)
            )
        )
        given = [number for block in blocks for number in block]
        assert sorted(given) == list(range(1, len(given) + 1))

    async def test_numbers_belong_to_a_thread(self, database: Database) -> None:
        with pytest.raises(NotFound):
            await database.write(ANN, lambda tx: sequences.reserve(tx, "thr_none", 5))
