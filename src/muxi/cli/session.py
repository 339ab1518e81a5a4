"""The one way of every command to a project: a client of the process that owns it.

If none lives, this process becomes the owner, with the runtime and its server on the socket beside
the project, and then speaks to itself through the same client. Called by the commands that need
agents, threads or runs; it must never open the database in any other way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from muxi.cli.weights import prepare_weights
from muxi.client.client import Client
from muxi.config.load import load_project
from muxi.config.project import STATE_FOLDER, Project
from muxi.core.errors import ProjectInUse
from muxi.runtime.owner import Owner, owner_of
from muxi.runtime.state import StateFolder
from muxi.telemetry.logs import set_up_logs

if TYPE_CHECKING:
    from muxi.runtime.build import Runtime

T = TypeVar("T")

_PATIENCE = 15.0
"""Seconds for another process that is just starting to answer."""
_PAUSE = 0.05


class Session:
    """A client that is connected, and where the project keeps its files."""

    client: Client
    owned: bool
    """Whether this process is the owner: what runs ends with it."""

    def __init__(self, path: Path | None, project: Project | None, *, answers: bool) -> None:
        self.state = state_of(path)
        self._path = path
        self._project = project
        self._answers = answers
        self._open = AsyncExitStack()

    async def connect(self) -> None:
        """Find the owner or become it; again, when the owner has gone."""
        await self.close()
        connection = _connection(self._path, self._project, go_on=self._answers)
        self.client, self.owned = await self._open.enter_async_context(connection)

    async def close(self) -> None:
        """Leave the owner, or stop being it."""
        await self._open.aclose()


def state_of(path: Path | None) -> StateFolder:
    """The state folder of the project at `path`, a folder or a project file; it may not exist."""
    place = path or Path()
    return StateFolder((place if place.is_dir() else place.parent) / STATE_FOLDER)


def in_session(
    path: Path | None, work: Callable[[Session], Coroutine[None, None, T]], *, answers: bool = False
) -> T:
    """Do `work` in a session with the project at `path`, and end the session.

    Args:
        path: The project's folder or file; this folder if None.
        work: What to do.
        answers: Whether a model may be needed: embedded weights are then fetched before, and runs
            that a dead process left go on. A command that only looks asks no model anything.

    Raises:
        ConfigError: The project file has mistakes, and no owner lives that has read it before.
        ProjectInUse: The owner does not answer.
    """
    project = None
    if owner_of(state_of(path)) is None:
        # Before the event loop exists, so that Ctrl-C ends a download at once.
        project = load_project(path)
        if answers:
            prepare_weights(project)
    return asyncio.run(_perform(Session(path, project, answers=answers), work))


async def _perform(session: Session, work: Callable[[Session], Coroutine[None, None, T]]) -> T:
    set_up_logs(logging.WARNING)
    try:
        await session.connect()
        return await work(session)
    finally:
        await session.close()


@asynccontextmanager
async def _connection(
    path: Path | None, project: Project | None, *, go_on: bool
) -> AsyncGenerator[tuple[Client, bool]]:
    """A client of the owner, and whether that is this process."""
    state = state_of(path)
    deadline = time.monotonic() + _PATIENCE
    while True:
        owner = owner_of(state)
        if owner is not None and owner.socket is not None:
            async with Client(socket=owner.socket, token=state.token()) as client:
                yield client, False
            return
        if owner is None:
            runtime = await _become_owner(project or load_project(path), go_on=go_on)
            if runtime is not None:
                async with _serving(runtime) as client:
                    yield client, True
                return
        if time.monotonic() > deadline:
            raise _silent(owner)
        await asyncio.sleep(_PAUSE)


async def _become_owner(project: Project, *, go_on: bool) -> Runtime | None:
    """The runtime of this process; None if another process was faster."""
    from muxi.runtime.build import open_runtime

    try:
        return await open_runtime(project, go_on=go_on)
    except ProjectInUse:
        return None


@asynccontextmanager
async def _serving(runtime: Runtime) -> AsyncGenerator[Client]:
    from muxi.server.serve import serving

    state = runtime.state
    try:
        async with serving(runtime), Client(socket=state.socket, token=state.token()) as client:
            yield client
    finally:
        await runtime.close()


def _silent(owner: Owner | None) -> ProjectInUse:
    who = f"Process {owner.pid}" if owner is not None else "Another process"
    return ProjectInUse(
        f"{who} owns this project but does not answer.", hint="Wait for it to start, or stop it."
    )
