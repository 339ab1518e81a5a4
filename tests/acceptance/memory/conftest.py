"""A living server on each database, and clients of it for several users."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muxi.client.client import Client
from muxi.core.requests import ModelRequest
from tests.support.command import muxi, project, provider
from tests.support.postgres import PostgresAddress
from tests.support.served import Served, served

__all__ = ["World", "muxi", "people", "project", "provider", "world"]


def _echo(request: ModelRequest) -> str:
    return f"You said: {request.messages[-1].text}"


@dataclass
class World:
    """One project, which can be opened again and again."""

    folder: Path
    dialect: str
    declared: dict[str, Any]

    def open(self, script: Any = _echo) -> AbstractAsyncContextManager[Served]:
        """Serve the project."""
        return served(self.folder, script, **self.declared)


@asynccontextmanager
async def people(muxi: Served, *names: str) -> AsyncGenerator[list[Client]]:
    """A client for each of these users."""
    token = muxi.runtime.state.token()
    clients = [Client(muxi.url, token=token, user=name) for name in names]
    try:
        yield clients
    finally:
        for client in clients:
            await client.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.ci)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    # Without vectors everything is found by its words: these tests ask for exact things.
    declared: dict[str, Any] = {"memory": {"embedder": "none"}}
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        declared["storage"] = {"url": address.url, "owner_url": address.owner_url}
    return World(tmp_path / "project", request.param, declared)
