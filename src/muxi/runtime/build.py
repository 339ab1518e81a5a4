"""A project brought to life: its database opened, its services put together, its runs continued.

Called by doors, by programs that embed muxi and by tests. The one place where configuration
becomes objects.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from muxi.config.project import Project
from muxi.config.secret import SecretRef
from muxi.core.errors import SecretMissing
from muxi.core.status import ServerStatus
from muxi.core.version import __version__
from muxi.identity.audit.log import AuditLog
from muxi.identity.identity import Identity
from muxi.memory.facts import FactStore
from muxi.memory.forgetting import Forgetting
from muxi.memory.memories import Memories
from muxi.runtime.agents import Agents
from muxi.runtime.approvals import Approvals
from muxi.runtime.blobs import Blobs
from muxi.runtime.budgets import Budgets
from muxi.runtime.client_calls import ClientCalls
from muxi.runtime.conversations import Conversations
from muxi.runtime.credentials import UserCredentials
from muxi.runtime.engine import Engine, engine_of
from muxi.runtime.federation import Federation
from muxi.runtime.files import Files, files_of
from muxi.runtime.forgetting import ForgettingService, forgetting_service
from muxi.runtime.guard import Guard
from muxi.runtime.idempotency import Idempotency
from muxi.runtime.knowledge import Knowledge
from muxi.runtime.mcp import McpServers
from muxi.runtime.models import Models
from muxi.runtime.owner import Ownership
from muxi.runtime.passing import Passing
from muxi.runtime.principal import LOCAL, Principal
from muxi.runtime.readiness import check_database, check_loop
from muxi.runtime.recovery import Recovery
from muxi.runtime.reloading import Reloading
from muxi.runtime.remembering import Remembering
from muxi.runtime.rules import Rules
from muxi.runtime.runs import Runs
from muxi.runtime.sealed import Sealed
from muxi.runtime.secrets import Secrets
from muxi.runtime.state import StateFolder
from muxi.runtime.streams import Streams
from muxi.runtime.threads import Threads
from muxi.runtime.tickets import Tickets
from muxi.runtime.toolbox import Toolbox
from muxi.runtime.tools import Tools
from muxi.runtime.transcripts import Transcripts
from muxi.runtime.usage import UsageService
from muxi.runtime.voice import ModelVoice
from muxi.runtime.warming import Warming
from muxi.storage.database import open_database, sqlite_path
from muxi.storage.sqlite import SqliteSettings
from muxi.storage.transaction import Database

if TYPE_CHECKING:
    from muxi.models.model import Model


@dataclass(kw_only=True)
class Runtime:
    """A living project and its services. Made by `open_runtime`, closed by `close`."""

    project: Project
    state: StateFolder
    database: Database
    sealed: Sealed
    secrets: Secrets
    credentials: UserCredentials
    models: Models
    tools: Tools
    toolbox: Toolbox
    agents: Agents
    threads: Threads
    streams: Streams
    runs: Runs
    approvals: Approvals
    client_calls: ClientCalls
    conversations: Conversations
    reloading: Reloading
    transcripts: Transcripts
    blobs: Blobs
    files: Files
    voice: ModelVoice
    idempotency: Idempotency
    facts: FactStore
    memories: Memories
    remembering: Remembering
    forgetting: ForgettingService
    knowledge: Knowledge
    mcp: McpServers
    warming: Warming
    budgets: Budgets
    usage: UsageService
    tickets: Tickets
    recovery: Recovery
    guard: Guard
    identity: Identity
    audit: AuditLog
    federation: Federation
    rules: Rules
    url: str | None = None
    """Where browsers reach this process; None if they do not."""
    _ownership: Ownership
    _closed: bool = field(default=False)

    async def status(self, who: Principal) -> ServerStatus:
        """The project, and what it is doing."""
        definition = (await self.agents.current(who, None)).definition
        return ServerStatus(
            version=__version__,
            project=self.project.name or self.project.folder.name or "muxi",
            default_agent=definition.name,
            model=await self.models.info(definition.model),
            owner_pid=os.getpid(),
            active_runs=len(self.runs.active),
        )

    async def check(self) -> None:
        """Raise an error unless more can be done here: the process is not stopping, the event loop
        is free, the database answers and is written."""
        self.runs.check_open()
        await check_loop()
        await check_database(self.database)

    async def set_secret(self, name: str, value: str) -> None:
        """Store a secret; agents that use it do so from their next run on."""
        await self.secrets.put(name, value)
        self.agents.forget()
        await self.remembering.refresh()

    async def delete_secret(self, name: str) -> None:
        """Raises `SecretMissing` if there is none of that name."""
        await self.secrets.delete(name)
        self.agents.forget()

    def announce(self, *, url: str | None, socket: bool) -> None:
        """Tell other processes of this machine where this one answers."""
        self.url = url
        public = self.project.server.url or url
        self.credentials.page = None if url is None else f"{public}/credentials"
        self._ownership.announce(url=url, socket=socket)

    async def stop_runs(self, grace: float) -> None:
        """Begin nothing more, let runs end for some seconds, and leave the rest to a successor."""
        await self.runs.close(grace)
        self.streams.close()

    async def close(self) -> None:
        """Stop everything and give the project up. Nothing that was acknowledged is lost."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.stop_runs(grace=0)
            await self.recovery.stop()
            await self.forgetting.close()
            await self.remembering.close()
            await self.knowledge.close()
            await self.warming.close()
            await self.mcp.close()
            await self.runs.kept_files.close()
            await self.runs.past.compactor.close()
            await self.tools.close()
            await self.models.close()
            await self.federation.close()
            await self.identity.close()
            await self.runs.ledger.close()
            await self.audit.close()
            await self.sealed.close()
            await self.database.close()
        finally:
            self._ownership.release()


