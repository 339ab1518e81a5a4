"""Memory put together: embedder, search, worker, what enters a turn, tools. Made by `build`.

Called by `runs` and `agents` for what a run gets of it. It must never make a turn wait for what can
be done afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from muxi.config.memory_settings import NO_EMBEDDER, FactSettings, MemorySettings
from muxi.core.caller import Caller
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import MuxiError, NotFound
from muxi.core.ids import new_id
from muxi.core.memories import MemoryPolicy, MemoryStats
from muxi.core.ports import ContextSource
from muxi.core.threads import Run
from muxi.memory.backlog import Backlog
from muxi.memory.following import Follower
from muxi.memory.forgetting import Forgetting
from muxi.memory.learning import Budget, Learning
from muxi.memory.parts import Parts, parts_of
from muxi.memory.policy import owners_of
from muxi.memory.profile import Profile
from muxi.memory.recall import Recall
from muxi.memory.rows import MEMORY
from muxi.runtime.guard import Guard
from muxi.runtime.models import Models
from muxi.runtime.warrant import Warrant
from muxi.storage import passages
from muxi.storage.transaction import Database, Scope

if TYPE_CHECKING:
    from muxi.models.embedding import Embedder
    from muxi.models.reranking import Reranker
    from muxi.runtime.agents import Agents
    from muxi.tools.toolset import Toolset

_log = logging.getLogger("muxi.runtime")

_NAMES = {"embedded": "embedded/wordllama-256", "minilm": "embedded/all-MiniLM-L6-v2"}
"""How the settings call the embedders that need no provider."""


@dataclass(kw_only=True)
class Remembering:
    """The memory of one project."""

    settings: MemorySettings
    models: Models
    parts: Parts
    backlog: Backlog
    learning: Learning | None
    """None if nothing is to be learned from what users say."""
    reranker: Reranker | None = None

    def source(
        self, warrant: Warrant, definition: AgentDefinition | None, history: ContextSource
    ) -> ContextSource:
        """`history` with what is recalled for a run, and with what is known of its user."""
        if definition is None:
            return history
        who, own, source = warrant.caller.scope, definition.memory, history
        whose = owners_of(own, user=who.principal, agent=definition.name)
        owners = warrant.readable("memories.read", whose)
        settings = self.settings.recall
        if owners and (settings.enabled if own.recall is None else own.recall):
            source = Recall(
                inner=source,
                finder=self.parts.finder,
                who=who,
                owners=owners,
                limit=settings.limit,
                tokens=settings.tokens,
            )
        owners = warrant.readable("facts.read", whose)
        if owners and (self.settings.profile if own.profile is None else own.profile):
            source = Profile(inner=source, facts=self.parts.facts, who=who, owners=owners)
        return source

    def toolsets(self, definition: AgentDefinition) -> Sequence[Toolset]:
        """The memory tools of an agent that may use them."""
        own = definition.memory
        if not (self.settings.tools if own.tools is None else own.tools):
            return ()
        from muxi.memory.tools import MemoryTools, memory_toolset

        return (memory_toolset(MemoryTools(parts=self.parts, policy=own)),)

    async def stats(self, who: Scope, owner: str) -> MemoryStats:
        """How much is remembered of an owner, and how far the embedding has come in all.

        Raises:
            AccessDenied: The memories are another user's.
        """
        count = partial(passages.count, owner=owner, corpus=MEMORY)
        memories, size = await self.parts.database.read(who, count)
        embedding = self.parts.embedding
        progress = await embedding.progress([who.tenant])
        return MemoryStats(
            memories=memories,
            bytes=size,
            embedder=progress.serving,
            next_embedder=progress.making,
            embedded=progress.embedded,
            missing=progress.missing,
            behind=self.backlog.behind,
            problem=embedding.problem,
        )

    async def start(self) -> None:
        """Begin to work, with what the last process has left."""
        await self.refresh()
        self.parts.database.index_shared()
        await self.backlog.start()
        if self.learning is not None:
            await self.learning.start()

    async def refresh(self) -> None:
        """Make what the settings name and is not there yet: a key may have been set."""
        await self._rerank()
        embedding = self.parts.embedding
        if embedding.target is not None:
            return
        try:
            embedding.target = await embedder_of(self.models, self.settings.embedder)
        except MuxiError as error:
            # Memory works by words alone, and says so.
            embedding.problem = error.message
            _log.warning("Memories get no vectors: %s", error.message)
            return
        embedding.chosen = False
        self.backlog.wake()

    async def _rerank(self) -> None:
        """Let the reranker of the settings order what is found, if there is one."""
        name = self.settings.reranker
        if name is None or self.reranker is not None:
            return
        try:
            self.reranker = await self.models.reranker(name)
        except MuxiError as error:
            _log.warning("Memories are not reranked: %s", error.message)
            return
        self.parts.finder.searcher.rerank_by(self.reranker)

    async def use_embedder(self, name: str) -> None:
        """Make all vectors anew with another model; the present ones answer meanwhile.

        Args:
            name: As in the settings: `embedded`, `minilm`, `provider/model`, a name of `models`,
                or `none`.

        Raises:
            MuxiError: There is no such model, or it has no key.
        """
        target = await embedder_of(self.models, name)
        await self.parts.embedding.switch(target, await self.backlog.tenants())
        self.backlog.wake()

    async def close(self) -> None:
        """Store what has ended, and let go of the models."""
        await self.backlog.stop()
        if self.learning is not None:
            await self.learning.stop()
        await self.parts.embedding.close()
        if self.reranker is not None:
            await self.reranker.close()


def remembering(
    *,
    settings: MemorySettings,
    models: Models,
    agents: Agents,
    guard: Guard,
    forgetting: Forgetting,
) -> Remembering:
    """The memory of a project, not at work yet."""
    parts = parts_of(forgetting, resolve=models.embedder)
    database, searcher = parts.database, parts.finder.searcher

    async def policy(whole: Scope, run: Run) -> tuple[MemoryPolicy, str] | None:
        try:
            version = await agents.version(whole, run.agent, run.agent_hash)
        except NotFound:
            own, instructions = MemoryPolicy(), ""
        else:
            own, instructions = version.definition.memory, version.definition.instructions
        remember = settings.remember if own.remember is None else own.remember
        if remember and run.begun_by is not None:
            remember = await _may_remember(guard, run.begun_by, run.agent, own)
        return (own, instructions) if remember else None

    holder, alone = new_id("proc"), database.dialect == "sqlite"
    follower = Follower(database=database, searcher=searcher, policies=policy)
    learning = _learning(settings.facts, models, database, holder=holder, alone=alone)
    if learning is not None:
        follower.listeners.append(learning.heard)
    backlog = Backlog(
        database=database,
        follower=follower,
        embedding=parts.embedding,
        holder=holder,
        alone=alone,
    )
    parts.finder.ready = backlog.ready
    parts.memories.added = backlog.wake
    return Remembering(
        settings=settings,
        models=models,
        parts=parts,
        backlog=backlog,
        learning=learning,
    )


async def _may_remember(guard: Guard, caller: Caller, agent: str, policy: MemoryPolicy) -> bool:
    """Whether what a run of this caller has said may become a memory of whom it would be."""
    owners = owners_of(policy, user=caller.subject, agent=agent)
    return bool(owners) and await guard.allows(caller, "memories.write", owners[0])


def _learning(
    settings: FactSettings, models: Models, database: Database, *, holder: str, alone: bool
) -> Learning | None:
    """Who learns facts from what users say, as the settings have it."""
    if settings.extract == "none":
        return None
    asks = settings.extract == "model"
    return Learning(
        database=database,
        holder=holder,
        alone=alone,
        model=partial(models.live, settings.model) if asks else None,
        budget=Budget(calls=settings.calls, tokens=settings.tokens),
    )


async def embedder_of(models: Models, name: str) -> Embedder | None:
    """The embedder that a setting names; None for `none`. Raises as `Models.embedder`."""
    return None if name == NO_EMBEDDER else await models.embedder(_NAMES.get(name, name))
