"""A WebSocket client for tests: what it says, and all that it hears, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

WAIT = 60.0
"""Seconds after which a test gives up."""


@dataclass
class Socket:
    """One connection to `/ws`, spoken with aiohttp's client."""

    ws: aiohttp.ClientWebSocketResponse
    heard: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    texts: list[str] = field(default_factory=list[str])
    """The messages as they came."""
    _numbers: Any = field(default_factory=lambda: count(1))

    async def hear(self) -> dict[str, Any]:
        """The next message; raises `EOFError` when the connection is closed."""
        got = await self.ws.receive(timeout=WAIT)
        if got.type is not aiohttp.WSMsgType.TEXT:
            raise EOFError(f"{got.type} {self.ws.close_code} {got.extra}")
        self.texts.append(got.data)
        message = json.loads(got.data)
        self.heard.append(message)
        return message

    async def until(self, kind: str, **members: Any) -> dict[str, Any]:
        """The next message of a kind with these members."""
        while True:
            message = await self.hear()
            if message["type"] == kind and all(message.get(k) == v for k, v in members.items()):
                return message

    async def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        while True:
            message = await self.until("event")
            if message["event"]["type"] == kind:
                return message["event"]

    async def say(self, kind: str, **members: Any) -> dict[str, Any]:
        """The answer to a command: its result, or its problem."""
        number = next(self._numbers)
        await self.ws.send_str(json.dumps({"type": kind, "id": number, **members}))
        while True:
            message = await self.hear()
            if message["type"] in ("reply", "error") and message["id"] == number:
                return message.get("result") if message["type"] == "reply" else message["problem"]

    async def ended(self) -> int | None:
        """The code with which the server closes."""
        while True:
            try:
                await self.hear()
            except EOFError:
                return self.ws.close_code

    def events(self, thread_id: str) -> list[str]:
        """The events of a thread as the bytes that came."""
        head = f'{{"type":"event","thread_id":"{thread_id}","event":'
        return [text.removeprefix(head)[:-1] for text in self.texts if text.startswith(head)]


@asynccontextmanager
async def socket(
    url: str,
    token: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
) -> AsyncIterator[Socket]:
    """A connection that was greeted."""
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/ws{query}", headers=sent, max_msg_size=0) as ws,
    ):
        opened = Socket(ws)
        await asyncio.wait_for(opened.until("ready"), WAIT)
        yield opened
