"""Our own back ends pass the kit that we publish."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.postgres import PostgresAddress, PostgresServer

from muxi.storage.database import Database, open_database
from muxi.testing.storage import StorageConformance


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    address = postgres.migrated()
    yield address
    postgres.drop(address)


class TestSqliteFile(StorageConformance):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
        yield database
        await database.close()


class TestSqliteInMemory(StorageConformance):
    @pytest.fixture
    async def database(self) -> AsyncIterator[Database]:
        database = await open_database("sqlite://")
        yield database
        await database.close()


class TestPostgres(StorageConformance):
    @pytest.fixture
    async def database(
        self, postgres: PostgresServer, address: PostgresAddress
    ) -> AsyncIterator[Database]:
        postgres.clean(address)
        database = await open_database(address.url, pool=4)
        yield database
        await database.close()
