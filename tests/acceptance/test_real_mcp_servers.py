"""Servers of other people, from their packages, used by one agent in one process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from support.real_servers import install, real_servers
from support.remote import until
from support.served import Served, served

from muxi.core.events import Event, RunCompleted, ToolCompleted
from muxi.models.scripted import call

pytestmark = pytest.mark.ci


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the servers work on: a file, a repository."""
    work = tmp_path / "work"
    repository = work / "repository"
    repository.mkdir(parents=True)
    (work / "hello.txt").write_text("Hello from a file.\n")
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (
        ["init", "--quiet"],
        [*identity, "commit", "--quiet", "--allow-empty", "-m", "The very first"],
    ):
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    return work


@asynccontextmanager
async def page() -> AsyncGenerator[str]:
    """A page on loopback."""

    async def hello(_: web.Request) -> web.Response:
        words = "<html><body><h1>News</h1><p>Hello from the web.</p></body></html>"
        return web.Response(text=words, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def results(events: list[Event]) -> dict[str, str]:
    """What each tool gave, by its name."""
    done = [event.result for event in events if isinstance(event, ToolCompleted)]
    assert [(each.name, each.text) for each in done if each.outcome != "ok"] == []
    return {each.name: each.text for each in done}


def everything_of(folder: Path, url: str) -> list[object]:
    """One call of each server."""
    table = "create table word (text)"
    entity = {"name": "Ada", "entityType": "person", "observations": ["wrote the first program"]}
    thought = {
        "thought": "One.",
        "thoughtNumber": 1,
        "totalThoughts": 1,
        "nextThoughtNeeded": False,
    }
    zones = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    return [
        call("time__convert_time", **zones),
        call("git__git_log", repo_path=str(folder / "repository")),
        call("fetch__fetch", url=url, raw=True),
        call("sqlite__create_table", query=table),
        call("files__read_text_file", path=str(folder / "hello.txt")),
        call("memory__create_entities", entities=[entity]),
        call("everything__get-sum", a=20, b=22),
        call("thinking__sequentialthinking", **thought),
        "All of them work.",
    ]


async def test_eight_real_servers_serve_one_agent_in_one_process(tmp_path: Path, folder: Path):
    declared = real_servers(folder)
    await asyncio.to_thread(install, declared, tmp_path / ".muxi")
    whole = {"above": 1_000_000}
    agents = {"a": {"name": "a", "tools": ["mcp.*"], "tool_search": whole}}
    async with page() as url:
        script = [*everything_of(folder, url), call("everything__get-sum", a=1, b=1), "Two."]
        async with served(tmp_path, script, agents=agents, mcp={"servers": declared}) as muxi:  # type: ignore[arg-type] -- options of a project
            _, events = await muxi.answer("Try everything.")
            found = results(events)
            assert "21:00" in found["time__convert_time"]
            assert "The very first" in found["git__git_log"]
            assert "Hello from the web." in found["fetch__fetch"]
            assert "successfully" in found["sqlite__create_table"]
            assert found["files__read_text_file"].startswith("Hello from a file.")
            assert "wrote the first program" in found["memory__create_entities"]
            assert "42" in found["everything__get-sum"]
            assert json.loads(found["thinking__sequentialthinking"])["thoughtNumber"] == 1
            assert isinstance(events[-1], RunCompleted)
            infos = {info.name: info for info in await muxi.client.mcp.servers()}
            assert {info.state for info in infos.values()} == {"ready"}
            assert infos["time"].protocol == "2026-07-28"
            assert infos["sqlite"].protocol == infos["files"].protocol == "2025-11-25"
            assert sum(len(info.tools) for info in infos.values()) >= 40
            await _outlive_a_kill(muxi)


async def _outlive_a_kill(muxi: Served) -> None:
    """Kill a server in the middle of a call: an error for the model, and it comes back."""
    before = {info.name: info.pid for info in await muxi.client.mcp.servers()}
    servers = muxi.runtime.mcp.servers
    toolset = servers.toolset([("everything", "*")])
    from muxi.core.context import RunContext
    from muxi.core.errors import ToolFailed

    ctx: RunContext[object] = RunContext(deps=None)
    await toolset.specs(ctx)
    name = "everything__trigger-long-running-operation"
    slow = asyncio.create_task(toolset.call(name, {"duration": 60, "steps": 60}, ctx))
    await until(lambda: servers.connection("everything").active)
    pid = before["everything"]
    assert pid is not None
    os.kill(pid, 9)
    with pytest.raises(ToolFailed, match="ended while everything__trigger-long-running-operation"):
        await slow
    _, events = await muxi.answer("And now?")
    assert "2" in results(events)["everything__get-sum"]
    after = {info.name: info.pid for info in await muxi.client.mcp.servers()}
    assert after.pop("everything") != before.pop("everything")
    assert after == before, "the others have not noticed anything"
