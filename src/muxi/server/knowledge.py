"""Documents that agents look into: added, listed, searched, removed. Part of the API."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import Field, Json, JsonValue
from starlette.responses import Response

from muxi.core import owners
from muxi.core.documents import Document, FoundPieces
from muxi.core.errors import InvalidInput
from muxi.core.messages import Text
from muxi.core.pages import Page
from muxi.runtime.conditions import Reading
from muxi.runtime.document_sources import is_of_web
from muxi.runtime.knowledge import NewDocument
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.threads import PageQuery

_LONGEST_QUESTION = 4_000
"""Characters; it stands in the address."""


class DocumentBody(Strict):
    uri: str | None = Field(None, max_length=1_500)
    """A file or a folder of the server's machine, or an address of the web; else `text` or
    `data`."""
    text: Text | None = None
    data: str | None = None
    """The bytes of a file in base 64; its `name` tells its format."""
    name: Text | None = Field(None, min_length=1, max_length=300)
    """To show and to cite; by default what the address ends with."""
    owner: str = Field(owners.TENANT, max_length=300)
    """`tenant`, `user` for the one who asks, `agent:NAME` or `team:NAME`."""
    agents: list[str] | None = None
    """The agents that may read it; all if left out."""
    ignore: list[str] = Field(default_factory=list[str], max_length=1_000)
    """Of a folder: patterns of what is left out, such as `drafts/` or `*.log`."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """What searches may filter by."""


class DocumentQuery(PageQuery):
    folder: str | None = None
    """Id of a folder, for the documents in it; those that lie in none if left out."""
    agent: str | None = None
    """An agent whose own documents are listed, too."""


class PieceQuery(Strict):
    q: Text = Field(max_length=_LONGEST_QUESTION)
    limit: int = Field(10, ge=1, le=100)
    agent: str | None = None
    """Search what this agent may read, for the one who asks."""
    metadata: Json[dict[str, Any]] | None = None
    """A JSON object that documents must agree with; a list admits each of its values."""


async def list_documents(call: Call[Nothing, DocumentQuery]) -> Page[Document]:
    query = call.query
    return await call.runtime.knowledge.page(
        call.who, folder=query.folder, agent=query.agent, cursor=query.cursor, limit=query.limit
    )


async def add_document(call: Call[DocumentBody, Nothing]) -> Document:
    body = call.body
    if (body.text is None) + (body.data is None) + (body.uri is None) != 2:
        raise InvalidInput("Give `uri`, `text` or `data`, and one of them only.")
    if body.uri is not None and not is_of_web(body.uri):
        # Whatever the server's own user can read could be found in it.
        await call.runtime.guard.require(call.caller, "knowledge.add_files")
    data = _decoded(body.data) if body.text is None else body.text.encode()
    mine = body.owner == "user" and call.who.principal is not None
    new = NewDocument(
        uri=body.uri,
        data=data,
        name=body.name,
        owner=owners.user(call.who.principal or "") if mine else body.owner,
        agents=body.agents,
        ignore=body.ignore,
        metadata=body.metadata,
    )
    return await call.runtime.knowledge.add(call.who, new)


def _decoded(data: str | None) -> bytes | None:
    try:
        return None if data is None else base64.b64decode(data, validate=True)
    except ValueError:
        raise InvalidInput("`data` is not base 64.") from None


async def search_documents(call: Call[Nothing, PieceQuery]) -> FoundPieces:
    query = call.query
    return await call.runtime.knowledge.search(
        call.who, query.q, agent=query.agent, metadata=query.metadata, limit=query.limit
    )


async def get_document(call: Call[Nothing, Nothing]) -> Document:
    return await call.runtime.knowledge.get(call.who, call.path["id"])


def document_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.knowledge.reading(call.path["id"])


async def delete_document(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.knowledge.remove(call.who, call.path["id"])
    return Response(status_code=204)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/knowledge",
        summary="Documents, newest first",
        handler=list_documents,
        action="knowledge.read",
        query=DocumentQuery,
        answer=Page[Document],
        tag="knowledge",
    ),
    Operation(
        method="POST",
        path="/api/knowledge",
        summary="Add a document, a folder of them or a text, or have it indexed anew",
        handler=add_document,
        action="knowledge.write",
        body=DocumentBody,
        answer=Document,
        status=201,
        tag="knowledge",
    ),
    Operation(
        method="GET",
        path="/api/knowledge/search",
        summary="The pieces of documents that answer a question, best first, with citations",
        handler=search_documents,
        action="knowledge.read",
        query=PieceQuery,
        answer=FoundPieces,
        tag="knowledge",
    ),
    Operation(
        method="GET",
        path="/api/knowledge/{id}",
        summary="One document, and how far it is indexed",
        handler=get_document,
        action="knowledge.read",
        answer=Document,
        tag="knowledge",
    ),
    Operation(
        method="DELETE",
        path="/api/knowledge/{id}",
        summary="Remove a document with all that was made of it",
        handler=delete_document,
        action="knowledge.delete",
        status=204,
        current=document_now,
        tag="knowledge",
    ),
)
