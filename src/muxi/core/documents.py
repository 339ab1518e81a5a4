"""Documents that agents may look into, their pieces, and where in them something stands.

Made by `knowledge` and `storage`, shown by doors.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from muxi.core.ids import new_id
from muxi.core.record import Record, now

DocumentKind = Literal["file", "folder", "url", "text"]
DocumentStatus = Literal["waiting", "ready", "failed"]
"""`waiting`: to be indexed, or to be indexed anew; until then what was indexed before is found."""


class Citation(Record):
    """Where something stands, so that a person can look it up."""

    document_id: str
    name: str
    """The document's, to show."""
    label: str
    """All of it in short, such as `handbook.pdf, p. 3`."""
    page: int | None = None
    """Page or slide, from 1."""
    first_line: int | None = None
    """Line of a text or row of a sheet, from 1."""
    last_line: int | None = None
    heading: str | None = None
    """The headings above it, from the outermost on."""


class Piece(Record):
    """A part of a document that is found as one."""

    id: str = Field(default_factory=lambda: new_id("pce"))
    document_id: str
    owner: str
    text: str
    citation: Citation


class FoundPiece(Record):
    """A piece that answers a question."""

    piece: Piece
    score: float
    """Larger is better; comparable within one answer only."""
    signals: dict[str, float] = Field(default_factory=dict)
    """What the score is the sum of."""


class FoundPieces(Record):
    """What a search gives, the best first."""

    items: list[FoundPiece]
    embedder: str | None = None
    """The model that compared meanings; None if words alone were compared."""
    note: str | None = None
    """What was amiss, such as an embedder that does not answer."""


class KnowledgePolicy(Record):
    """What one agent may look up. None leaves a matter to the project."""

    recall: bool | None = None
    """Whether documents are searched for each answer."""
    tools: bool | None = None
    """Whether the agent gets a tool to search documents by itself."""
    sources: list[str] = Field(default_factory=list[str])
    """Files, folders and addresses that only this agent may read."""


class Document(Record):
    """Something that was put in to be found: a file, a folder, a page of the web, a text."""

    id: str = Field(default_factory=lambda: new_id("doc"))
    owner: str
    """Whose it is: `tenant`, `user:ID`, `agent:NAME` or `team:NAME`."""
    kind: DocumentKind
    name: str
    """To show and to cite."""
    uri: str
    """Where it came from: a path, an address of the web, or `text:` and a name. Each owner has a
    document once."""
    parent_id: str | None = None
    """The folder that it was found in."""
    agents: list[str] | None = None
    """The agents that may read it; None for all."""
    ignore: list[str] = Field(default_factory=list)
    """Of a folder: patterns of what in it is left out."""
    declared: bool = False
    """Whether the project file names it; it goes when it is named no more."""
    media_type: str | None = None
    hash: str | None = None
    """SHA-256 of what is indexed."""
    size: int | None = None
    """Bytes."""
    modified: int | None = None
    """When the file was changed that is indexed, in nanoseconds since 1970."""
    pages: int | None = None
    pieces: int = 0
    """How many there are; of a folder, how many documents."""
    status: DocumentStatus = "waiting"
    error: str | None = None
    """Why it could not be indexed, in words."""
    hint: str | None = None
    """What to do about it."""
    added_at: datetime = Field(default_factory=now)
    indexed_at: datetime | None = None
    checked_at: datetime | None = None
    """When it was last compared with where it came from."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