async def open_runtime(
    project: Project,
    *,
    models: Mapping[str, Model] | None = None,
    tools: Mapping[str, Callable[..., Any]] | None = None,
    go_on: bool = True,
) -> Runtime:
    """Open a project and go on with the runs that a dead process left behind.

    Args:
        project: What it declares.
        models: Models by the name that agents use, in place of what would be made.
        tools: Functions and `@tool`s by the name that agents use, likewise.
        go_on: Whether to go on with such runs, which asks models; else they wait.

    Raises:
        ProjectInUse: Another process owns the project; `details` say where it answers.
        StorageError: The database cannot be opened, or belongs to another project's process.
        ConfigError: What the project declares does not fit what is stored.
    """
    state = StateFolder(project.state_folder)
    state.prepare()
    ownership = await asyncio.to_thread(Ownership.take, state)
    try:
        database = await _open_database(project, state, ownership)
    except BaseException:
        ownership.release()
        raise
    engine = engine_of(project, state, database, models=dict(models or {}), tools=dict(tools or {}))
    runtime = _assemble(engine, ownership)
    try:
        await runtime.agents.check(LOCAL)
        await runtime.budgets.check()
        await runtime.identity.start()
        await runtime.audit.start()
        await runtime.sealed.resume()
        await runtime.forgetting.start()
        await runtime.remembering.start()
        if go_on:
            await runtime.recovery.start()
            await runtime.knowledge.start()
    except BaseException:
        await runtime.close()
        raise
    return runtime


async def _open_database(project: Project, state: StateFolder, ownership: Ownership) -> Database:
    settings = project.storage
    url = f"sqlite:///{state.database}"
    if settings.url is not None:
        url = _address(settings.url, "storage.url")
    if url.startswith("sqlite:") and (file := sqlite_path(url)) is not None:
        await asyncio.to_thread(ownership.take_also, file)
    return await open_database(
        url,
        owner_url=_address(settings.owner_url, "storage.owner_url") if settings.owner_url else None,
        sqlite=SqliteSettings(synchronous=settings.durability),
        snapshots=state.snapshots,
        keep_snapshots=settings.snapshots.keep,
    )


def _address(reference: SecretRef, setting: str) -> str:
    """The database that `reference` names. Another one in its place would hide what it holds."""
    value = reference.reveal()
    if value is None:
        raise SecretMissing(
            f"`{setting}` refers to {reference.source}, which is not set.",
            # A secret of the store cannot be read before the store is open.
            hint="Set the environment variable; a stored secret cannot name the store.",
        )
    return value


def _assemble(engine: Engine, ownership: Ownership) -> Runtime:
    project, state, database = engine.project, engine.state, engine.database
    agents, runs, streams = engine.agents, engine.runs, engine.streams
    memory = engine.past.remembering
    parts = memory.parts
    approvals = Approvals(database=database, runs=runs)
    client_calls = ClientCalls(runs=runs)
    files = files_of(project, state, engine.blobs, on_deleted=runs.kept_files.wake)
    parts.forgetting.listeners.append(lambda tenant, _: runs.kept_files.wake(tenant))
    return Runtime(
        project=project,
        state=state,
        database=database,
        sealed=engine.sealed,
        secrets=engine.secrets,
        credentials=engine.credentials,
        models=engine.models,
        tools=engine.tools,
        toolbox=Toolbox(agents=agents, mcp=engine.mcp),
        agents=agents,
        threads=_threads(engine, parts.forgetting),
        streams=streams,
        runs=runs,
        approvals=approvals,
        client_calls=client_calls,
        reloading=Reloading(
            project=project,
            agents=agents,
            tools=engine.tools,
            mcp=engine.mcp,
            remembering=memory,
        ),
        conversations=Conversations(runs=runs, approvals=approvals, client_calls=client_calls),
        transcripts=Transcripts(database=runs.database),
        blobs=engine.blobs,
        files=files,
        voice=engine.voice,
        idempotency=Idempotency(database=database, secrets=engine.secrets),
        facts=parts.facts,
        memories=parts.memories,
        remembering=memory,
        forgetting=forgetting_service(project, state, memory=memory, runs=runs),
        knowledge=engine.past.knowledge,
        mcp=engine.mcp,
        warming=Warming(agents=agents, mcp=engine.mcp),
        budgets=Budgets(database=engine.database, ledger=engine.runs.ledger),
        usage=UsageService(database=engine.database),
        tickets=Tickets(database=database, secrets=engine.secrets),
        recovery=_recovery(engine, approvals, files),
        guard=engine.access.guard,
        identity=engine.access.identity,
        audit=engine.access.audit,
        federation=_federation(engine),
        rules=Rules(guard=engine.access.guard),
        _ownership=ownership,
    )


def _recovery(engine: Engine, approvals: Approvals, files: Files) -> Recovery:
    runs = engine.runs
    passing, logins = Passing(runs=runs), engine.mcp.logins
    sweepers = [passing.sweep, engine.blobs.sweep, files.sweep, runs.kept_files.sweep]
    sweepers += [runs.ledger.clean, logins.sweep]
    return Recovery(runs=runs, expire=approvals.expire, sweepers=sweepers)


def _federation(engine: Engine) -> Federation:
    settings, identity = engine.project.identity, engine.access.identity
    return Federation(settings=settings, identity=identity, secrets=engine.secrets)


def _threads(engine: Engine, forgetting: Forgetting) -> Threads:
    return Threads(
        database=engine.database,
        streams=engine.streams,
        agents=engine.agents,
        blobs=engine.blobs,
        forgetting=forgetting,
    )
