"""What a project says of memory: what is recalled, how it is found, what it costs a turn.

Data only; `runtime.remembering` makes objects of it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from muxi.config.model_settings import Positive, Section

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
    tools: bool = False
    """Whether agents that say nothing may remember, recall and forget by tools."""
    profile: bool = True
    """Whether agents that say nothing are told what is known of their user."""
