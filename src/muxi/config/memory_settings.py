"""What a project says of memory: what is recalled, how it is found, what it costs a turn.

Data only; `runtime.remembering` makes objects of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muxi.config.model_settings import Positive, Section
from muxi.core.summaries import CompactionStrategy, Share

NO_EMBEDDER = "none"
"""In place of an embedder: memories are found by their words alone."""
EMBEDDERS = ("embedded", "minilm", NO_EMBEDDER)
"""The embedders that need no provider."""


class RecallSettings(Section):
    """What of earlier conversations enters a turn. In the file, `true` and `false` do as well."""

    enabled: bool = True
    """Whether earlier conversations are searched for each answer."""
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    """The most memories that enter a turn."""
    tokens: Positive = 1_200
    """The most tokens that they take, and never more than a quarter of what the context leaves."""


class CompactionSettings(Section):
    """What becomes of messages that no longer fit into a turn. They stay in the thread."""

    strategy: CompactionStrategy = "summary"
    """`window`: left out; `summary`: one that runs on; `hierarchical`: summaries of summaries."""
    at: Share = 0.8
    """Share of the room for earlier messages beyond which they are summarised."""
    keep: Share = 0.4
    """Share of that room which the newest messages keep, word for word; at most half of `at`."""
    tokens: Annotated[int, Field(ge=64)] | None = None
    """Most tokens of all summaries in a turn; null: a seventh of that room, at most 4,096."""
    model: str | None = None
    """The model that writes summaries; null: none, they are made of the weightiest sentences."""
    budget: Positive | None = 200_000
    """Tokens a day that this model may take for one thread, in and out; null: no bound."""


class RetentionDays(Section):
    """How long memories are kept. Nothing goes for its age unless it is said here."""

    turn_days: Positive | None = None
    """Days after which what was said in conversations is forgotten."""
    note_days: Positive | None = None
    """Days after which notes are forgotten."""


class RetentionLimits(RetentionDays):
    """What one owner's memory may hold. What is beyond it goes; null: no bound."""

    memories: Positive | None = 50_000
    """The most memories of one owner. Those go first that tell least, then the least used."""
    bytes: Positive | None = 64_000_000
    """The most bytes of their texts, likewise."""
    past_facts: Positive | None = 50_000
    """The most facts of one owner that hold no longer. Those go first that ended first."""
    past_fact_days: Positive | None = None
    """Days after its end when a fact goes. What still holds always stays."""


class RetentionSettings(RetentionLimits):
    """What is pruned by itself, once a day. Messages of threads always stay."""

    enabled: bool = True
    """Whether anything is pruned."""
    merge: bool = True
    """Whether turns that say the same within a month, in other order or form, become one."""
    event_days: Positive | None = 30
    """Days after which finished runs lose the pieces of their texts, and the steps they took."""
    snapshot_days: Positive | None = 90
    """Days after which snapshots go, save for the newest."""
    forgetting_days: Positive | None = 400
    """Days for which it is known that something was forgotten, and how much."""
    agents: dict[str, RetentionDays] = Field(default_factory=dict[str, RetentionDays])
    """How long is kept what was said with agents of these names."""
    tenants: dict[str, RetentionLimits] = Field(default_factory=dict[str, RetentionLimits])
    """Other bounds for some tenants, in place of those above."""


class FactSettings(Section):
    """What is learned of users from what they say, after their turns."""

    extract: Literal["none", "plain", "model"] = "plain"
    """`plain`: from statements such as "I live in Lisbon", without a model; `model`: from any."""
    model: str | None = None
    """The model that is asked; null: the project's."""
    calls: Positive = 200
    """The most times a day that it is asked, each time about several turns."""
    tokens: Positive = 200_000
    """The most tokens a day that it takes, in and out."""


class MemorySettings(Section):
    """What agents remember of their conversations, and what they are told of it."""

    history_tokens: Positive | None = None
    """Tokens of earlier messages in a turn, for agents that say nothing; null: what fits."""
    remember: bool = True
    """Whether conversations are remembered, for agents that say nothing."""
    recall: RecallSettings = Field(default_factory=RecallSettings)
    """What of earlier conversations enters a turn."""
    embedder: Annotated[str, Field(min_length=1)] = "embedded"
    """`embedded`, `minilm` (91 MB to fetch), `provider/model`, a name of `models`, or `none`."""
    reranker: Annotated[str, Field(min_length=1)] | None = None
    """`cohere/MODEL`, `jina/MODEL`, `voyage/MODEL` or a name of `models`: orders what was found."""
    tools: bool = False
    """Whether agents that say nothing may remember, recall and forget by tools."""
    profile: bool = True
    """Whether agents that say nothing are told what is known of their user."""
    facts: FactSettings = Field(default_factory=FactSettings)
    """What is learned of users from what they say."""
    compaction: CompactionSettings = Field(default_factory=CompactionSettings)
    """What becomes of messages that no longer fit into a turn."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    """What is pruned by itself, once a day."""
