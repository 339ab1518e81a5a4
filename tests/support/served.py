"""A living project behind its real HTTP server, with scripted models, for tests of the doors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from muxi.client.client import Client
from muxi.config.project import Project
from muxi.core.events import Event
from muxi.models.model import Model
from muxi.models.scripted import Script, ScriptedModel
from muxi.runtime.build import Runtime, open_runtime
from muxi.server.serve import Server, serving


@dataclass
class Served:
    """What a test talks to."""

    runtime: Runtime
    server: Server
    client: Client
    http: aiohttp.ClientSession
    """Sends the token; `url` is its base."""
    url: str

    @property
    def token(self) -> str:
        """The project's token."""
        return self.runtime.state.token()

    async def follow(self, run_id: str, since: int = 0) -> list[Event]:
        """All events of a run to its end."""
        return [event async for event in self.client.events(run_id, since=since)]

    async def answer(self, text: str, **where: Any) -> tuple[str, list[Event]]:
        """Say something and wait for the end; gives the thread and the events."""
        run = await self.client.start_run(text, **where)
        return run.thread_id, await self.follow(run.id)


def project(folder: Path, **declared: Any) -> Project:
    """A project in `folder` with one agent `a` unless told otherwise, on the model `m`."""
    declared.setdefault("agents", {"a": {"name": "a"}})
    return Project.model_validate({"model": "m/m", "folder": folder, **declared})


@asynccontextmanager
async def served(
    folder: Path,
    script: Script | Model,
    *,
    tools: Mapping[str, Any] | None = None,
    **declared: Any,
) -> AsyncGenerator[Served]:
    """Serve a project whose model answers as `script` says.

    `tools` are functions, or entries of a project's section.
    """
    given = {name: each for name, each in (tools or {}).items() if callable(each)}
    if entries := {name: each for name, each in (tools or {}).items() if not callable(each)}:
        declared["tools"] = entries
    model = script if hasattr(script, "profile") else ScriptedModel(script)  # pyright: ignore[reportArgumentType] -- what is no model is a script
    runtime = await open_runtime(project(folder, **declared), models={"m/m": model}, tools=given)  # pyright: ignore[reportArgumentType] -- likewise
    try:
        async with serving(runtime, port=0) as server:
            assert server.url is not None
            token = runtime.state.token()
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                Client(server.url, token=token) as client,
                aiohttp.ClientSession(headers=headers) as http,
            ):
                yield Served(runtime, server, client, http, server.url)
    finally:
        await runtime.close()


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The frames of a stream of server-sent events as the bytes that came, without comments."""
    rest = b""
    async for chunk in response.content.iter_any():
        rest += chunk
        while (end := rest.find(b"\n\n")) >= 0:
            frame, rest = rest[: end + 2], rest[end + 2 :]
            if not frame.startswith(b":"):
                yield frame


def number_of(frame: bytes) -> int:
    """The sequence number of a frame."""
    assert frame.startswith(b"id: ")
    return int(frame[4 : frame.index(b"\n")])
