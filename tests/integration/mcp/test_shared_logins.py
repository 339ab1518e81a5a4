"""A login is begun at one replica and finished at another: once, in time, and by nobody else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.authorization import Authority, consent, guarded_server
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.core.errors import NotFound
from muxi.core.mcp_login import LoginAnswer
from muxi.core.scope import Scope
from muxi.core.servers import ServerInfo
from muxi.mcp.oauth import provider

BACK = "http://127.0.0.1:8914/callback"
WHOLE = Scope("default", None)


@pytest.fixture
async def authority() -> AsyncGenerator[Authority]:
    async with guarded_server() as found:
        yield found


class Logins:
    """Logins to `docs`, of the project or of the user who speaks."""

    def __init__(self, muxi: Served, *, own: bool) -> None:
        self.muxi = muxi
        self._client = muxi.client.credentials if own else muxi.client.mcp

    async def begin(self) -> str:
        page = await self._client.begin_login("docs", BACK)
        assert page is not None
        return page

    async def finish(self, answer: LoginAnswer) -> ServerInfo:
        return await self._client.finish_login("docs", answer)

    async def stored(self, what: str) -> list[Any]:
        """A column of what is kept of logins that wait."""
        query = f"SELECT {what} FROM secrets WHERE substr(name, 1, 8) = 'waiting:'"
        rows = await self.muxi.runtime.database.read(WHOLE, lambda tx: tx.raw(query))
        return [row[0] for row in rows]


@asynccontextmanager
async def replica(
    folder: Path, authority: Authority, storage: dict[str, Any], *, own: bool
) -> AsyncGenerator[Logins]:
    docs: dict[str, Any] = {"url": f"{authority.url}/mcp"}
    if own:
        docs["auth"] = {"login": "user"}
    async with served(folder, [], mcp={"servers": {"docs": docs}}, **storage) as muxi:
        yield Logins(muxi, own=own)


@pytest.mark.ci
@pytest.mark.parametrize("own", [False, True])
async def test_the_answer_may_come_to_another_process_and_counts_once(
    wiped_database: PostgresAddress, tmp_path: Path, authority: Authority, own: bool
) -> None:
    url = {"url": wiped_database.url, "owner_url": wiped_database.owner_url}
    storage = {"storage": url}
    async with replica(tmp_path / "a", authority, storage, own=own) as one:
        page = await one.begin()
        key = Path(".muxi", "master.key")
        await asyncio.to_thread((tmp_path / "b" / ".muxi").mkdir, parents=True)
        await asyncio.to_thread(shutil.copy, tmp_path / "a" / key, tmp_path / "b" / key)
        async with replica(tmp_path / "b", authority, storage, own=own) as two:
            (state,) = parse_qs(urlsplit(page).query)["state"]
            assert state.encode() not in (await two.stored("sealed"))[0]
            answer = await consent(page)
            assert (await two.finish(answer)).state == "ready"
            for each in (one, two):
                with pytest.raises(NotFound, match="No login"):
                    await each.finish(answer)
            assert await one.stored("name") == []


async def test_a_login_that_nobody_finished_in_time_is_gone(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(tmp_path, authority, {}, own=True) as logins:
        sweep = logins.muxi.runtime.mcp.logins.sweep
        page = await logins.begin()
        assert await logins.stored("owner") == ["user:local"]
        assert [each.updated_at for each in await logins.muxi.client.credentials.list()] == [None]
        await sweep("default")
        assert len(await logins.stored("name")) == 1
        monkeypatch.setattr(provider, "PATIENCE", -1.0)
        late = await logins.begin()
        with pytest.raises(NotFound, match="No login"):
            await logins.finish(await consent(page))
        with pytest.raises(NotFound, match="No login"):
            await logins.finish(await consent(late))
        await logins.begin()
        monkeypatch.setattr("muxi.mcp.oauth.grant.PATIENCE", -1.0)
        await sweep("default")
        assert await logins.stored("name") == []
