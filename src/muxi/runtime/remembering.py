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
from muxi.config.project import Project
from muxi.core.caller import Caller
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import MuxiError, NotFound
from muxi.core.ids import new_id
from muxi.core.memories import MemoryPolicy
from muxi.core.ports import ContextSource
from muxi.core.threads import Run
from muxi.memory.backlog import Backlog
from muxi.memory.embedding import Embedding
from muxi.memory.facts import FactStore
from muxi.memory.finding import Finder
from muxi.memory.following import Follower
from muxi.memory.learning import Budget, Learning
from muxi.memory.policy import owners_of
from muxi.memory.profile import Profile
from muxi.memory.recall import Recall
from muxi.retrieval.search import Searcher
from muxi.runtime.guard import Guard
from muxi.runtime.models import Models
from muxi.runtime.warrant import Warrant
from muxi.storage.transaction import Database, Scope

if TYPE_CHECKING:
    from muxi.memory.tools import Forget
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
    finder: Finder
    facts: FactStore
    backlog: Backlog
    learning: Learning | None
    """None if nothing is to be learned from what users say."""
    forget: Forget | None
    """Forgets one memory with all that was made of it; without it agents are not given the tool."""
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
                finder=self.finder,
                who=who,
                owners=owners,
                limit=settings.limit,
                tokens=settings.tokens,
            )
        owners = warrant.readable("facts.read", whose)
        if owners and (self.settings.profile if own.profile is None else own.profile):
            source = Profile(inner=source, facts=self.facts, who=who, owners=owners)
        return source

    def toolsets(self, definition: AgentDefinition) -> Sequence[Toolset]:
        """The memory tools of an agent that may use them."""
        own = definition.memory
        if not (self.settings.tools if own.tools is None else own.tools):
            return ()
        from muxi.memory.tools import MemoryTools, memory_toolset

        tools = MemoryTools(
            finder=self.finder,
            facts=self.facts,
            forget=self.forget,
            policy=own,
            remembered=self.backlog.wake,
        )
        return (memory_toolset(tools),)

    async def start(self) -> None:
        """Begin to work, with what the last process has left."""
        await self.refresh()
        self.backlog.embedding.database.index_shared()
        await self.backlog.start()
        if self.learning is not None:
            await self.learning.start()

    async def refresh(self) -> None:
        """Make what the settings name and is not there yet: a key may have been set."""
        await self._rerank()
        embedding = self.backlog.embedding
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
        self.finder.searcher.rerank_by(self.reranker)

    async def use_embedder(self, name: str) -> None:
        """Make all vectors anew with another model; the present ones answer meanwhile.

        Args:
            name: As in the settings: `embedded`, `minilm`, `provider/model`, a name of `models`,
                or `none`.

        Raises:
            MuxiError: There is no such model, or it has no key.
        """
        target = await embedder_of(self.models, name)
        await self.backlog.embedding.switch(target, await self.backlog.tenants())
        self.backlog.wake()

    async def close(self) -> None:
        """Store what has ended, and let go of the models."""
        await self.backlog.stop()
        if self.learning is not None:
            await self.learning.stop()
        await self.backlog.embedding.close()
        if self.reranker is not None:
            await self.reranker.close()


def remembering(
    *,
    project: Project,
    database: Database,
    models: Models,
    agents: Agents,
    guard: Guard,
    forget: Forget | None = None,
) -> Remembering:
    """The memory of a project, not at work yet."""
    settings = project.memory
    searcher = Searcher(database)

    async def find(model: str) -> Embedder | None:
        try:
            return await models.embedder(model)
        except MuxiError as error:
            _log.warning("Older vectors cannot be searched: %s", error.message)
            return None

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
        embedding=Embedding(database=database, searcher=searcher, target=None, find=find),
        holder=holder,
        alone=alone,
    )
    return Remembering(
        settings=settings,
        models=models,
        finder=Finder(database=database, searcher=searcher, ready=backlog.ready),
        facts=FactStore(database),
        forget=forget,
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
