"""The tool `web_search`: what the web knows of a question, through an exchangeable engine."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import Field

from muxi.config.tool_settings import WebSearchTool
from muxi.core.errors import ConfigError
from muxi.core.manifests import Permissions, SecretNeed, ToolCost, ToolManifest
from muxi.tools.builtin.search_engine import SearchEngine
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="web_search",
    version="1.0.0",
    summary="Searches the web, through an engine of your choice.",
    tools=("web_search",),
    permissions=Permissions(network=("*",)),
    secrets=(SecretNeed(name="key", description="API key of Brave or Tavily."),),
    cost=ToolCost(note="Nothing with `open` and `searxng`; else what the engine charges."),
    live=False,
    notes="Without a key it knows topics only: Wikipedia and instant answers.",
)

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

    @tool(
        title="Search the web",
        read_only=True,
        destructive=False,
        open_world=True,
        examples=EXAMPLES,
        idempotent=True,
        timeout=timeout + 15,
    )
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


def web_search_tools(settings: WebSearchTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The search of a project. Raises `ConfigError` without the address or key of its engine."""
    engine = _engine(settings, setup.secrets.get("key"))
    return [make_web_search(engine, timeout=settings.timeout)]


def _engine(settings: WebSearchTool, key: str | None) -> SearchEngine:
    timeout = settings.timeout
    match settings.engine:
        case "open":
            from muxi.tools.builtin.open_knowledge import OpenKnowledge

            return OpenKnowledge(timeout=timeout)
        case "searxng":
            from muxi.tools.builtin.searxng import SearXNG

            if settings.url is None:
                raise ConfigError("The engine searxng needs `url`, the address of an instance.")
            return SearXNG(settings.url, timeout=timeout)
        case "brave":
            from muxi.tools.builtin.brave import Brave

            return Brave(_needed(key, "brave"), timeout=timeout)
        case "tavily":
            from muxi.tools.builtin.tavily import Tavily

            return Tavily(_needed(key, "tavily"), timeout=timeout)


def _needed(key: str | None, engine: str) -> str:
    if not key:
        raise ConfigError(
            f"The search engine {engine} needs a key.",
            hint="Write `key: secret://NAME` or `key: ${NAME}` under `tools: web_search:`.",
        )
    return key


web_search = make_web_search()
