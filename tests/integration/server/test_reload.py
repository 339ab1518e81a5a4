"""A changed muxi.yaml is taken up by a server that goes on serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from muxi.client.client import Client
from muxi.config.load import load_project
from muxi.core.errors import ConfigError, NotFound
from muxi.core.events import RunCompleted
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Answer, ScriptedModel, call
from muxi.runtime.build import Runtime, open_runtime
from muxi.server.serve import serving

BEFORE = """
model: m/m
memory: {embedder: none}
agents:
  a: {instructions: "Old words."}
"""
AFTER = """
model: m/m
memory: {embedder: embedded}
agents:
  a: {instructions: "New words.", tools: [calculator], approve: [calculator]}
  b: {instructions: "Another."}
server: {port: 6060}
"""


class Voice:
    """A model that tells its instructions, and waits in the middle where it is asked to."""

    def __init__(self) -> None:
        self.waits, self.go = asyncio.Event(), asyncio.Event()

    async def say(self, request: ModelRequest) -> Answer:
        said = request.messages[-1]
        if said.text == "wait":
            self.waits.set()
            await self.go.wait()
        if said.text == "calculate":
            return call("calculator", expression="7*7")
        return request.instructions


@asynccontextmanager
async def _served(folder: Path, voice: Voice) -> AsyncGenerator[tuple[Runtime, Client]]:
    (folder / "muxi.yaml").write_text(BEFORE, encoding="utf-8")
    models = {"m/m": ScriptedModel(voice.say)}
    runtime = await open_runtime(load_project(folder), models=models)
    try:
        async with serving(runtime, port=0) as server:
            token = runtime.state.token()
            async with Client(server.url or "", token=token) as client:
                yield runtime, client
    finally:
        await runtime.close()


async def _answer(client: Client, text: str, agent: str = "a") -> str:
    *_, end = [event async for event in client.stream(text, agent=agent)]
    assert isinstance(end, RunCompleted), end
    return end.text


async def test_what_has_changed_holds_from_the_next_run_on(tmp_path: Path) -> None:
    voice = Voice()
    async with _served(tmp_path, voice) as (runtime, client):
        assert await _answer(client, "hello") == "Old words."
        begun = await client.start_run("wait", agent="a")
        await asyncio.wait_for(voice.waits.wait(), 30)
        with pytest.raises(NotFound):
            await client.agent("b")
        (tmp_path / "muxi.yaml").write_text(AFTER, encoding="utf-8")
        done = await client.reload()
        assert sorted(done.changed) == ["agents", "memory.embedder"]
        assert done.restart == ["server"]
        assert await _answer(client, "hello") == "New words."
        assert await _answer(client, "hello", "b") == "Another."
        voice.go.set()
        *_, end = [event async for event in client.events(begun.id)]
        assert isinstance(end, RunCompleted)
        assert end.text == "Old words.", "a run keeps the agent that it began with"
        *_, stop = [event async for event in client.stream("calculate", agent="a")]
        assert stop.type == "run.suspended"
        assert (await client.reload()).changed == []
        assert runtime.project.memory.embedder == "embedded"


async def test_a_file_with_mistakes_changes_nothing(tmp_path: Path) -> None:
    async with _served(tmp_path, Voice()) as (runtime, client):
        for wrong in ("agents: [", "agents: {a: {nmae: 1}}", "model: 7"):
            (tmp_path / "muxi.yaml").write_text(wrong, encoding="utf-8")
            with pytest.raises(ConfigError):
                await client.reload()
        await runtime.reloading.reload_quietly()
        assert await _answer(client, "hello") == "Old words."
