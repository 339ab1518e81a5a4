"""The SDK's own client on muxi's `/mcp`, in both eras, for tests of the server of MCP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from support.served import Served

Mode = Literal["legacy", "2026-07-28"]
MODES: tuple[Mode, ...] = ("legacy", "2026-07-28")
"""A handshake up to 2025-11-25, and the era in which every request stands alone."""


@asynccontextmanager
async def connected(
    served: Served, mode: Mode, *, user: str | None = None, **options: Any
) -> AsyncGenerator[Client]:
    """A client of what `served` offers; `options` are those of the SDK's `Client`."""
    headers = {"Authorization": f"Bearer {served.runtime.state.token()}"}
    if user is not None:
        headers["X-Muxi-User"] = user
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(
            streamable_http_client(f"{served.url}/mcp", http_client=http), mode=mode, **options
        ) as client,
    ):
        yield client


class Person:
    """Answers the forms that a client is shown."""

    def __init__(self, *answers: types.ElicitResult) -> None:
        self.answers = list(answers)
        self.asked: list[types.ElicitRequestFormParams] = []

    async def __call__(self, context: Any, params: Any) -> types.ElicitResult:
        self.asked.append(params)
        return self.answers.pop(0)


def says(**content: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content=content)


def text_of(result: types.CallToolResult) -> str:
    return "\n".join(each.text for each in result.content if isinstance(each, types.TextContent))
