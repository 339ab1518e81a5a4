"""The `muxi` command as a user has it: a process, a project, a model provider on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

DEADLINE = 90.0
"""Seconds for anything that a test waits for; a loaded machine needs most of them."""

PROJECT = """\
# The model of every agent.
model: fake
agents:
  assistant:
    tools: [calculator]
  careful:
    tools: [calculator]
    approve: [calculator]
  asking:
    tools: [ask_user]
  short:
    limits: {{turns: 1}}
    tools: [calculator]
models:
  fake:
    model: openai-compatible/fake
    base_url: {url}
    retry: {{attempts: 1}}
"""


@dataclass
class Provider:
    """A provider of chat completions. What it answers depends on the words of the question.

    `calculate` calls the calculator, `ask me` asks the person, `slow` says three words and waits
    for `release`, `fail` is refused; anything else is repeated.
    """

    url: str = ""
    asked: list[Any] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        last = body["messages"][-1]
        question = text_of([m for m in body["messages"] if m["role"] == "user"][-1]["content"])
        if "fail" in question:
            return web.json_response({"error": {"message": "No such thing."}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if "calculate" in question and last["role"] != "tool":
            await self._call(response, "calculator", {"expression": "17*23"})
        elif "ask me" in question and last["role"] != "tool":
            asked = {"question": "Which colour?", "choices": ["red", "green"]}
            await self._call(response, "ask_user", asked)
        else:
            result = f"It is {text_of(last['content'])}." if last["role"] == "tool" else ""
            await self._say(response, result or f"You said: {question}", slow="slow" in question)
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        await send_chunk(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _call(
        self, response: web.StreamResponse, name: str, arguments: dict[str, Any]
    ) -> None:
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": f"call_{len(self.asked)}", "type": "function"}
        await send_chunk(response, _delta(tool_calls=[{**call, "function": function}]))
        await send_chunk(
            response, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
        )

    async def _say(self, response: web.StreamResponse, text: str, *, slow: bool) -> None:
        words = re.findall(r"\S+\s*", text)
        for number, word in enumerate(words):
            if slow and number == 3:
                await self.release.wait()
            await send_chunk(response, _delta(content=word))
        await send_chunk(
            response, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        )


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


async def send_chunk(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    whole = {"id": "c1", "object": "chat.completion.chunk", "model": "fake", **chunk}
    await response.write(f"data: {json.dumps(whole)}\n\n".encode())


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.answer)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield provider
    finally:
        provider.release.set()
        await runner.cleanup()


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A command that works; what it has written so far is in `out` and `err`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out = self.err = ""
        self._changed = asyncio.Condition()
        self._open = {"out", "err"}
        self._readers = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "err")),
        ]

    async def _read(self, stream: asyncio.StreamReader | None, name: str) -> None:
        assert stream is not None
        while piece := await stream.read(65536):
            setattr(self, name, getattr(self, name) + piece.decode())
            async with self._changed:
                self._changed.notify_all()
        self._open.discard(name)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[Running], bool]) -> None:
        """Wait until `holds`, which it never will once the command has ended."""
        try:
            async with asyncio.timeout(DEADLINE), self._changed:
                await self._changed.wait_for(lambda: holds(self) or not self._open)
        except TimeoutError:
            pytest.fail(f"It has only said: {self.out!r}, {self.err!r}")
        assert holds(self), f"It ended, having said: {self.out!r}, {self.err!r}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    async def end(self) -> Done:
        """Wait for the end, with no more input."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*self._readers)
            code = await self.process.wait()
        return Done(code, self.out, self.err)


@dataclass
class Muxi:
    """The command, in a folder and with an environment of its own."""

    folder: Path
    environment: dict[str, str]

    async def __call__(self, *arguments: str, input: str | None = None) -> Done:
        """Run a command to its end."""
        async with self.start(*arguments, input=input is not None) as running:
            if input is not None:
                running.type(input)
            return await running.end()

    @asynccontextmanager
    async def start(
        self, *arguments: str, input: bool = False, program: tuple[str, ...] = ("-m", "muxi")
    ) -> AsyncIterator[Running]:
        """A command that runs while the block does, and no longer."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE if input else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        running = Running(process)
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await running.end()


@pytest.fixture
def muxi(tmp_path: Path) -> Muxi:
    """The command in an empty folder, without keys and without a terminal."""
    folder = tmp_path / "project"
    folder.mkdir()
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "PYTHONPATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    home = {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "data")}
    return Muxi(folder, {**environment, **home, "PYTHONUTF8": "1"})


@pytest.fixture
def project(muxi: Muxi, provider: Provider) -> Muxi:
    """The command in a project whose model is the local provider."""
    (muxi.folder / "muxi.yaml").write_text(PROJECT.format(url=provider.url), encoding="utf-8")
    return muxi
