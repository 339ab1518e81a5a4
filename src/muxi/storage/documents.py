"""Documents and their pieces: rows of `passages` whose group is the document.

Called inside a transaction by `knowledge`. Whoever writes pieces asks in the same transaction
whether their document is still there, since it may be forgotten while it is being read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from muxi.core.documents import Document
from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.storage import passages
from muxi.storage.owners import owned, readable
from muxi.storage.passages import PassageRow
from muxi.storage.records import Page, column, cursor, encode, listed, micros, place
from muxi.storage.sql import documents as sql
from muxi.storage.transaction import Row, Tx

CORPUS = "knowledge"
KIND = "piece"
_LONGEST_URI = 1_500
"""Bytes: it stands in a key together with its owner, of which PostgreSQL takes 2,700 in all."""
_END = 2**62
_LAST_ID = "\U0010ffff"


def add(tx: Tx, document: Document) -> Document:
    """Store a new document.

    Raises:
        Conflict: Its owner has one of that address already.
        InvalidInput: The address is too long.
    """
    if len(document.uri.encode()) > _LONGEST_URI:
        raise InvalidInput(f"The address is longer than {_LONGEST_URI} bytes.")
    if find(tx, document.owner, document.uri) is not None:
        raise Conflict(f"{document.name} is known already.", uri=document.uri)
    tx.run(
        sql.INSERT,
        owner=owned(tx, document.owner),
        uri=column(document.uri),
        parent_id=document.parent_id,
        added_at=micros(document.added_at),
        **_looked_up(tx, document),
    )
    return document


def update(tx: Tx, document: Document) -> Document:
    """Store `document` as it is now, except for its owner, its address and its folder.

    Raises:
        NotFound: It has been removed meanwhile.
    """
    if not tx.run(sql.UPDATE, **_looked_up(tx, document)):
        raise _missing(document.id)
    return document


def get(tx: Tx, document_id: str) -> Document:
    """Raises `NotFound` if there is none, or it is another user's."""
    row = tx.row(sql.GET, id=document_id)
    if row is None:
        raise _missing(document_id)
    return _document(row)


def find(tx: Tx, owner: str, uri: str) -> Document | None:
    """The owner's document of that address."""
    row = tx.row(sql.FIND, owner=owned(tx, owner), uri=column(uri))
    return None if row is None else _document(row)


def page(
    tx: Tx,
    owners: Sequence[str],
    *,
    parent_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Document]:
    """Documents of these owners, newest first: those in a folder, or those in none."""
    before, before_id = place(after, 2) if after else (str(_END), _LAST_ID)
    if not before.isdecimal():
        raise InvalidInput("This cursor was not given by this list.")
    rows = tx.rows(
        sql.PAGE,
        owners=listed(tx.dialect, readable(tx, owners)),
        parent_id=parent_id,
        before=int(before),
        before_id=before_id,
        limit=limit + 1,
    )
    rest = cursor(rows[limit - 1][1], rows[limit - 1][2]) if len(rows) > limit else None
    return Page([_document(row) for row in rows[:limit]], rest)


def children(tx: Tx, parent_id: str) -> list[Document]:
    """The documents that were found in a folder."""
    return [_document(row) for row in tx.rows(sql.CHILDREN, parent_id=parent_id)]


def roots(tx: Tx) -> list[Document]:
    """All documents that were not found in a folder, folders among them."""
    return [_document(row) for row in tx.rows(sql.ROOTS)]


def waiting(tx: Tx) -> list[Document]:
    """What is to be indexed, the oldest first."""
    return [_document(row) for row in tx.rows(sql.WAITING)]


def everything(tx: Tx, owners: Sequence[str]) -> list[Document]:
    """All documents of these owners."""
    rows = tx.rows(sql.ALL, owners=listed(tx.dialect, readable(tx, owners)))
    return [_document(row) for row in rows]


def owners(tx: Tx) -> list[str]:
    """Who has documents, of those that the scope may see."""
    return [row[0] for row in tx.rows(sql.OWNERS)]


def restricted(tx: Tx, owners: Sequence[str]) -> bool:
    """Whether there is any document of these owners that not all agents may read."""
    row = tx.row(sql.RESTRICTED, owners=listed(tx.dialect, readable(tx, owners)))
    return row is not None and bool(row[0])


def pieces(tx: Tx, document: Document) -> Sequence[PassageRow]:
    """The pieces of a document in their order."""
    return passages.group(tx, document.owner, document.id)


def add_pieces(
    tx: Tx, document: Document, rows: Sequence[PassageRow], words: Sequence[Sequence[str]]
) -> None:
    """Store further pieces, with the words by which each is found.

    Raises:
        NotFound: The document has been removed meanwhile.
    """
    get(tx, document.id)
    numbers = passages.add(tx, document.owner, rows)
    found = dict(zip(numbers, words, strict=True))
    passages.set_many_words(tx, document.owner, found)


def move_pieces(tx: Tx, document: Document, moved: Iterable[PassageRow]) -> None:
    """Store the place and the record of pieces whose text has stayed."""
    owner = owned(tx, document.owner)
    tx.run_many(
        sql.MOVE_PIECE,
        [
            {"owner": owner, "at": row.number, "place": row.place, "record": row.record}
            for row in moved
        ],
    )


def remove(tx: Tx, document_id: str) -> list[Document]:
    """Remove a document with its pieces; a folder with all that was found in it.

    Returns:
        What was removed.

    Raises:
        NotFound: There is none, or it is another user's.
    """
    gone = [get(tx, document_id), *children(tx, document_id)]
    for document in gone:
        numbers = [row.number for row in pieces(tx, document)]
        passages.remove(tx, document.owner, numbers)
    tx.run(sql.DELETE, id=document_id)
    return gone


def _looked_up(tx: Tx, document: Document) -> dict[str, object]:
    agents = document.agents
    return {
        "id": document.id,
        "name": column(document.name),
        "hash": document.hash or "",
        "status": document.status,
        "agents": None if agents is None else column("\n".join(agents)),
        "indexed_at": None if document.indexed_at is None else micros(document.indexed_at),
        "record": encode(document),
    }


def _document(row: Row) -> Document:
    return Document.model_validate_json(row[0])


def _missing(document_id: str) -> NotFound:
    return NotFound(f"There is no document {document_id}.", document_id=document_id)
