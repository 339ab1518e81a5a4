"""The one way of every command to a project: a client of the process that owns it.

If none lives, or none any more, this process becomes the owner, with the runtime and its server on
the socket beside the project, and then speaks to itself through the same client. Called by the
commands that need agents, threads or runs; it must never open the database in any other way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from muxi.cli import interrupts, output
from muxi.cli.interrupts import heard_by
from muxi.cli.weights import prepare_weights
from muxi.client.client import Client
from muxi.config.load import load_project
from muxi.config.project import STATE_FOLDER, Project
from muxi.core.errors import ProjectInUse, ServerUnavailable
from muxi.core.users import user_id
from muxi.runtime.owner import Owner, owner_of
from muxi.runtime.state import StateFolder
from muxi.telemetry.logs import set_up_logs

if TYPE_CHECKING:
    from muxi.runtime.build import Runtime
    from muxi.server.serve import Server

T = TypeVar("T")

_PATIENCE = 30.0
"""Seconds for another process that is just starting, or just leaving."""
_PAUSE = 0.05

_STAY = 60.0
"""Seconds for which an owner whose own work is done lets the runs of others end."""
_SOON = 1.0
"""Seconds after which it says what it waits for."""
_STAYING = "Other commands are still being answered here. Ctrl-C leaves at once."


class Session:
    """A client of whoever owns the project, for as long as anybody can."""

    client: Client
    """It goes on with the next owner when one leaves; see `_regain`."""

    def __init__(
        self,
        path: Path | None,
        project: Project | None,
        *,
        answers: bool,
        user: str | None = None,
        tenant: str | None = None,
    ) -> None:
        self.state = state_of(path)
        self.told: Callable[[str], None] | None = None
        """Hears, in a sentence, that this process has become the owner in the place of another."""
        self._path = path
        self._project = project
        self._answers = answers
        self._user = user
        self._tenant = tenant
        self._runtime: Runtime | None = None
        self._server: Server | None = None
        self._seeking = asyncio.Lock()
        self._open = AsyncExitStack()

    @property
    def owned(self) -> bool:
        """Whether this process is the owner: what runs ends with it."""
        return self._server is not None

    async def connect(self) -> None:
        """Find the owner or become it."""
        await self._find()
        self.client = await self._open.enter_async_context(
            Client(
                socket=self.state.socket,
                token=self.state.token(),
                user=self._user,
                tenant=self._tenant,
                regain=self._regain,
            )
        )

    async def close(self) -> None:
        """Leave the owner, or stop being it."""
        await self._open.aclose()

    async def let_others_finish(self) -> None:
        """Stay while this process answers other commands, for a minute. Ctrl-C leaves at once."""
        if self._runtime is None or self._server is None or not self._answers:
            return
        loop = asyncio.get_running_loop()
        leaving = asyncio.Event()
        timer = loop.call_later(_SOON, output.say, _STAYING)
        others = asyncio.create_task(_no_runs(self._runtime))
        waiting = [others, asyncio.create_task(leaving.wait())]
        try:
            with heard_by(leaving.set):
                await asyncio.wait(waiting, timeout=_STAY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            for task in waiting:
                task.cancel()
            self.hurry()

    def hurry(self) -> None:
        """Wait for no run when this session is closed."""
        if self._server is not None:
            self._server.grace = 0.0

    async def _regain(self, error: ServerUnavailable) -> None:
        """Find the next owner, after a request to the last one failed with `error`."""
        async with self._seeking:
            if not self.owned:
                await self._find()
                if self.owned and self.told is not None:
                    self.told("The process that owned this project has ended; this one takes over.")
            elif not await _listens(self.state.socket):
                raise error

    async def _find(self) -> None:
        """Return when an owner listens: another process, or this one."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            owner = owner_of(self.state)
            if owner is None:
                project = self._project or load_project(self._path)
                runtime = await _become_owner(project, go_on=self._answers)
                if runtime is not None:
                    self._runtime = runtime
                    self._server = await self._open.enter_async_context(_serving(runtime))
                    return
            elif owner.socket is not None and await _listens(Path(owner.socket)):
                return
            if time.monotonic() > deadline:
                raise _silent(owner)
            await asyncio.sleep(_PAUSE)


def state_of(path: Path | None) -> StateFolder:
    """The state folder of the project at `path`, a folder or a project file; it may not exist."""
    place = path or Path()
    return StateFolder((place if place.is_dir() else place.parent) / STATE_FOLDER)


def in_session(
    path: Path | None,
    work: Callable[[Session], Coroutine[None, None, T]],
    *,
    answers: bool = False,
    user: str | None = None,
    tenant: str | None = None,
) -> T:
    """Do `work` in a session with the project at `path`, and end the session.

    Args:
        path: The project's folder or file; this folder if None.
        work: What to do.
        answers: Whether a model may be needed: embedded weights are then fetched before, and runs
            that a dead process left go on. A command that only looks asks no model anything.
        user: Id of the user for whom to do it; the person at this machine if None.
        tenant: Id of the tenant in which to do it; the project's own if None.

    Raises:
        InvalidInput: This is no id of a user.
        ConfigError: The project file has mistakes, and no owner lives that has read it before.
        ProjectInUse: The owner does not answer.
    """
    if user is not None:
        # Before anything is opened for a user that cannot be.
        user_id(user)
    project = None
    if owner_of(state_of(path)) is None:
        # Before the event loop exists, so that Ctrl-C ends a download at once.
        project = load_project(path)
        if answers:
            prepare_weights(project)
    session = Session(path, project, answers=answers, user=user, tenant=tenant)
    return interrupts.run(_perform(session, work))


async def _perform(session: Session, work: Callable[[Session], Coroutine[None, None, T]]) -> T:
    set_up_logs(logging.WARNING)
    try:
        await session.connect()
        result = await work(session)
        await session.let_others_finish()
    except asyncio.CancelledError:
        session.hurry()
        raise
    finally:
        await session.close()
    return result


async def _become_owner(project: Project, *, go_on: bool) -> Runtime | None:
    """The runtime of this process; None if another process was faster."""
    from muxi.runtime.build import open_runtime

    try:
        return await open_runtime(project, go_on=go_on)
    except ProjectInUse:
        return None


@asynccontextmanager
async def _serving(runtime: Runtime) -> AsyncGenerator[Server]:
    from muxi.server.serve import serving

    try:
        async with serving(runtime) as server:
            yield server
    finally:
        await runtime.close()


async def _listens(socket: Path) -> bool:
    """Whether somebody accepts connections there: an owner that is leaving does not any more."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True


async def _no_runs(runtime: Runtime) -> None:
    """Return when this process drives no run that is not being stopped already."""
    while going := [run for run in runtime.runs.active.values() if not run.ctx.cancel.cancelled]:
        await going[0].wait()


def _silent(owner: Owner | None) -> ProjectInUse:
    who = f"Process {owner.pid}" if owner is not None else "Another process"
    return ProjectInUse(
        f"{who} owns this project but does not answer.", hint="Wait for it to start, or stop it."
    )
