"""The same work without a framework: the least that a stored turn and an idle WebSocket can cost.

    python plain_server.py PORT FOLDER NAME=BASE_URL…

The user's words are stored, the provider is asked, its words are passed on as they come, and the
answer is stored before the end is told. Two rows a turn, one writer thread with group commit; no
threads, runs, events, resume, leases or access. A WebSocket is one of uvicorn's, and nothing else.
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
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

_units: queue.SimpleQueue[tuple[str, str, str, asyncio.Future[None]]] = queue.SimpleQueue()
_sessions: list[aiohttp.ClientSession] = []
_providers: dict[str, str] = {}


def _write(database: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
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
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _units.put((uuid.uuid4().hex, role, text, future))
    await future


async def _turn(url: str, said: str) -> AsyncIterator[bytes]:
    await _store("user", said)
    if not _sessions:
        connector = aiohttp.TCPConnector(limit=0)
        _sessions.append(aiohttp.ClientSession(connector=connector))
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": said}]}
    answer: list[str] = []
    async with _sessions[0].post(f"{url}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                choices: list[dict[str, Any]] = json.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    answer.append(text)
                    yield b"event: text.delta\ndata: %b\n\n" % json.dumps({"text": text}).encode()
    await _store("assistant", "".join(answer))
    yield b'event: run.completed\ndata: {"status": "completed"}\n\n'


async def _run(request: Request) -> Response:
    said = (await request.json())["input"]
    turn = _turn(_providers[request.path_params["agent"]], said)
    return StreamingResponse(turn, media_type="text/event-stream")


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok")


_http = Starlette(
    routes=[Route("/runs/{agent}", _run, methods=["POST"]), Route("/healthz", _healthy)]
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The application as ASGI."""
    if scope["type"] != "websocket":
        await _http(scope, receive, send)
        return
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def main() -> None:
    """Serve until the process is ended."""
    port, folder, *agents = sys.argv[1:]
    for name, _, url in (each.partition("=") for each in agents):
        _providers[name] = url
    threading.Thread(target=_write, args=[Path(folder) / "plain.db"], daemon=True).start()
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, backlog=4096
    )


if __name__ == "__main__":
    main()
