"""Two processes where only one can be: the second is told, and the first is not disturbed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from muxi.config.load import load_project
from muxi.core.errors import ProjectInUse, StorageBusy
from muxi.runtime.build import open_runtime
from muxi.runtime.owner import Ownership
from muxi.runtime.state import StateFolder
from tests.support.unlucky import Unlucky, ending


@asynccontextmanager
async def leaving_owner(unlucky: Unlucky) -> AsyncIterator[asyncio.Event]:
    """An owner that ends as soon as it is asked something, which sets the event it gives."""
    state = StateFolder(unlucky.folder / ".muxi")
    state.prepare()
    state.token()
    asked = asyncio.Event()
    ownership = Ownership.take(state)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            server.close()
            ownership.release()
            asked.set()
        writer.transport.abort()

    server = await asyncio.start_unix_server(hang_up, state.socket)
    ownership.announce(socket=True)
    try:
        yield asked
    finally:
        server.close()
        ownership.release()


async def attempts(unlucky: Unlucky) -> list[int]:
    """How many attempts each run took."""
    async with unlucky.served() as muxi:
        return [run.attempt for run in (await muxi.client.runs()).items]


async def test_two_projects_that_name_one_file_do_not_share_it(
    unlucky: Unlucky, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = (unlucky.folder / "muxi.yaml").read_text()
    (other / "tools.py").write_bytes((unlucky.folder / "tools.py").read_bytes())
    (other / "muxi.yaml").write_text(f"storage: {{url: 'sqlite:///{unlucky.database}'}}\n{text}")
    async with unlucky.served() as muxi:
        run = await muxi.client.start_run("silent")
        await unlucky.provider.arrived.wait()
        with pytest.raises(StorageBusy, match="Another project's process uses") as caught:
            await open_runtime(load_project(other))
        assert "PostgreSQL" in (caught.value.hint or "")
        unlucky.provider.release.set()
        assert ending(await muxi.follow(run.id)).run_id == run.id
        assert (await muxi.client.run(run.id)).attempt == 1
    second = await open_runtime(load_project(other))
    await second.close()


async def test_a_project_has_one_owner(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        with pytest.raises(ProjectInUse) as caught:
            await open_runtime(load_project(unlucky.folder))
        assert caught.value.details["url"]
        _, events = await muxi.answer("hello")
        assert ending(events).status == "completed"


@pytest.mark.ci
async def test_commands_at_once_share_the_owner_and_lose_nothing(unlucky: Unlucky) -> None:
    done = await asyncio.gather(*(unlucky("run", f"number{i}") for i in range(4)))
    assert [each.code for each in done] == [0] * 4, [each.err for each in done]
    listed = await unlucky("threads", "list")
    assert sorted(line.split()[-1] for line in listed.out.splitlines()) == [
        f"number{i}" for i in range(4)
    ]


@pytest.mark.ci
@pytest.mark.parametrize("command", ["run hello", "threads list", "secrets list", "doctor"])
async def test_an_owner_that_leaves_while_it_is_asked_is_replaced(
    command: str, unlucky: Unlucky
) -> None:
    async with leaving_owner(unlucky) as asked:
        done = await unlucky(*command.split())
        assert asked.is_set()
    assert (done.code, done.err) == (0, "")
    assert await attempts(unlucky) == ([1] if command == "run hello" else [])


@pytest.mark.ci
async def test_a_port_in_use_is_told_and_the_project_is_free(unlucky: Unlucky) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await unlucky("up", "--port", port)
        assert done.code == 1
        assert port in done.err
        assert "hint: " in done.err
    assert (await unlucky("run", "hello")).code == 0
