"""A provider of chat completions in a process of its own: slow, and never the same answer twice.

    python moody_provider.py SEED PAUSE [HOLD]

What it answers hangs on how often it was asked, not on what: a run that is asked again after a
crash gets another answer, so that whoever kept a piece of the old one is found out. It pauses
around PAUSE seconds between pieces, and cuts some answers. With HOLD it begins no answer before so
many are awaited, and cuts none. Prints its base URL.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from aiohttp import web

_TOOLS = ("look_up", "charge", "transfer")
_WORDS = ("word", "naïve", "日本語", "🦊", "שלום", "a\nb", '"quoted"', "data: x")
_MOST_ROUNDS = 3
_CUT = 0.02
"""Share of answers that end in the middle."""


class MoodyProvider:
    """Counts what it is asked and answers by that number."""

    def __init__(self, seed: str, pause: float, hold: int) -> None:
        self._seed = seed
        self._pause = pause
        self._asked = 0
        self._hold = hold
        self._cut = 0.0 if hold else _CUT
        self._waiting = 0
        self._open = asyncio.Event()
        if not hold:
            self._open.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self._asked += 1
        number = self._asked
        chance = random.Random(f"{self._seed}:{number}")
        await self._together()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = list(_pieces(number, chance, body))
        cut = chance.randrange(1, len(pieces)) if chance.random() < self._cut else None
        # Whoever asked may have been killed meanwhile.
        with suppress(ConnectionResetError):
            for at, piece in enumerate(pieces):
                if at == cut and request.transport is not None:
                    request.transport.abort()
                await _send(response, piece)
                await asyncio.sleep(chance.uniform(0, 2 * self._pause))
            await response.write(b"data: [DONE]\n\n")
        return response

    async def _together(self) -> None:
        self._waiting += 1
        if self._waiting >= self._hold:
            self._open.set()
        await self._open.wait()


def _pieces(number: int, chance: random.Random, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rounds = 0
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            break
        rounds += message["role"] == "assistant"
    calls = bool(body.get("tools")) and rounds < _MOST_ROUNDS and chance.random() < 0.6
    words = chance.randrange(0, 4) if calls else chance.randrange(5, 60)
    for word in range(words):
        yield _delta(content=f"{chance.choice(_WORDS)} {number}.{word} ")
    if calls:
        yield from _calls(number, chance)
    yield {
        "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]
    }
    # Reports teach the server how long texts are: a false one would change what it sends.
    prompt = sum(len(str(message.get("content"))) // 4 + 4 for message in body["messages"])
    counts = {"prompt_tokens": prompt, "completion_tokens": 3 * words + 1}
    yield {"choices": [], "usage": {**counts, "total_tokens": sum(counts.values())}}


def _calls(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for index in range(chance.randrange(1, 4)):
        head = {"index": index, "id": f"call_{number}_{index}", "type": "function"}
        name = chance.choice(_TOOLS)
        yield _delta(tool_calls=[{**head, "function": {"name": name, "arguments": ""}}])
        text = json.dumps({"order": number * 10 + index})
        for start in range(0, len(text), 6):
            arguments = {"arguments": text[start : start + 6]}
            yield _delta(tool_calls=[{"index": index, "function": arguments}])


def _delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


async def _send(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    whole = {"id": "c1", "object": "chat.completion.chunk", "model": "moody", **chunk}
    await response.write(f"data: {json.dumps(whole, ensure_ascii=False)}\n\n".encode())


async def _serve(seed: str, pause: float, hold: int) -> None:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", MoodyProvider(seed, pause, hold).answer)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0))
