"""Pieces of documents that answer a question, of those that the asker may read.

Called by `source`, by `tools` and by doors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from muxi.core.documents import Document, FoundPiece, FoundPieces, Piece
from muxi.knowledge.indexing import citation_of
from muxi.retrieval.question import Question
from muxi.retrieval.search import Searcher
from muxi.storage import documents
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx

_LONGEST = 2_000
"""Characters of a question that are searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Searches the documents of one project."""

    database: Database
    searcher: Searcher

    async def find(
        self,
        who: Scope,
        owners: Sequence[str],
        text: str,
        *,
        limit: int = 10,
        agent: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> FoundPieces:
        """The pieces that answer `text`, the best first.

        Args:
            who: Who asks.
            owners: Whose documents are searched.
            text: A question, or some words.
            limit: The most pieces.
            agent: The agent that asks; documents that are not for it are not found. None for a
                person.
            metadata: What documents must bear; a list admits each of its values.

        Raises:
            AccessDenied: One of the owners is another user.
            StorageError: The database could not answer.
        """
        question = Question.read(text[:_LONGEST])
        look = partial(_groups, owners=owners, agent=agent, metadata=metadata or {})
        groups = await self.database.read(who, look)
        if groups is not None and not groups:
            return FoundPieces(items=[])
        found = await self.searcher.search(
            who, owners, question, corpus=documents.CORPUS, limit=limit, groups=groups
        )
        items = [
            FoundPiece(piece=piece_of(found.rows[hit.number]), score=hit.score, signals=hit.signals)
            for hit in found.hits
        ]
        return FoundPieces(items=items, embedder=found.embedder, note=found.note)


def piece_of(row: PassageRow) -> Piece:
    """A piece as it is shown."""
    return Piece(
        id=row.id,
        document_id=row.group_id,
        owner=row.owner,
        text=row.text,
        citation=citation_of(row),
    )


def _groups(
    tx: Tx, owners: Sequence[str], agent: str | None, metadata: Mapping[str, JsonValue]
) -> list[str] | None:
    """The documents that may be searched; None for all of them."""
    if not metadata and (agent is None or not documents.restricted(tx, owners)):
        return None
    return [
        document.id
        for document in documents.everything(tx, owners)
        if _is_for(document, agent) and _bears(document, metadata)
    ]


def _is_for(document: Document, agent: str | None) -> bool:
    return agent is None or document.agents is None or agent in document.agents


def _bears(document: Document, metadata: Mapping[str, JsonValue]) -> bool:
    return all(
        document.metadata.get(key) in value
        if isinstance(value, list)
        else document.metadata.get(key) == value
        for key, value in metadata.items()
    )
