"""A provider that misbehaves as the question asks, and a key that must never be seen again.

It speaks chat completions over a real local server. The first word of the newest question decides
what it does; see `Hostile`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

KEY = "sk-planted-5fZq0Jw2Rt8Ky4Lm6Nb1Vc3X"
"""The API key of every project of these tests."""

REQUEST_ID = "req_hostile_1"


@dataclass
class Hostile:
    """A provider for unlucky users.

    `status N`: answers with that status. `retry-after N S`: likewise, and asks for S seconds.
    `once N`: likewise, and answers the next attempt. `steal`: refuses and repeats the key.
    `cut`, `cut-late`: breaks the connection off, before or in the middle of the answer.
    `silent`, `silent-late`: says nothing (more) until `release`. `malformed`, `binary`, `page`,
    `empty`, `endless-line`: an answer that is no stream of its format. `call NAME ARGUMENTS` and
    `loop NAME ARGUMENTS`: calls a tool, once or for ever. Anything else is repeated in short.
    """

    url: str = ""
    asked: list[Any] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a question has come that is left waiting."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        question = _text([m for m in body["messages"] if m["role"] == "user"][-1])
        word, _, rest = question.partition(" ")
        refusal = self._refusal(request, word, rest)
        if refusal is not None:
            return refusal
        before = _BEFORE.get(word)
        if before is not None:
            return await before(self, request)
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        if word == "loop" or (word == "call" and body["messages"][-1]["role"] != "tool"):
            name, _, arguments = rest.partition(" ")
            await self._call(response, name, arguments)
        else:
            await say(response, _reply(body["messages"][-1], question))
            await say(response, None)
        return response

    def _refusal(self, request: web.Request, word: str, rest: str) -> web.Response | None:
        if word == "steal":
            text = f"Incorrect key {request.headers['Authorization']} ({KEY})."
            return _error(401, text)
        if word == "once" and rest not in self._failed:
            self._failed.add(rest)
            return _error(int(rest), "Try again.")
        if word == "status":
            return _error(int(rest), f"The provider says {rest}.")
        if word == "retry-after":
            status, _, seconds = rest.partition(" ")
            return _error(int(status), "Slow down.", **{"Retry-After": seconds})
        return None

    async def _call(self, response: web.StreamResponse, name: str, arguments: str) -> None:
        function = {"name": name, "arguments": arguments}
        call = {"index": 0, "id": f"call_{len(self.asked)}", "type": "function"}
        await _send(response, {"delta": {"tool_calls": [{**call, "function": function}]}})
        await _send(response, {"delta": {}, "finish_reason": "tool_calls"})
        await response.write(b"data: [DONE]\n\n")

    async def _wait(self) -> None:
        self.arrived.set()
        await self.release.wait()


_HEADERS = {"Content-Type": "text/event-stream", "x-request-id": REQUEST_ID}


def _error(status: int, text: str, **headers: str) -> web.Response:
    error = {"error": {"message": text, "type": "test"}}
    return web.json_response(error, status=status, headers={"x-request-id": REQUEST_ID, **headers})


async def _cut(hostile: Hostile, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _broken(*pieces: bytes, end: str = "close") -> Callable[..., Awaitable[web.StreamResponse]]:
    """An answer of `pieces` that then closes, is cut, or waits."""

    async def answer(hostile: Hostile, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if end == "wait":
            await hostile._wait()
        if end == "cut":
            assert request.transport is not None
            request.transport.abort()
        return response

    return answer


async def _silent(hostile: Hostile, request: web.Request) -> web.StreamResponse:
    await hostile._wait()
    return web.Response()


async def _page(hostile: Hostile, request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Please sign in</html>", content_type="text/html")


def _chunk(choice: dict[str, Any]) -> bytes:
    whole = {"id": "c1", "object": "chat.completion.chunk", "model": "fake"}
    return f"data: {json.dumps({**whole, 'choices': [{'index': 0, **choice}]})}\n\n".encode()


_BEGINNING = _chunk({"delta": {"content": "The beginning "}})

_BEFORE: dict[str, Callable[..., Awaitable[web.StreamResponse]]] = {
    "cut": _cut,
    "cut-late": _broken(_BEGINNING, end="cut"),
    "close-late": _broken(_BEGINNING),
    "silent": _silent,
    "silent-late": _broken(_BEGINNING, end="wait"),
    "malformed": _broken(_BEGINNING, b"data: {nonsense\n\n"),
    "binary": _broken(bytes(range(256)) * 64),
    "page": _page,
    "empty": _broken(),
    "endless-line": _broken(b"data: ", *[b"x" * (1 << 20)] * 40),
}


async def say(response: web.StreamResponse, text: str | None) -> None:
    """A piece of text, or the end."""
    if text is not None:
        await _send(response, {"delta": {"content": text}})
        return
    await _send(response, {"delta": {}, "finish_reason": "stop"})
    await response.write(b"data: [DONE]\n\n")


async def _send(response: web.StreamResponse, choice: dict[str, Any]) -> None:
    await response.write(_chunk(choice))


def _reply(last: dict[str, Any], question: str) -> str:
    if last["role"] == "tool":
        return f"The tool says: {_text(last)[:200]}"
    return f"You said {len(question)} letters: {question[:50]}"


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@asynccontextmanager
async def hostile() -> AsyncIterator[Hostile]:
    """Serve it while the block runs."""
    it = Hostile()
    app = web.Application(client_max_size=256 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", it.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield it
    finally:
        it.release.set()
        await runner.cleanup()


def places_of(secret: str, folder: Path) -> list[Path]:
    """The files below `folder` that hold `secret` in clear."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]
