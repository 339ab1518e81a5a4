"""What a project says of its documents: where they are, who may read them, what of them is told.

Data only; `runtime.knowledge` indexes them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from muxi.config.model_settings import Positive, Section
from muxi.core.definitions import AgentName

Source = Annotated[str, Field(min_length=1)]


class SourceSettings(Section):
    """Documents of the project. In the file, text alone stands for `source: TEXT`."""

    source: Source
    """A file or a folder, from the project's folder, or an address of the web."""
    ignore: list[str] = Field(default_factory=list[str])
    """Of a folder: names or paths that are left out, such as `drafts/` or `*.log`."""
    agents: list[AgentName] | None = None
    """The agents that may read them; null for all."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """What searches may filter by."""


class ConversionSettings(Section):
    """What reading one document may take. One that exceeds it is refused, and harms nothing."""

    megabytes: Positive = 100
    """Size of the file."""
    memory_megabytes: Annotated[int, Field(ge=256)] = 1_024
    """Memory of the process that reads it."""
    seconds: Positive = 60
    """Processor time."""
    text_megabytes: Positive = 32
    """Text that comes out of it."""
    at_once: Annotated[int, Field(ge=1, le=64)] = 2
    """Documents that are read at the same time, each by a process of its own."""


class KnowledgeSettings(Section):
    """Documents that agents look into."""

    sources: list[Source | SourceSettings] = Field(default_factory=list[Source | SourceSettings])
    """Files, folders and addresses that all agents may read, unless a source says otherwise."""
    recall: bool = True
    """Whether documents are searched for each answer, for agents that say nothing."""
    tools: bool = False
    """Whether agents that say nothing may search documents by a tool."""
    limit: Annotated[int, Field(ge=1, le=100)] = 6
    """The most passages that enter a turn."""
    tokens: Positive = 2_000
    """The most tokens that they take, and never more than a third of what the context leaves."""
    watch: bool = True
    """Whether files are indexed anew when they change."""
    refresh_hours: Annotated[float, Field(gt=0)] | None = 24.0
    """Hours after which an address of the web is read again at the start; null for never."""
    allow_hosts: list[str] = Field(default_factory=list[str])
    """Hosts of a private network that may be read: `host`, `host:port` or `*.domain`."""
    conversion: ConversionSettings = Field(default_factory=ConversionSettings)
    """What reading one document may take."""
