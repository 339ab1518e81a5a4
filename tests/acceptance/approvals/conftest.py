"""A project whose agent notes and pays, with a cashier for a model, in processes to be killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.command import DEADLINE, Muxi, muxi, send_chunk

__all__ = ["cashier", "muxi", "till"]

PROJECT = """\
model: cashier
agents:
  assistant: {{tools: [note, pay, ask_user]}}
models:
  cashier: {{model: openai-compatible/cashier, base_url: {url}, retry: {{attempts: 1}}}}
tools:
  note: till.py:note
  pay: till.py:pay
approvals:
  rules:
    - tool: pay
      arguments: {{amount: {{above: 1000}}}}
      verdict: deny
      reason: Nobody may pay that much.
    - tool: pay
      verdict: ask
      reason: Money leaves the house.
{more}
"""
TOOLS = '''\
from pathlib import Path
from time import sleep

HERE = Path(__file__).parent


def note(text: str) -> str:
    """Write something down."""
    with (HERE / "noted.log").open("a") as log:
        log.write(text + "\\n")
    return "noted"


def pay(amount: int) -> str:
    """Pay somebody."""
    with (HERE / "paid.log").open("a") as log:
        log.write(f"{amount}\\n")
    while (HERE / "slow").exists():
        sleep(0.01)
    return f"paid {amount}"
'''


@dataclass
class Cashier:
    """A provider of chat completions: `pay` notes and pays at once, `ask` asks the person."""

    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        messages = (await request.json())["messages"]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        last = messages[-1]
        if last["role"] == "tool":
            results = [each["content"] for each in messages if each["role"] == "tool"]
            await self._send(response, {"content": f"Results: {'; '.join(map(str, results))}"})
        elif "ask" in str(last["content"]):
            question = {"question": "Which colour?", "choices": ["red", "green"]}
            await self._send(response, _calls(("ask_user", question)), end="tool_calls")
        else:
            calls = _calls(("note", {"text": "once"}), ("pay", {"amount": 5}))
            await self._send(response, calls, end="tool_calls")
        return response

    async def _send(
        self, response: web.StreamResponse, delta: dict[str, Any], end: str = "stop"
    ) -> None:
        for change, reason in ((delta, None), ({}, end)):
            choice = {"index": 0, "delta": change, "finish_reason": reason}
            await send_chunk(response, {"choices": [choice]})
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        await send_chunk(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")


def _calls(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "tool_calls": [
            {
                "index": index,
                "id": f"call_{index}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for index, (name, arguments) in enumerate(calls)
        ]
    }


@pytest.fixture
async def cashier() -> AsyncIterator[Cashier]:
    """The provider, on this machine."""
    cashier = Cashier()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", cashier.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cashier.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield cashier
    await runner.cleanup()


@dataclass
class Till:
    """The project, and what its tools have done."""

    muxi: Muxi
    folder: Path

    def did(self, what: str) -> list[str]:
        log = self.folder / f"{what}.log"
        return log.read_text().split() if log.exists() else []

    async def asked(self) -> list[dict[str, Any]]:
        """The open questions."""
        done = await self.muxi("approvals", "list", "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what other processes leave in files."""
        async with asyncio.timeout(DEADLINE):
            while not holds():  # noqa: ASYNC110 -- another process cannot set an event of this one
                await asyncio.sleep(0.01)

    async def asked_something(self) -> list[dict[str, Any]]:
        """The open questions, as soon as there are any.

        On PostgreSQL a dead process holds its lease for half a minute.
        """
        async with asyncio.timeout(3 * DEADLINE):
            while not (asked := await self.asked()):
                pass
        return asked


@pytest.fixture(params=["sqlite", "postgresql"])
def till(muxi: Muxi, cashier: Cashier, request: pytest.FixtureRequest) -> Till:
    """The project, on each database."""
    more = ""
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres_database")
        more = f"storage: {{url: '{address.url}', owner_url: '{address.owner_url}'}}"
    text = PROJECT.format(url=cashier.url, more=more)
    (muxi.folder / "muxi.yaml").write_text(text, encoding="utf-8")
    (muxi.folder / "till.py").write_text(TOOLS, encoding="utf-8")
    return Till(muxi, muxi.folder)
