"""The project's agents: definitions from its file and from the database, made live when used.

Called by `runs` and by doors. A definition of the file can only be changed in the file; one of the
database has immutable versions by hash. A name in both is an error.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal

from muxi.config.memory_settings import CompactionSettings
from muxi.config.project import Project
from muxi.config.tool_settings import BUILTIN_FUNCTIONS
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import ConfigError, Conflict, NotFound
from muxi.core.memories import MemoryPolicy
from muxi.core.ports import Policy
from muxi.core.requests import ModelSettings
from muxi.core.status import AgentInfo, AgentVersion
from muxi.memory.policy import owners_of
from muxi.runtime.conditions import Reading
from muxi.runtime.models import Models
from muxi.runtime.policy import ApprovalPolicy
from muxi.runtime.principal import Principal
from muxi.runtime.tools import Tools
from muxi.runtime.warrant import Warrant, WarrantPolicy
from muxi.storage import agents
from muxi.storage.transaction import Database, Tx

if TYPE_CHECKING:
    from muxi.agents.agent import Agent
    from muxi.tools.toolset import Toolset

_LIVE_AT_ONCE = 256
"""Versions of agents that are kept ready; more are made again when they are used again."""


@dataclass(frozen=True, slots=True)
class Version:
    """A definition with its hash, which is dear to compute anew for each run."""

    definition: AgentDefinition
    hash: str


@dataclass(kw_only=True)
class Agents:
    """The agents of one project."""

    project: Project
    database: Database
    models: Models
    tools: Tools
    further: list[Callable[[AgentDefinition], Sequence[Toolset]]] = field(
        default_factory=list[Callable[[AgentDefinition], "Sequence[Toolset]"]]
    )
    """What gives agents tools beside those that they name, such as memory."""
    named: list[Callable[[AgentDefinition], Sequence[Toolset]]] = field(
        default_factory=list[Callable[[AgentDefinition], "Sequence[Toolset]"]]
    )
    """What gives agents tools that they name and that `tools` does not make, such as servers'."""
    changed: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """Told when there is another agent, or another version of one."""
    ask_at: Callable[[], str | None] = lambda: None
    """Where users bring credentials with a browser; None if they cannot."""
    _live: OrderedDict[str, Agent[object]] = field(
        default_factory=OrderedDict[str, "Agent[object]"]
    )
    _recorded: set[str] = field(default_factory=set[str])
    _file: dict[str, Version] = field(init=False)

    def __post_init__(self) -> None:
        definitions = self.project.agents
        self._file = {name: Version(each, each.hash) for name, each in definitions.items()}

    @property
    def default_name(self) -> str:
        """The agent that answers when none is named."""
        return self.project.default_agent

    async def check(self, who: Principal) -> None:
        """Raise `ConfigError` if a name of the file is taken in the database too."""
        stored = await self.database.read(who, agents.listed)
        twice = sorted({each.name for each in stored} & self.project.agents.keys())
        if twice:
            raise ConfigError(
                f"The agent {twice[0]} is in the project file and in the database.",
                hint="Rename the one in the file: a name stands for one agent only.",
            )

    async def current(self, who: Principal, name: str | None) -> Version:
        """The agent of that name, or the project's default. Raises `NotFound`."""
        name = name or self.default_name
        known = self._file.get(name)
        if known is not None:
            return known
        try:
            found = await self.database.read(who, partial(agents.get, name=name), tiny=True)
        except NotFound:
            names = ", ".join(self.project.agents)
            raise NotFound(f"There is no agent {name[:64]}.", hint=f"There is: {names}.") from None
        return Version(found, found.hash)

    async def version(self, who: Principal, name: str, hash: str | None) -> Version:
        """The version that a run began with. Raises `NotFound`."""
        known = self._file.get(name)
        if hash is None or (known is not None and known.hash == hash):
            return await self.current(who, name)
        read = partial(agents.get, name=name, hash=hash)
        return Version(await self.database.read(who, read), hash)

    async def live(self, version: Version) -> Agent[object]:
        """The agent of a definition, ready to run.

        Raises:
            ModelKeyMissing: Its model's provider needs a key and none is set.
            ToolNotFound: It names a tool that does not exist.
            MuxiError: It cannot be made for another reason, which is told.
        """
        live = self._live
        agent = live.get(version.hash)
        if agent is None:
            made = await self._make(version.definition)
            agent = live.setdefault(version.hash, made)
        live.move_to_end(version.hash)
        if len(live) > _LIVE_AT_ONCE:
            live.popitem(last=False)
        return agent

    def compaction(self, agent: Agent[object] | None) -> CompactionSettings:
        """What becomes of messages that no longer fit into turns of this agent."""
        return self.compaction_of(None if agent is None else agent.spec.definition)

    def compaction_of(self, definition: AgentDefinition | None) -> CompactionSettings:
        """As `compaction`, of an agent that nobody has to make."""
        whole = self.project.memory.compaction
        own = None if definition is None else definition.memory.compaction
        if own is None or not own.model_fields_set:
            return whole
        return whole.model_copy(update=own.model_dump(exclude_none=True))

    def policy(self, agent: Agent[object] | None, warrant: Warrant) -> Policy:
        """Which calls of this agent's tools are made, refused or put to a person."""
        definition = None if agent is None else agent.spec.definition
        memory = MemoryPolicy() if definition is None else definition.memory
        approvals = ApprovalPolicy(
            settings=self.project.approvals,
            approve=() if definition is None else tuple(definition.approve),
            kind=BUILTIN_FUNCTIONS.get,
            price=self._price,
            database=self.database,
        )
        owners = owners_of(memory, user=warrant.caller.subject, agent=warrant.agent)
        return WarrantPolicy(warrant=warrant, owners=owners, inner=approvals)

    def _price(self, tool: str) -> Decimal | None:
        """What a call costs beside tokens: the project's own tools cost nothing that is known."""
        kind = BUILTIN_FUNCTIONS.get(tool)
        if kind is None:
            return Decimal(0)
        from muxi.tools.builtin.catalogue import manifest

        return manifest(kind).cost.usd_per_call

    async def infos(self, who: Principal) -> list[AgentInfo]:
        """All agents, those of the file first."""
        stored = await self.database.read(who, agents.listed)
        return [self._info(each) for each in (*self.project.agents.values(), *stored)]

    async def info(self, who: Principal, name: str, hash: str | None = None) -> AgentInfo:
        """An agent, as it is or as one of its versions. Raises `NotFound`."""
        return self._info((await self.version(who, name, hash)).definition)

    async def versions(self, who: Principal, name: str) -> list[AgentVersion]:
        """The stored versions of an agent, the newest first. Raises `NotFound`."""
        current = await self.current(who, name)
        stored = await self.database.read(who, partial(agents.versions, name=name))
        return [
            AgentVersion(
                number=each.number,
                hash=each.hash,
                author=each.author,
                created_at=each.created_at,
                current=each.hash == current.hash,
            )
            for each in stored
        ]

    async def retire(self, who: Principal, name: str) -> None:
        """Let a name stand for nothing; its versions stay, since runs refer to them.

        Raises:
            Conflict: It is an agent of the project file.
            NotFound: There is no such agent.
        """
        self._check_not_of_file(name)
        await self.database.write(who, partial(agents.retire, name=name))
        for tell in self.changed:
            tell()

    def reading(self, name: str) -> Reading:
        """How `info` reads an agent of the database, inside of a transaction."""

        def read(tx: Tx) -> AgentInfo:
            return self._info(agents.get(tx, name))

        return read

    async def save(self, who: Principal, definition: AgentDefinition) -> AgentInfo:
        """Store a version and let its name stand for it.

        Raises:
            Conflict: The name belongs to an agent of the project file.
            MuxiError: The agent could not run: its model or a tool does not exist.
        """
        self._check_not_of_file(definition.name)
        await self.live(Version(definition, definition.hash))
        await self.database.write(who, partial(agents.choose, definition=definition))
        for tell in self.changed:
            tell()
        return self._info(definition)

    def _check_not_of_file(self, name: str) -> None:
        if name in self.project.agents:
            raise Conflict(
                f"The agent {name} is defined in the project file.",
                hint="Change it there, or choose another name.",
            )

    def is_recorded(self, version: Version) -> bool:
        """Whether this process knows the version to be in the database."""
        return version.hash in self._recorded

    def recorded(self, version: Version) -> None:
        """The version is in the database."""
        self._recorded.add(version.hash)

    def renew(self) -> None:
        """The project's file has changed: its agents are made anew, runs go on with theirs."""
        definitions = self.project.agents
        self._file = {name: Version(each, each.hash) for name, each in definitions.items()}
        self.forget()
        for tell in self.changed:
            tell()

    def forget(self) -> None:
        """Make agents anew when they are next used: a secret has changed. Runs go on."""
        # In the place of those that are there: what is being made has the former secret.
        self._live = OrderedDict()
        self.models.forget()

    async def _make(self, definition: AgentDefinition) -> Agent[object]:
        from muxi.agents.agent import Agent
        from muxi.agents.output import output_of
        from muxi.agents.spec import AgentSpec

        own = definition.settings.model_dump(exclude_unset=True)
        settings = self.models.settings(definition.model).model_copy(update=own)
        spec = AgentSpec(
            name=definition.name,
            description=definition.description,
            instructions=definition.instructions,
            toolsets=[
                *await self._searched(definition),
                *(each for give in self.further for each in give(definition)),
            ],
            output=None if definition.output is None else output_of(definition.output),
            limits=definition.limits,
            settings=ModelSettings.model_validate(settings),
            history_tokens=definition.history_tokens or self.project.memory.history_tokens,
            definition=definition,
        )
        return Agent.from_spec(spec, await self.models.live(definition.model))

    async def _searched(self, definition: AgentDefinition) -> list[Toolset]:
        """The tools that the agent names, behind a search where they are too many to be shown."""
        from muxi.retrieval.tool_search import SearchedToolset
        from muxi.runtime.asking_users import AskingToolset
        from muxi.tools.combine import CombinedToolset

        sets = [
            *await self.tools.toolsets(definition.tools),
            *(each for give in self.named for each in give(definition)),
        ]
        if not sets:
            return []
        all_tools = sets[0] if len(sets) == 1 else CombinedToolset(*sets)
        embedder = self.models.word_table
        asking = AskingToolset(all_tools, self.ask_at)
        return [SearchedToolset(asking, definition.tool_search, embedder=embedder)]

    def _info(self, definition: AgentDefinition) -> AgentInfo:
        name = definition.name
        source: Literal["file", "database", "default"] = "database"
        if name in self.project.agents:
            source = "default" if self.project.file is None else "file"
        return AgentInfo(
            name=name,
            description=definition.description,
            model=definition.model or self.project.model,
            tools=self.tools.names(definition.tools),
            source=source,
            hash=definition.hash,
            default=name == self.default_name,
            definition=definition,
        )
