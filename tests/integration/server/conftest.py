"""Fixtures of the tests of the server."""

from __future__ import annotations

from typing import Any

import pytest
from support.postgres import PostgresAddress


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.ci)])
def storage(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a project declares of its storage: nothing for SQLite, or an empty PostgreSQL."""
    if request.param == "sqlite":
        return {}
    address: PostgresAddress = request.getfixturevalue("wiped_database")
    return {"storage": {"url": address.url, "owner_url": address.owner_url}}
