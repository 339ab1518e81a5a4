"""MCP servers of a project, as agents, the API and the command line see them."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.remote import raw
from support.served import project, served

from muxi.cli.commands import run
from muxi.core.errors import InvalidInput, NotFound
from muxi.core.events import (
    ApprovalDecision,
    ApprovalRequested,
    Event,
    MessageCompleted,
    RunCompleted,
    RunSuspended,
    ToolCompleted,
    ToolProgress,
)
from muxi.models.scripted import call
from muxi.runtime.build import open_runtime
from muxi.runtime.principal import LOCAL

AGENTS: dict[str, Any] = {"a": {"name": "a", "tools": ["mcp.s", "clock"]}}


def declared(*faults: str, **more: Any) -> dict[str, Any]:
    """A project's section with one server `s`."""
    return {"servers": {"s": {"command": raw(*faults), "timeout": 5, **more}}}


async def test_an_agent_calls_a_tool_of_a_server_and_shows_its_progress(tmp_path: Path):
    script = [call("s__add", a=40, b=2), "It is 42.", call("s__steps", number=2), "There."]
    async with served(tmp_path, script, agents=AGENTS, mcp=declared()) as muxi:
        _, events = await muxi.answer("What is 40 + 2?")
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert (done.result.text, done.result.outcome) == ("42", "ok")
        assert isinstance(events[-1], RunCompleted)
        run = await muxi.client.run(events[-1].run_id)
        shown = {tool.name: tool.version for tool in run.tools}
        assert shown["s__add"] == "2.0.1", "a run records the version of the server"
        _, events = await muxi.answer("Go.")
        reports = [event for event in events if isinstance(event, ToolProgress)]
        assert [report.progress for report in reports][-1] == 2


async def test_a_call_that_loses_its_server_is_told_to_the_model_and_the_run_goes_on(
    tmp_path: Path,
):
    script = [call("s__die"), call("s__echo", value="still here"), "Done."]
    async with served(tmp_path, script, agents=AGENTS, mcp=declared()) as muxi:
        _, events = await muxi.answer("Try it.")
        first, second = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert first.outcome == "error"
        assert "ended while s__die was being called" in first.text
        assert (second.outcome, second.text) == ("ok", "still here")
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].status == "completed"


async def test_a_server_that_cannot_start_leaves_the_agent_its_other_tools(tmp_path: Path):
    script = [call("clock"), "It is late."]
    async with served(tmp_path, script, agents=AGENTS, mcp=declared("crash")) as muxi:
        _, events = await muxi.answer("What time is it?")
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert done.result.outcome == "ok"
        (info,) = await muxi.client.mcp.servers()
        assert info.state in ("waiting", "connecting", "failed")
        assert "cannot start: no luck" in "\n".join(await muxi.client.mcp.log("s"))


async def test_the_tools_of_the_lock_are_offered_before_any_server_runs(tmp_path: Path):
    async with served(tmp_path, ["Hi.", "Hi."], agents=AGENTS, mcp=declared()) as muxi:
        await muxi.answer("Hello")
    async with served(tmp_path, ["Hi."], agents=AGENTS, mcp=declared("silent")) as muxi:
        _, events = await muxi.answer("Hello")
        run = await muxi.client.run(events[-1].run_id)
        assert "s__add" in {tool.name for tool in run.tools}
        assert (await muxi.client.mcp.server("s")).state == "idle"


async def test_a_tool_that_settings_name_needs_approval(tmp_path: Path):
    script = [call("s__echo", value="x"), "Done."]
    mcp = declared(approve=["ec*"])
    async with served(tmp_path, script, agents=AGENTS, mcp=mcp) as muxi:
        _, events = await muxi.answer("Echo.")
        assert isinstance(events[-1], RunSuspended)
        assert events[-1].approvals[0].tool == "s__echo"


