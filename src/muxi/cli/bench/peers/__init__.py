"""Servers of others that `muxi bench server` measures beside muxi, each with its defaults.

Each has a program in this folder, which runs in an interpreter that has the peer installed:
`PROGRAM PORT FOLDER NAME=BASE_URL…` serves an agent of each name that asks that provider, and keeps
what it keeps in the folder. Telemetry and access logs are off, nothing else is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxi.cli.bench.talks import ADK, AGNO, LANGGRAPH, PLAIN, Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server of others."""

    name: str
    what: str
    """For the report."""
    talk: Talk
    healthy: str
    """A path that is answered once it serves."""
    packages: tuple[str, ...]
    """What its figures depend on, for the report."""

    @property
    def program(self) -> Path:
        """What is run in the interpreter of the peer."""
        return Path(__file__).with_name(f"{self.name}_server.py")


PEERS: Final = {
    peer.name: peer
    for peer in (
        Peer(
            name="plain",
            what="Starlette on uvicorn, aiohttp and SQLite: the least that a stored turn can be",
            talk=PLAIN,
            healthy="/healthz",
            packages=("starlette", "uvicorn", "websockets"),
        ),
        Peer(
            name="agno",
            what="AgentOS on SQLite",
            talk=AGNO,
            healthy="/health",
            packages=("agno", "openai", "uvicorn"),
        ),
        Peer(
            name="langgraph",
            what="`langgraph dev`, which keeps everything in memory",
            talk=LANGGRAPH,
            healthy="/ok",
            packages=("langgraph", "langgraph-api", "langchain-openai"),
        ),
        Peer(
            name="adk",
            what="google-adk's `adk api_server` on SQLite, with litellm",
            talk=ADK,
            healthy="/list-apps",
            packages=("google-adk", "litellm"),
        ),
    )
}
