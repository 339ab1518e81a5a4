"""A model call over the wire: muxi, the raw HTTP client and the openai SDK, in the same run.

    python benchmarks/models_wire.py [--quick] [--json]

The upstream is a process of its own on loopback that answers at once. Times are of this process
only: wall as the tenth percentile, CPU as the mean, the best of four rounds in which the clients
take turns. Figures of one run are for comparison within it; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from muxi.core.messages import Message, TextPart
from muxi.core.requests import ModelRequest
from muxi.models.chat_completions import ChatCompletionsModel
from muxi.models.endpoint import Endpoint

ROUNDS = 4
SHORT = 5
LONG = 200
Call = Callable[[list[Message], int], Awaitable[str]]


def answer(tokens: int) -> bytes:
    """A streamed answer of so many tokens, each a write of its own on the wire."""

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "bench",
            "system_fingerprint": "fp",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }
        return b"data: %b\n\n" % json.dumps(chunk).encode()

    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}}
    events = [
        event({"role": "assistant", "content": ""}),
        *(event({"content": f"word{number} "}) for number in range(tokens)),
        event({}, "stop"),
        b"data: %b\n\n" % json.dumps({"id": "chatcmpl-1", **usage}).encode(),
        b"data: [DONE]\n\n",
    ]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in events)
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head + chunks + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Reads a request by its length and answers it; `model` says with how many tokens."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        self.data = b""
        long = b'"long"' in body
        self.transport.write(self.answers[b"long" if long else b"short"])  # pyright: ignore[reportAttributeAccessIssue] -- a benchmark's socket is a writable one


def serve(ready: Any) -> None:
    async def main() -> None:
        answers = {b"short": answer(SHORT), b"long": answer(LONG)}
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Upstream(answers), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def history(count: int) -> list[Message]:
    roles = ("user", "assistant")
    return [
        Message(role=roles[number % 2], parts=[TextPart(text=f"Message {number}, some words.")])
        for number in range(count)
    ]


@asynccontextmanager
async def muxi_client(base: str) -> AsyncIterator[Call]:
    endpoint = Endpoint(base, provider="bench", key="sk-bench-key")
    models = {
        tokens: ChatCompletionsModel(f"bench/{name}", endpoint)
        for tokens, name in ((SHORT, "short"), (LONG, "long"))
    }

    async def call(messages: list[Message], tokens: int) -> str:
        text: list[str] = []
        async for event in models[tokens].stream(ModelRequest(messages=messages)):
            if event.type == "text.delta":
                text.append(event.text)
        return "".join(text)

    yield call
    await endpoint.close()


@asynccontextmanager
async def aiohttp_client(base: str) -> AsyncIterator[Call]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(messages: list[Message], tokens: int) -> str:
            body = {
                "model": "short" if tokens == SHORT else "long",
                "stream": True,
                "messages": [{"role": m.role, "content": m.parts[0].text} for m in messages],  # pyright: ignore[reportAttributeAccessIssue] -- all parts are text
            }
            text: list[str] = []
            headers = {"Authorization": "Bearer sk-bench-key"}
            url = f"{base}/chat/completions"
            async with session.post(url, json=body, headers=headers) as response:
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        choices = json.loads(line[6:])["choices"]
                        if choices:
                            text.append(choices[0]["delta"].get("content") or "")
            return "".join(text)

        yield call


@asynccontextmanager
async def openai_client(base: str) -> AsyncIterator[Call]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="sk-bench-key", base_url=base, max_retries=0) as client:

        async def call(messages: list[Message], tokens: int) -> str:
            stream: Any = await client.chat.completions.create(
                model="short" if tokens == SHORT else "long",
                messages=[{"role": m.role, "content": m.parts[0].text} for m in messages],  # type: ignore[misc, union-attr] -- the texts of this benchmark
                stream=True,
                stream_options={"include_usage": True},
            )
            text: list[str] = []
            async for chunk in stream:
                if chunk.choices:
                    text.append(chunk.choices[0].delta.content or "")
            return "".join(text)

        yield call


CLIENTS = {"aiohttp": aiohttp_client, "muxi": muxi_client, "openai": openai_client}


async def one_by_one(call: Call, messages: list[Message], tokens: int, count: int) -> list[float]:
    """Wall p10 and mean CPU of a call, in microseconds."""
    expected = "".join(f"word{number} " for number in range(tokens))
    for _ in range(max(3, count // 10)):
        assert await call(messages, tokens) == expected
    walls: list[float] = []
    cpu = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        await call(messages, tokens)
        walls.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / count
    return [sorted(walls)[len(walls) // 10] * 1e6, cpu * 1e6]


async def at_once(call: Call, tasks: int, count: int) -> list[float]:
    """Calls a second and CPU a call in microseconds, `tasks` at a time."""
    messages = history(1)

    async def worker(share: int) -> None:
        for _ in range(share):
            await call(messages, SHORT)

    await asyncio.gather(*(worker(1) for _ in range(tasks)))
    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker(count // tasks) for _ in range(tasks)))
    return [
        count / (time.perf_counter() - start),
        (time.process_time() - cpu) / count * 1e6,
    ]


async def function_calls(call: Call) -> int:
    """Function calls of one turn, Python's and C's, as the profiler of Python counts them."""
    messages = history(1)
    await call(messages, SHORT)
    count = 0

    def note(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        await call(messages, SHORT)
    finally:
        sys.setprofile(None)
    return count


async def measure(name: str, base: str, scale: float) -> dict[str, float]:
    # The SDK is too slow for as many rounds.
    rounds = int(1600 * scale * (0.1 if name == "openai" else 1))
    async with CLIENTS[name](base) as call:
        turn, turn_cpu = await one_by_one(call, history(1), SHORT, rounds)
        per_second, busy_cpu = await at_once(call, 100, max(100, rounds * 5 // 100 * 100))
        long, long_cpu = await one_by_one(call, history(1), LONG, max(5, rounds // 10))
        _, deep_cpu = await one_by_one(call, history(400), SHORT, max(5, rounds // 5))
        return {
            "turn, wall p10, us": turn,
            "turn, cpu, us": turn_cpu,
            "turn, function calls": await function_calls(call),
            "100 at once, turns/s": per_second,
            "100 at once, cpu a turn, us": busy_cpu,
            f"{LONG} tokens, wall p10, us": long,
            "cpu a streamed token, us": (long_cpu - turn_cpu) / (LONG - SHORT),
            "400 messages more than 1, cpu, us": deep_cpu - turn_cpu,
        }


def better(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """The better of two rounds, figure by figure: what other work of the machine added is left
    out of it."""
    return {
        what: max(one[what], other[what]) if what.endswith("/s") else min(one[what], other[what])
        for what in one
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--only", choices=CLIENTS, help="one client only")
    options = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs,), daemon=True
    )
    process.start()
    base = f"http://127.0.0.1:{ours.recv()}/v1"
    try:
        names = [options.only] if options.only else list(CLIENTS)
        scale = 0.1 if options.quick else 1.0
        found: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for name in names:
                figures = asyncio.run(measure(name, base, scale / ROUNDS))
                found[name] = better(found.get(name, figures), figures)
    finally:
        process.terminate()
        process.join()
    if options.json:
        print(json.dumps(found, indent=2))
        return
    base_name = names[0]
    print(f"| what | {' | '.join(f'{name} | / {base_name}' for name in names)} |")
    print(f"|---|{'---|---|' * len(names)}")
    for what in found[base_name]:
        cells = [
            f"{found[name][what]:,.0f} | {found[name][what] / (found[base_name][what] or 1):.2f}"
            for name in names
        ]
        print(f"| {what} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
