"""What one process has forgotten, no other one tells from what it keeps in memory."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from muxi.core.forgetting import Forget
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import Principal, owner_for
from tests.support.postgres import PostgresAddress
from tests.support.served import project

WITHIN = 60
"""Seconds; nothing here takes as many."""

ANA = Principal("default", "ana")
OF_ANA = owner_for(ANA)


class Node:
    """A process in which agents of the project work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), WITHIN)
        assert line, "the process has ended"
        return line.decode()

    async def say(self, text: str, thread_id: str | None = None) -> dict[str, Any]:
        assert self._process.stdin is not None
        said = {"say": text, "user": ANA.principal, "thread_id": thread_id}
        self._process.stdin.write(f"{json.dumps(said)}\n".encode())
        return json.loads(await self.line())


@asynccontextmanager
async def another_node(folder: Path, declared: dict[str, Any]) -> AsyncGenerator[Node]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.support.other_node", str(folder), json.dumps(declared)),
        cwd=Path(__file__).parents[3],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    node = Node(process)
    try:
        assert await node.line() == "ready\n"
        yield node
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), WITHIN) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def this_node(folder: Path, declared: dict[str, Any]) -> AsyncGenerator[Runtime]:
    model = ScriptedModel(lambda _: "Noted.")
    runtime = await open_runtime(project(folder, **declared), models={"m/m": model})
    try:
        yield runtime
    finally:
        await runtime.close()


async def remembered(runtime: Runtime, word: str) -> list[str]:
    """The memories with a word, once there are some: one of the nodes makes them."""
    async with asyncio.timeout(WITHIN):
        while True:
            await runtime.remembering.backlog.catch_up()
            page = await runtime.memories.page(ANA, OF_ANA, limit=100)
            if found := [each.id for each in page.items if word in each.text]:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.ci
async def test_a_forgotten_word_is_in_no_turn_of_another_node(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    declared: dict[str, Any] = {
        "memory": {"embedder": "embedded"},
        "storage": {"url": postgres_database.url, "owner_url": postgres_database.owner_url},
    }
    async with (
        this_node(tmp_path / "a", declared) as here,
        another_node(tmp_path / "b", declared) as there,
    ):
        thread = (await there.say("My parrot is called Polly"))["thread_id"]
        # From the second turn on the other node keeps the conversation in memory.
        for text in ("It likes nuts", "And seeds"):
            told = await there.say(text, thread)
            assert "My parrot is called Polly" in told["read"]
        of_polly = await remembered(here, "Polly")
        elsewhere = await there.say("What is my parrot called?")
        assert "Polly" in elsewhere["read"][0]

        await here.forgetting.forget(ANA, OF_ANA, Forget(memories=of_polly))
        told = await there.say("Where was I?", thread)
        assert "It likes nuts" in told["read"]
        elsewhere = await there.say("How is my parrot called?")
        assert "Polly" not in str([told, elsewhere])

        await here.forgetting.forget(ANA, OF_ANA, Forget(everything=True))
        told = await there.say("What does my parrot like?")
        assert "nuts" not in str(told)
