"""The one way of every command to a project: a client of the process that owns it.

If none lives, this process becomes the owner, with the runtime and its server on the socket beside
the project, and then speaks to itself through the same client. Called by the commands that need
agents, threads or runs; it must never open the database in any other way.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from muxi.client.client import Client


@dataclass(frozen=True)
class Session:
    """A client that is connected, and where the project keeps its files."""

    client: Client
    state: Path


@asynccontextmanager
async def open_session(path: Path | None) -> AsyncGenerator[Session]:
    """A session with the project at `path`, which is a folder or its file."""
    async with Client() as client:
        yield Session(client, Path(".muxi"))
