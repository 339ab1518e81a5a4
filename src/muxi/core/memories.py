"""Memories: what an agent can recall, and where it came from. Made by `memory`, read by doors.

A memory is a turn of a conversation, word for word, or a note that somebody made. It points to the
message that it was said in; it is never a model's retelling.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from muxi.core.ids import new_id
from muxi.core.messages import Text
from muxi.core.owners import OwnerKind
from muxi.core.record import Record, now
from muxi.core.summaries import CompactionPolicy

MemoryKind = Literal["turn", "note"]
"""`turn`: what was said in a conversation. `note`: what somebody or a tool put down."""

MemorySource = Literal["conversation", "api", "tool", "import"]
"""By which way a memory came in."""


class Memory(Record):
    """Something that can be recalled, and where it came from."""

    id: str = Field(default_factory=lambda: new_id("mem"))
    owner: str
    """Whose memory it is: `user:ID`, `agent:NAME`, `team:NAME` or `tenant`."""
    kind: MemoryKind = "turn"
    text: Text
    speaker: str | None = None
    """Who said it: a user id, an agent's name, or a name from an import."""
    role: str | None = None
    """`user` or `assistant`; None for a note."""
    said_at: datetime | None = None
    """When it was said; for a note, when what it tells was so, if that is known."""
    created_at: datetime = Field(default_factory=now)
    thread_id: str | None = None
    message_id: str | None = None
    run_id: str | None = None
    agent: str | None = None
    """The agent of the conversation."""
    source: MemorySource = "conversation"
    hash: str = ""
    """Digest of the words, by which the same thing said twice is found."""
    information: float = 0.0
    """How much it tells: the sum of its words' weights; what has little is pruned first."""
    uses: int = 0
    """How often it was recalled for an answer."""
    used_at: datetime | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class Recalled(Record):
    """A memory that a search found."""

    memory: Memory
    score: float
    """Larger is better; comparable within one search only."""
    signals: dict[str, float] = Field(default_factory=dict)
    """What the score is made of, such as `words` and `meaning`."""


class Recollection(Record):
    """What a search found, and how."""

    items: list[Recalled]
    embedder: str | None = None
    """The embedding model that took part; None if words alone were compared."""
    note: str | None = None
    """What kept the search from being whole, such as a provider that does not answer."""


class MemoryStats(Record):
    """How much is remembered, and how far the embedding of it has come."""

    memories: int = 0
    """Turns and notes that this scope may see."""
    bytes: int = 0
    """Size of their texts in bytes."""
    embedder: str | None = None
    """The embedding model whose vectors answer questions."""
    next_embedder: str | None = None
    """The model that the vectors are being made anew with; None if none is."""
    embedded: int = 0
    """Vectors of the model that is being brought up to date."""
    missing: int = 0
    """Texts that have no vector of that model yet."""
    behind: bool = False
    """Whether finished runs wait to be remembered."""
    problem: str | None = None
    """Why the backlog does not get smaller; it is tried again by itself."""


class MemoryPolicy(Record):
    """What one agent remembers and may do with it. None leaves a matter to the project."""

    recall: bool | None = None
    """Whether earlier conversations are searched for each answer."""
    remember: bool | None = None
    """Whether conversations with this agent are remembered."""
    tools: bool | None = None
    """Whether the agent gets tools to remember, recall and forget by itself."""
    profile: bool | None = None
    """Whether the agent is told what is known of its user."""
    scope: OwnerKind | Annotated[list[OwnerKind], Field(min_length=1)] = "user"
    """Whose memory: `user`, `agent`, `team` or `tenant`; of several the first one is written."""
    team: str | None = None
    """Name of the team, for the scope `team`."""
    compaction: CompactionPolicy = Field(default_factory=CompactionPolicy)
    """What becomes of messages that no longer fit into a turn."""

    @property
    def scopes(self) -> list[OwnerKind]:
        """The scopes that are read, the first of which is written."""
        return [self.scope] if isinstance(self.scope, str) else list(self.scope)
