"""MCP servers for tests of the client: how to declare them, and what to call their tools with."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.context import RunContext
from muxi.core.events import Event
from muxi.core.messages import TextPart
from muxi.core.questions import Answer, Answered, Question
from muxi.mcp.local import Places
from muxi.mcp.servers import Servers
from muxi.mcp.target import Target
from muxi.mcp.toolset import RemoteToolset

RAW = Path(__file__).with_name("raw_mcp_server.py")


def raw(*faults: str) -> list[str]:
    """The command of the server that misbehaves as it is told."""
    return [sys.executable, "-S", "-I", str(RAW), *faults]


def settings(*faults: str, **declared: Any) -> McpServerSettings:
    """A server that misbehaves, as a project declares it; it is given little time."""
    declared.setdefault("command", raw(*faults))
    declared.setdefault("timeout", 30)
    return McpServerSettings.model_validate(declared)


class Remote:
    """Servers of a test, and a way to call their tools."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.toolset: RemoteToolset = servers.toolset([("*", "*")])
        self.events: list[Event] = []
        self.asked: list[Question] = []
        self.reply = Answer(action="accept", value={"name": "Ada"})

    def context(self, answer: Answered | None = None) -> RunContext[Any]:
        """The context of one call."""

        async def ask(question: Question) -> Answer:
            self.asked.append(question)
            return self.reply

        ctx: RunContext[Any] = RunContext(deps=None)
        return ctx.for_call("call_1", "key", self.events.append, ask=ask, answer=answer)

    async def names(self) -> list[str]:
        """Names of the tools that a model would be shown."""
        return [spec.name for spec in await self.toolset.specs(self.context())]

    async def call(self, name: str, answered: Answered | None = None, /, **arguments: Any) -> str:
        """Call a tool and give the text of its result; `SERVER__` may be left out for `s`."""
        await self.names()
        full = name if "__" in name else f"s__{name}"
        parts = await self.toolset.call(full, arguments, self.context(answered))
        return "\n".join(part.text for part in parts if isinstance(part, TextPart))


@asynccontextmanager
async def remote(
    folder: Path,
    *faults: str,
    target: Callable[[str, McpServerSettings], Target] | None = None,
    **declared: Any,
) -> AsyncGenerator[Remote]:
    """One server `s` with these faults and settings."""
    async with several(folder, {"s": settings(*faults, **declared)}, target=target) as found:
        yield found


@asynccontextmanager
async def several(
    folder: Path,
    declared: dict[str, McpServerSettings],
    *,
    target: Callable[[str, McpServerSettings], Target] | None = None,
    **options: Any,
) -> AsyncGenerator[Remote]:
    """Several servers by name."""
    places = Places(folder=folder, state=folder / ".muxi")
    servers = Servers(
        settings=declared, target=target or places.target, logs=places.homes, **options
    )
    async with servers:
        yield Remote(servers)


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `holds()` is true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def lines(log: Sequence[str]) -> str:
    """A log without its times."""
    return "\n".join(line.partition(" ")[2] for line in log)
