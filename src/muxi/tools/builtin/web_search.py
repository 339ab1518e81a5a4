"""The tool `web_search`: what the web knows of a question, through an exchangeable engine."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import Field

from muxi.tools.builtin.search_engine import SearchEngine
from muxi.tools.function import Examples, FunctionTool, tool

EXAMPLES: Examples = (
    (
        "Search the web for the best hiking trails in Norway",
        {"query": "best hiking trails in Norway"},
    ),
    (
        "Find recent news about electric cars",
        {"query": "recent news about electric cars"},
    ),
    ("look up who is the president of Brazil", {"query": "president of Brazil"}),
    ("google cheap flights to Lisbon", {"query": "cheap flights to Lisbon"}),
    (
        "Can you search online for reviews of the new Pixel phone?",
        {"query": "reviews of the new Pixel phone"},
    ),
    ("What is the latest version of Python?", {"query": "latest version of Python"}),
    ("find three websites about beekeeping", {"query": "beekeeping", "max_results": 3}),
)


def make_web_search(
    engine: SearchEngine | None = None, *, timeout: float = 15.0
) -> FunctionTool[..., Any]:
    """A tool that searches the web with `engine`, by default one that needs no key."""

    @tool(examples=EXAMPLES, idempotent=True, timeout=timeout + 15)
    async def web_search(query: str, max_results: Annotated[int, Field(ge=1, le=20)] = 5) -> str:
        """Search the web and give titles, addresses and excerpts of what is found.

        Args:
            query: What to look for, in a few words.
            max_results: How many results to give.
        """
        hits = await (engine or _keyless()).search(query, max_results)
        if not hits:
            return f"Nothing was found for: {query}"
        return "\n\n".join(
            f"{number}. {hit.title}\n{hit.url}\n{hit.excerpt}".rstrip()
            for number, hit in enumerate(hits, 1)
        )

    return web_search


@cache
def _keyless() -> SearchEngine:
    from muxi.tools.builtin.open_knowledge import OpenKnowledge

    return OpenKnowledge()


web_search = make_web_search()
