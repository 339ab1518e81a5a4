"""Agent definitions: immutable versions by content hash, and the one that a name stands for.

A run stores the hash that it ran, so versions are kept when a name is retired. Definitions from
files are recorded here as versions only: the file says what the name stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import NotFound
from muxi.storage.records import encode, instant
from muxi.storage.sql import agents as sql
from muxi.storage.transaction import Tx


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """What is known of a stored version beside its definition."""

    number: int
    hash: str
    author: str
    created_at: datetime


def record(tx: Tx, definition: AgentDefinition) -> str:
    """Keep this version and return its hash; a version that is known is left as it is."""
    tx.run(
        sql.ADD_VERSION,
        name=definition.name,
        hash=definition.hash,
        author=tx.scope.principal or "",
        created_at=tx.now(),
        record=encode(definition),
    )
    return definition.hash


def choose(tx: Tx, definition: AgentDefinition) -> str:
    """Keep this version and let the name stand for it."""
    digest = record(tx, definition)
    tx.run(
        sql.SELECT,
        name=definition.name,
        hash=digest,
        owner=tx.scope.principal or "",
        updated_at=tx.now(),
    )
    return digest


def get(tx: Tx, name: str, hash: str | None = None) -> AgentDefinition:
    """The version of that hash, or the one that the name stands for. Raises `NotFound`."""
    row = (
        tx.row(sql.GET, name=name)
        if hash is None
        else tx.row(sql.GET_VERSION, name=name, hash=hash)
    )
    if row is None:
        raise NotFound(f"There is no stored agent {name}.", agent=name, hash=hash)
    return AgentDefinition.model_validate_json(row[0])


def listed(tx: Tx) -> list[AgentDefinition]:
    """What each name stands for, by name."""
    return [AgentDefinition.model_validate_json(row[0]) for row in tx.rows(sql.LIST)]


def versions(tx: Tx, name: str) -> list[AgentVersion]:
    """All versions of a name, the newest first."""
    return [
        AgentVersion(int(number), digest, author, instant(created))
        for number, digest, author, created in tx.rows(sql.VERSIONS, name=name)
    ]


def retire(tx: Tx, name: str) -> None:
    """Let the name stand for nothing; its versions stay. Raises `NotFound`."""
    if not tx.run(sql.RETIRE, name=name):
        raise NotFound(f"There is no stored agent {name}.", agent=name)
