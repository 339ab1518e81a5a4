"""The project's documents, as a tool that searches them. Part of what muxi offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from muxi.knowledge.source import passage, to_the_point
from muxi.runtime.build import Runtime
from muxi.server.mcp.call import Call
from muxi.server.mcp.offering import READS, given, offered, simply, text
from muxi.server.mcp.surface import ServedTool

_PASSAGE: Final = {
    "type": "object",
    "properties": {
        "text": text("What the document says."),
        "citation": text("Where it stands, such as `handbook.pdf, p. 3`."),
        "document_id": text("Id of the document."),
        "uri": text("Where the whole document can be read."),
        "score": {"type": "number", "description": "How well it fits; larger is better."},
    },
    "required": ["text", "citation", "document_id", "uri", "score"],
}


class KnowledgeTools:
    """Searches what the user who asks may read."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def tools(self) -> Sequence[ServedTool]:
        """The one tool."""

        async def run(arguments: dict[str, Any], call: Call) -> Any:
            found = await self._runtime.knowledge.search(
                call.who, arguments["query"], limit=arguments.get("limit", 5)
            )
            items = to_the_point(found.items)
            passages = [
                {
                    "text": item.piece.text,
                    "citation": item.piece.citation.label,
                    "document_id": item.piece.document_id,
                    "uri": f"muxi://documents/{item.piece.document_id}",
                    "score": item.score,
                }
                for item in items
            ]
            words = "\n\n".join(map(passage, items)) or "No document has anything about it."
            return given(words, {"passages": passages})

        search = offered(
            "search_knowledge",
            "Search documents",
            "Search the project's documents: handbooks, contracts, notes, tables, code. Gives the "
            "passages that answer, each behind its mark in brackets, by which it can be cited.",
            takes={
                "query": text("A question, or the words to look for.", minLength=1),
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 20,
                    "default": 5,
                    "description": "The most passages.",
                },
            },
            gives={"passages": {"type": "array", "items": _PASSAGE}},
            annotations=READS,
            run=run,
            needs=simply("knowledge.read"),
            optional={"limit"},
        )
        return (search,)
