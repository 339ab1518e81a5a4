"""Documents that agents look into, as a client sees them. Reached as `client.knowledge`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from muxi.client.calls import SLOW, Call, read, segment
from muxi.core.documents import Document, FoundPieces
from muxi.core.pages import Page


class Knowledge:
    """Add, list, search and remove documents."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def add(
        self,
        uri: str | None = None,
        *,
        text: str | None = None,
        data: bytes | None = None,
        name: str | None = None,
        owner: str = "tenant",
        agents: Sequence[str] | None = None,
        ignore: Sequence[str] = (),
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> Document:
        """Add a document, or have one that is there indexed anew; `get` tells how far it is.

        Args:
            uri: A file or a folder of the server's machine, or an address of the web.
            text: A text, in its place.
            data: The bytes of a file, in its place; the ending of `name` tells the format.
            name: To show and to cite.
            owner: `tenant`, `user` for the client's user, `agent:NAME` or `team:NAME`.
            agents: The agents that may read it; None for all.
            ignore: Of a folder: patterns of what is left out.
            metadata: What searches may filter by.
        """
        body = {
            "uri": uri,
            "text": text,
            "data": None if data is None else base64.b64encode(data).decode(),
            "name": name,
            "owner": owner,
            "agents": None if agents is None else list(agents),
            "ignore": list(ignore),
            "metadata": dict(metadata or {}),
        }
        # Adding twice is adding once.
        answer = await self._call("POST", "/api/knowledge", body=body, again=True, seconds=SLOW)
        return read(Document, answer)

    async def page(
        self,
        *,
        folder: str | None = None,
        agent: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Document]:
        """Documents, newest first: those in the folder of this id, or those in none.

        Args:
            folder: Id of a folder.
            agent: An agent whose own documents are listed, too.
            cursor: Of the page before.
            limit: The most documents.
        """
        params = {"folder": folder, "agent": agent, "cursor": cursor, "limit": limit}
        return read(Page[Document], await self._call("GET", "/api/knowledge", params=params))

    async def get(self, id: str) -> Document:
        """Raises `NotFound`."""
        return read(Document, await self._call("GET", f"/api/knowledge/{segment(id)}"))

    async def search(
        self,
        query: str,
        *,
        agent: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        limit: int = 10,
    ) -> FoundPieces:
        """The pieces of documents that answer `query`, best first.

        Args:
            query: A question, or some words.
            agent: Search what this agent may read; by default what the user may.
            metadata: What documents must bear; a list admits each of its values.
            limit: The most pieces.
        """
        params = {
            "q": query,
            "agent": agent,
            "metadata": None if metadata is None else json.dumps(dict(metadata)),
            "limit": limit,
        }
        return read(FoundPieces, await self._call("GET", "/api/knowledge/search", params=params))

    async def remove(self, id: str) -> None:
        """Remove a document with all that was made of it. Raises `NotFound`."""
        await self._call("DELETE", f"/api/knowledge/{segment(id)}")
