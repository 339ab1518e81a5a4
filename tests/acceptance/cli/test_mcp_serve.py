"""`muxi mcp serve` as a client starts it: a process, its two streams, and nothing else on them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.command import DEADLINE, Muxi, Provider, Running

SERVE = ("mcp", "serve")
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}

OFFERED = "server: {mcp: {tools: [noisy]}}\n"
NOISY = """
import os
from muxi import tool

@tool
def noisy() -> str:
    "Prints what it should not."
    print("printed")
    os.write(1, b"written below Python\\n")
    os.system("echo from another program; cat")
    return "quiet"
"""


class Line:
    """Speaks JSON-RPC with a command, and reads every byte that it writes."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self._number = 0

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Everything that was written so far; each whole line must be one message."""
        found = [json.loads(line) for line in self.running.out.split("\n")[:-1]]
        assert all(each["jsonrpc"] == "2.0" for each in found)
        return found

    def send(self, method: str, **params: Any) -> int:
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self.running.type(json.dumps(message) + "\n")
        return self._number

    def notify(self, method: str, **params: Any) -> None:
        self.running.type(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}) + "\n")

    def answer(self, number: int) -> dict[str, Any] | None:
        return next((each for each in self.messages if each.get("id") == number), None)

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = self.send(method, **params)
        await self.running.until(lambda _: self.answer(number) is not None)
        found = self.answer(number)
        assert found is not None
        return found

    async def begin(self) -> None:
        assert "result" in await self.ask("initialize", **INITIALIZE)
        self.notify("notifications/initialized")


@pytest.mark.ci
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_lists_and_asks_in_both_eras(project: Muxi, mode: Any) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "muxi", *SERVE],
        cwd=project.folder,
        env=project.environment,
    )
    async with (
        asyncio.timeout(DEADLINE),
        Client(stdio_client(parameters), mode=mode) as client,
    ):
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("ask_assistant", {"input": "hello"})
        thread = result.structured_content["thread_id"]
        told = await client.read_resource(f"muxi://threads/{thread}")
    assert {"ask_assistant", "ask_careful", "run_result", "recall"} <= set(names)
    assert result.structured_content["text"] == "You said: hello"
    assert "You said: hello" in told.contents[0].text


async def test_nothing_but_messages_is_written(project: Muxi) -> None:
    (project.folder / "noise.py").write_text(NOISY)
    file = project.folder / "muxi.yaml"
    file.write_text(f"{file.read_text()}\ntools: {{noisy: noise.py:noisy}}\n{OFFERED}")
    async with project.start(*SERVE, input=True) as running:
        line = Line(running)
        await line.begin()
        answer = await line.ask("tools/call", name="noisy", arguments={})
        done = await running.end()
    assert answer["result"]["structuredContent"] == {"result": "quiet"}
    assert done.code == 0
    assert len(line.messages) == 2
    for noise in ("printed", "written below Python", "from another program"):
        assert noise not in done.out
        assert noise in done.err


@pytest.mark.ci
async def test_it_ends_when_its_input_does(project: Muxi) -> None:
    async with project.start(*SERVE, input=True) as running:
        line = Line(running)
        await line.begin()
        done = await running.end()
    assert (done.code, done.err) == (0, "")


@pytest.mark.ci
async def test_what_was_asked_last_is_answered_before_it_ends(project: Muxi) -> None:
    async with project.start(*SERVE, input=True) as running:
        line = Line(running)
        line.send("initialize", **INITIALIZE)
        line.notify("notifications/initialized")
        asked = line.send("tools/list")
        done = await running.end()
    assert done.code == 0
    assert "result" in (line.answer(asked) or {})


@pytest.mark.ci
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(project: Muxi, number: signal.Signals) -> None:
    async with project.start(*SERVE, input=True) as running:
        await Line(running).begin()
        running.signal(number)
        async with asyncio.timeout(DEADLINE):
            await running.process.wait()
        done = await running.end()
    assert done.code == (0 if number == signal.SIGTERM else 130)
    assert done.err == ""


@pytest.mark.ci
async def test_a_cancelled_call_cancels_its_run(project: Muxi, provider: Provider) -> None:
    async with project.start(*SERVE, input=True) as running:
        line = Line(running)
        await line.begin()
        number = line.send(
            "tools/call",
            name="ask_assistant",
            arguments={"input": "slow two three four"},
            _meta={"progressToken": "p"},
        )
        await running.until(lambda it: "slow" in it.out.partition('"p"')[2])
        line.notify("notifications/cancelled", requestId=number)
        threads = await line.ask("resources/list")
        await running.end()
    assert "muxi://threads/thr_" in json.dumps(threads)
    listed = await project("run", "--json", "hello")
    assert listed.code == 0
    told = await project("threads", "list", "--json")
    assert "slow two three four" in told.out


@pytest.mark.ci
async def test_two_serve_one_project_and_the_second_survives_the_first(
    project: Muxi, provider: Provider
) -> None:
    async with project.start(*SERVE, input=True) as first:
        await Line(first).begin()
        async with project.start(*SERVE, input=True) as second:
            line = Line(second)
            await line.begin()
            lost = line.send(
                "tools/call",
                name="ask_assistant",
                arguments={"input": "slow two three four"},
                _meta={"progressToken": "p"},
            )
            await second.until(lambda it: "slow" in it.out.partition('"p"')[2])
            first.process.kill()
            await second.until(lambda _: line.answer(lost) is not None)
            provider.release.set()
            again = await line.ask("tools/call", name="ask_assistant", arguments={"input": "hello"})
            done = await second.end()
    assert "has ended" in (line.answer(lost) or {})["error"]["message"]
    assert again["result"]["structuredContent"]["text"] == "You said: hello"
    # The handshake was repeated with the next owner, and its answer told once.
    assert [each.get("id") for each in line.messages].count(1) == 1
    assert done.code == 0


@pytest.mark.ci
async def test_a_project_that_offers_nothing_says_so(project: Muxi) -> None:
    file = project.folder / "muxi.yaml"
    file.write_text(f"{file.read_text()}\nserver: {{mcp: {{enabled: false}}}}\n")
    async with project.start(*SERVE, input=True) as running:
        done = await running.end()
    assert done.code == 1
    assert done.out == ""
    assert "offers nothing to MCP clients" in done.err


@pytest.mark.ci
async def test_each_serves_its_own_user(project: Muxi, tmp_path: Path) -> None:
    async def remembered(user: str) -> str:
        async with project.start(*SERVE, "--user", user, input=True) as running:
            line = Line(running)
            await line.begin()
            if user == "ann":
                await line.ask("tools/call", name="remember", arguments={"text": "Ann likes tea."})
            found = await line.ask("tools/call", name="recall", arguments={"query": "tea"})
            await running.end()
        return json.dumps(found)

    assert "Ann likes tea." in await remembered("ann")
    assert "Ann likes tea." not in await remembered("bob")
