"""The tool by which an agent searches documents by itself. Made by `runtime`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid
from muxi.knowledge.finding import Finder
from muxi.knowledge.source import passage, to_the_point
from muxi.storage.transaction import Scope
from muxi.tools.function import FunctionTool, tool

NAME = "search_knowledge"


def make_search_knowledge(
    finder: Finder, owners: Callable[[RunContext[Any]], Sequence[str]]
) -> FunctionTool[..., Any]:
    """The tool `search_knowledge`.

    Args:
        finder: Searches documents.
        owners: Whose documents a run may read.
    """

    @tool(
        name=NAME,
        title="Search documents",
        read_only=True,
        destructive=False,
        open_world=False,
        version="1.0.0",
        idempotent=True,
        timeout=30.0,
        max_bytes=40_000,
        examples=(
            ("What does the handbook say about holidays?", {"query": "holidays"}),
            ("Look up the warranty in our documents", {"query": "warranty"}),
        ),
    )
    async def search_knowledge(ctx: RunContext[Any], query: str, limit: int = 5) -> str:
        """Search the project's documents: handbooks, contracts, notes, tables, code.

        Gives the passages that answer, each behind its mark in brackets. Cite a passage by its
        mark, right after what you took from it.

        Args:
            query: A question, or the words to look for.
            limit: The most passages, from 1 to 20.
        """
        if not 1 <= limit <= 20:
            raise ToolArgumentsInvalid("`limit` must be from 1 to 20.")
        who = Scope(ctx.tenant, ctx.user or None)
        found = await finder.find(who, owners(ctx), query, limit=limit, agent=ctx.agent)
        return (
            "\n\n".join(map(passage, to_the_point(found.items)))
            or "No document has anything about it."
        )

    return search_knowledge
