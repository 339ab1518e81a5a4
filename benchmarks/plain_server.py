"""The same work without a framework: what the figures of `server.py` are compared with.

    python benchmarks/plain_server.py UPSTREAM PORT DATABASE

Starlette, aiohttp and sqlite3: the user's words are stored, the provider is asked, its tokens are
passed on as they come, and the answer is stored before the end is told. Two rows a turn, one
writer thread with group commit; no threads, runs, events, resume, leases or access.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

UPSTREAM, PORT, DATABASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
_units: queue.SimpleQueue[tuple[str, str, str, asyncio.Future[None]]] = queue.SimpleQueue()
_sessions: list[aiohttp.ClientSession] = []


def _write() -> None:
    connection = sqlite3.connect(DATABASE, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE messages (id TEXT PRIMARY KEY, role TEXT, text TEXT)")
    while True:
        batch = [_units.get()]
        while not _units.empty():
            batch.append(_units.get())
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", [row[:3] for row in batch])
        connection.execute("COMMIT")
        for unit in batch:
            future = unit[3]
            future.get_loop().call_soon_threadsafe(future.set_result, None)


async def _store(role: str, text: str) -> None:
    future = asyncio.get_running_loop().create_future()
    _units.put((uuid.uuid4().hex, role, text, future))
    await future


async def _turn(said: str) -> AsyncIterator[bytes]:
    await _store("user", said)
    if not _sessions:
        _sessions.append(aiohttp.ClientSession())
    body = {"model": "fake", "stream": True, "messages": [{"role": "user", "content": said}]}
    answer: list[str] = []
    async with _sessions[0].post(f"{UPSTREAM}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                choices: list[dict[str, Any]] = json.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    answer.append(text)
                    yield b"event: text.delta\ndata: %b\n\n" % json.dumps({"text": text}).encode()
    await _store("assistant", "".join(answer))
    yield b'event: run.completed\ndata: {"status":"completed"}\n\n'


async def run(request: Request) -> Response:
    said = (await request.json())["input"]
    return StreamingResponse(_turn(said), media_type="text/event-stream")


async def healthy(_: Request) -> Response:
    return PlainTextResponse("ok")


if __name__ == "__main__":
    threading.Thread(target=_write, daemon=True).start()
    app = Starlette(
        routes=[Route("/api/runs/stream", run, methods=["POST"]), Route("/healthz", healthy)]
    )
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
