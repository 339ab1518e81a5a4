"""One long answer through a hundred dropped connections, and through a restart of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.served import Served, served
from support.sockets import Socket, socket

from muxi.core.messages import TextPart
from muxi.models.scripted import Gate, Reply

TOKENS = 2_000
DROPS = 100


class Reader:
    """Somebody who reads a thread and loses the connection again and again."""

    def __init__(self, thread_id: str) -> None:
        self.thread_id = thread_id
        self.since = 0
        self.lines: list[str] = []
        """The events as the bytes that came."""
        self.events: list[dict[str, Any]] = []

    def take(self, ws: Socket) -> None:
        """What a connection has brought."""
        told = [each["event"] for each in ws.heard if each["type"] == "event"]
        self.lines += ws.events(self.thread_id)
        self.events += told
        self.since = max([self.since, *(event["seq"] for event in told)])

    async def read(self, ws: Socket, *, until: str) -> None:
        """Follow on a connection until an event of some kind."""
        await ws.say("subscribe", thread_id=self.thread_id, since=self.since)
        done = [each for each in ws.heard if each.get("event", {}).get("type") == until]
        if not done:
            await ws.event(until)
        self.take(ws)

    @property
    def text(self) -> str:
        """What the reader holds in the end, by the rule for attempts."""
        held: list[dict[str, Any]] = []
        completed = 0
        for event in self.events:
            if event["type"] == "message.completed":
                completed = event["seq"]
            if event["type"] == "attempt.started":
                void = max(completed, event["replaces_from"])
                held = [each for each in held if each["seq"] <= void]
            if event["type"] == "text.delta":
                held.append(event)
        return "".join(each["text"] for each in held)


async def _wanted(muxi: Served, run_id: str) -> list[str]:
    async with muxi.http.get(f"{muxi.url}/api/runs/{run_id}/events") as response:
        text = await response.text()
    return [line[6:] for line in text.splitlines() if line.startswith("data: ")]


async def test_an_answer_through_a_hundred_drops_is_byte_equal(tmp_path: Path) -> None:
    words = " ".join(f"tökén{number}" for number in range(TOKENS))
    gate = Gate()
    async with served(tmp_path, [Reply(parts=[TextPart(text=words)], between=gate.wait)]) as muxi:
        run = await muxi.client.start_run("Talk")
        reader = Reader(run.thread_id)
        for _ in range(DROPS):
            async with socket(muxi.url, muxi.token) as ws:
                await ws.say("subscribe", thread_id=run.thread_id, since=reader.since)
                gate.open(TOKENS // DROPS - 5)
                while sum(each["type"] == "event" for each in ws.heard) < 5:
                    await ws.hear()
                ws.ws._response.connection.transport.abort()  # pyright: ignore[reportOptionalMemberAccess] -- as a network drops it
                reader.take(ws)
        gate.open(TOKENS)
        async with socket(muxi.url, muxi.token) as ws:
            await reader.read(ws, until="run.completed")
        assert reader.lines == await _wanted(muxi, run.id)
        assert reader.text == words
        assert (await muxi.client.messages(run.thread_id))[-1].text == words


async def test_after_a_restart_every_reader_holds_what_the_thread_holds(tmp_path: Path) -> None:
    first = " ".join(f"first{number}" for number in range(400))
    second = " ".join(f"second{number}" for number in range(400))
    gate = Gate()
    held: list[Reader] = []
    async with served(tmp_path, [Reply(parts=[TextPart(text=first)], between=gate.wait)]) as muxi:
        run = await muxi.client.start_run("Talk")
        muxi.server.grace = 0
        gate.open(150)
        for enough in (20, 90):
            reader = Reader(run.thread_id)
            held.append(reader)
            async with socket(muxi.url, muxi.token) as ws:
                await ws.say("subscribe", thread_id=run.thread_id)
                while sum(each["type"] == "event" for each in ws.heard) < enough:
                    await ws.hear()
                reader.take(ws)
        held.append(Reader(run.thread_id))
    # The upstream says something else at each call.
    async with served(tmp_path, [second]) as muxi:
        for reader in held:
            async with socket(muxi.url, muxi.token) as ws:
                await reader.read(ws, until="run.completed")
        answer = (await muxi.client.messages(run.thread_id))[-1].text
        assert answer == second
        assert [reader.text for reader in held] == [answer] * 3
        whole = await _wanted(muxi, run.id)
        assert held[2].lines == whole
        assert held[0].lines[:20] == whole[:20]
