"""What runs are made of: models, tools, agents, memory, streams, put together in their order.

Called by `build`, which adds the services that doors call. It must start nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muxi.config.project import Project
from muxi.identity.audit.log import AuditLog
from muxi.identity.identity import Identity
from muxi.identity.ledger import BudgetLedger, RunLedger
from muxi.memory.compaction import Compactor
from muxi.memory.forgetting import Forgetting
from muxi.memory.history import HistoryCache
from muxi.runtime.agents import Agents
from muxi.runtime.blobs import Blobs
from muxi.runtime.budgets import ledger_of
from muxi.runtime.credentials import UserCredentials
from muxi.runtime.forgetting import forgetting_of
from muxi.runtime.guard import Guard
from muxi.runtime.imaging import ModelImaging
from muxi.runtime.kept_files import KeptFiles
from muxi.runtime.knowledge import Knowledge
from muxi.runtime.master_keys import key_source
from muxi.runtime.mcp import McpServers
from muxi.runtime.media_texts import MediaTexts
from muxi.runtime.models import Models
from muxi.runtime.past import Past
from muxi.runtime.principal import LOCAL
from muxi.runtime.remembering import remembering
from muxi.runtime.runs import Runs
from muxi.runtime.sealed import Sealed
from muxi.runtime.secrets import Secrets
from muxi.runtime.state import StateFolder
from muxi.runtime.streams import Streams
from muxi.runtime.tools import Tools
from muxi.runtime.voice import ModelVoice
from muxi.storage.blob_files import BlobFiles
from muxi.storage.transaction import Database

if TYPE_CHECKING:
    from muxi.models.model import Model


@dataclass(frozen=True, slots=True)
class Access:
    """Who there is, what they may do, and what they did."""

    identity: Identity
    guard: Guard
    audit: AuditLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What runs are made of, of one project."""

    project: Project
    state: StateFolder
    database: Database
    sealed: Sealed
    secrets: Secrets
    credentials: UserCredentials
    access: Access
    models: Models
    tools: Tools
    agents: Agents
    mcp: McpServers
    blobs: Blobs
    voice: ModelVoice
    streams: Streams
    past: Past
    runs: Runs


def engine_of(
    project: Project,
    state: StateFolder,
    database: Database,
    *,
    models: dict[str, Model],
    tools: dict[str, Callable[..., Any]],
) -> Engine:
    """The engine of a project, with the models and tools that a program hands in."""
    sealed = Sealed(database, key_source(project, state, database))
    secrets = Secrets(sealed, LOCAL.tenant)
    credentials = UserCredentials(project=project, sealed=sealed, secrets=secrets)
    access = _access(project, database, state)
    made_models = Models(project=project, secrets=secrets, given=models)
    blobs = Blobs(database=database, files=BlobFiles(state.blobs))
    ledger = ledger_of(database, project.budgets)
    voice = ModelVoice(models=made_models, blobs=blobs, ledger=ledger)
    imaging = ModelImaging(models=made_models, blobs=blobs, ledger=ledger)
    kept_files = KeptFiles(database=database, models=made_models)
    kit = Tools(project=project, credentials=credentials, given=tools, imaging=imaging, voice=voice)
    agents = Agents(project=project, database=database, models=made_models, tools=kit)
    agents.ask_at = lambda: credentials.page
    mcp = McpServers(project=project, credentials=credentials, state=state, tools=kit)
    agents.named.append(mcp.toolsets)
    streams = Streams(database, window=project.server.events.window)
    past = _past(agents, access.guard, ledger, forgetting_of(state, database, blobs.files))
    runs = Runs(
        database=database,
        streams=streams,
        agents=agents,
        credentials=credentials,
        ledger=ledger,
        past=past,
        blobs=blobs,
        media_texts=MediaTexts(tools=kit, imaging=imaging, voice=voice),
        kept_files=kept_files,
        guard=access.guard,
        present=access.identity.callers.renewed,
    )
    return Engine(
        project=project,
        state=state,
        database=database,
        sealed=sealed,
        secrets=secrets,
        credentials=credentials,
        access=access,
        models=made_models,
        tools=kit,
        agents=agents,
        mcp=mcp,
        blobs=blobs,
        voice=voice,
        streams=streams,
        past=past,
        runs=runs,
    )


def _access(project: Project, database: Database, state: StateFolder) -> Access:
    keep_days = project.audit.keep_days
    audit = AuditLog(database=database, key_file=state.audit_key, keep_days=keep_days)
    guard = Guard(settings=project.identity, database=database, audit=audit)
    return Access(Identity(database, project.identity), guard, audit)


def _past(agents: Agents, guard: Guard, ledger: BudgetLedger, forgetting: Forgetting) -> Past:
    """What runs are told of the past, and what becomes of them; gives agents their tools for it."""
    project, database, models = agents.project, agents.database, agents.models
    memory = remembering(
        settings=project.memory, models=models, agents=agents, guard=guard, forgetting=forgetting
    )
    knowledge = Knowledge(
        project=project,
        database=database,
        searcher=memory.parts.finder.searcher,
        changed=memory.backlog.wake,
    )
    agents.further += [memory.toolsets, knowledge.toolsets]
    history = HistoryCache(database)
    compactor = Compactor(
        database=database, cache=history, ledger=RunLedger(ledger), model=models.live
    )
    return Past(history=history, compactor=compactor, remembering=memory, knowledge=knowledge)
