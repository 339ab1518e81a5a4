"""What a project offers to the MCP clients of others. Part of `server` in muxi.yaml."""

from __future__ import annotations

from pydantic import Field

from muxi.config.model_settings import Section
from muxi.core.usage import Limits


class McpOffer(Section):
    """What MCP clients find at `/mcp` and over `muxi mcp serve`."""

    enabled: bool = True
    """Whether anything is offered at all."""
    agents: list[str] = Field(default_factory=lambda: ["*"])
    """Agents that clients may ask, each as a tool `ask_NAME`; `name*` takes all that begin so."""
    limits: Limits = Field(default_factory=Limits)
    """Bounds on each run that a client begins, beside those of its agent; the narrower count."""
    tools: list[str] = Field(default_factory=list[str])
    """Tools that clients may call by themselves, named as agents name them; by default none."""
    memory: bool = True
    """Whether clients may look up, add to and forget what is remembered of their user."""
    knowledge: bool = True
    """Whether clients may search and read the project's documents."""
    threads: bool = True
    """Whether clients may read their user's conversations."""