async def test_a_server_asks_the_person_in_the_middle_of_a_call(tmp_path: Path):
    async with served(tmp_path, [call("s__ask"), "Ada."], agents=AGENTS, mcp=declared()) as muxi:
        started = await muxi.client.start_run("Who?")
        events: list[Event] = []
        async with asyncio.timeout(60):
            async for event in muxi.client.events(started.id):
                events.append(event)
                if isinstance(event, ApprovalRequested):
                    assert event.approval.question is not None
                    assert event.approval.question.message == "Who?"
                    said = ApprovalDecision(decision="answer", answer={"name": "Ada"})
                    await muxi.client.resolve(event.approval.id, said)
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert json.loads(done.result.text)["content"] == {"name": "Ada"}


async def test_the_api_tells_of_servers_and_what_they_have(tmp_path: Path):
    async with served(tmp_path, [], agents=AGENTS, mcp=declared()) as muxi:
        mcp = muxi.client.mcp
        (idle,) = await mcp.servers()
        assert (idle.name, idle.state, idle.transport, idle.tools) == ("s", "idle", "stdio", [])
        ready = await mcp.restart("s")
        assert (ready.state, ready.version, ready.confined) == ("ready", "2.0.1", False)
        assert "s__echo" in [tool.name for tool in ready.tools]
        assert [each.uri for each in await mcp.resources("s")] == ["note://one"]
        assert (await mcp.read("s", "note://one")).parts[0].text == "The first note."  # type: ignore[union-attr] -- a text part
        assert [each.arguments[0].name for each in await mcp.prompts("s")] == ["topic"]
        poem = await mcp.prompt("s", "poem", {"topic": "rain"})
        assert poem.messages[0].text == "A poem of rain"
        assert await mcp.complete("s", "topic", "ra", prompt="poem") == ["rain"]
        with pytest.raises(NotFound, match="no MCP server t"):
            await mcp.server("t")
        with pytest.raises(InvalidInput, match="no argument tone"):
            await mcp.prompt("s", "poem", {"topic": "x", "tone": "y"})


async def test_an_owner_that_stops_leaves_no_server_behind(tmp_path: Path):
    runtime = await open_runtime(project(tmp_path, agents=AGENTS, mcp=declared()))
    info = await runtime.mcp.restart("s", LOCAL)
    assert info.pid is not None
    await runtime.close()
    with pytest.raises(ProcessLookupError):
        os.kill(info.pid, 0)


async def test_a_secret_of_the_store_reaches_the_server_that_declares_it(tmp_path: Path):
    mcp = declared(env={"TOKEN": "secret://TOKEN_OF_S"})
    script = [call("s__environment"), "Done."]
    async with served(tmp_path, script, agents=AGENTS, mcp=mcp) as muxi:
        failed = await muxi.client.mcp.restart("s")
        assert failed.state == "failed"
        assert "muxi secrets set" in failed.detail
        await muxi.client.secrets.put("TOKEN_OF_S", "hush-4711")
        assert (await muxi.client.mcp.restart("s")).state == "ready"
        _, events = await muxi.answer("Which?")
        (message,) = [
            event.message
            for event in events
            if isinstance(event, MessageCompleted) and event.message.role == "tool"
        ]
        assert json.loads(message.parts[0].text)["TOKEN"] == "hush-4711"  # type: ignore[union-attr] -- a text part


def test_the_command_line_looks_after_servers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    servers = {"s": {"command": raw()}, "gone": {"command": "no-such-program"}}
    Path("muxi.yaml").write_text(json.dumps({"mcp": {"servers": servers}}))
    assert run(["mcp", "status"]) == 0
    assert "idle" in capsys.readouterr().out
    assert run(["mcp", "restart", "s"]) == 0
    assert "s is ready, with 25 tools." in capsys.readouterr().err
    assert run(["mcp", "restart", "gone"]) != 0
    assert "There is no program no-such-program" in capsys.readouterr().err
    assert run(["mcp", "status", "s"]) == 0
    assert "s__echo" in capsys.readouterr().out
    assert run(["mcp", "status", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["s", "gone"]
    assert run(["mcp", "logs", "s"]) == 0
    assert "muxi is stopping" in capsys.readouterr().out
    assert run(["mcp", "install"]) == 0
    assert "nothing to install" in capsys.readouterr().err
    assert run(["mcp", "install", "s"]) != 0
    assert "declares no packages" in capsys.readouterr().err
