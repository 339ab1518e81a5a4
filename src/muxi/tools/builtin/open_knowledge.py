"""Search without a key: DuckDuckGo's instant answers and Wikipedia, both open to programs.

They know topics, not every page of the web: SearXNG, Brave and Tavily search all of it.
Interfaces: https://duckduckgo.com/api and https://www.mediawiki.org/wiki/API:Search.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from muxi.core.errors import ToolFailed
from muxi.tools.builtin.search_engine import Hit, ask, hits_from, plain


class OpenKnowledge:
    """A search engine made of two open ones. It gives hits as long as one of them answers."""

    def __init__(
        self,
        *,
        timeout: float = 15.0,
        instant_url: str = "https://api.duckduckgo.com/",
        wikipedia_url: str = "https://en.wikipedia.org/w/api.php",
    ) -> None:
        self._timeout = timeout
        self._instant_url = instant_url
        self._wikipedia_url = wikipedia_url

    async def search(self, query: str, count: int) -> list[Hit]:
        both = await asyncio.gather(
            self._instant(query), self._wikipedia(query, count), return_exceptions=True
        )
        found = [hits for hits in both if not isinstance(hits, BaseException)]
        failed = [error for error in both if isinstance(error, BaseException)]
        for error in failed:
            if not found or not isinstance(error, ToolFailed):
                raise error
        unique: dict[str, Hit] = {}
        for hit in (hit for hits in found for hit in hits):
            unique.setdefault(hit.url, hit)
        return list(unique.values())[:count]

    async def _instant(self, query: str) -> list[Hit]:
        params = {"q": query, "format": "json", "no_html": "1", "skip_disambig": "1"}
        answer = await ask("DuckDuckGo", self._instant_url, params=params, seconds=self._timeout)
        heading = plain(answer.get("Heading"))
        first = {
            "title": heading,
            "url": answer.get("AbstractURL"),
            "excerpt": answer.get("AbstractText"),
        }
        hits = hits_from([first], title="title", url="url", excerpt="excerpt")
        hits = [hit for hit in hits if hit.excerpt]
        return hits + hits_from(
            answer.get("Results"), title="Text", url="FirstURL", excerpt="excerpt"
        )

    async def _wikipedia(self, query: str, count: int) -> list[Hit]:
        params = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "generator": "search",
            "gsrsearch": query,
            "gsrlimit": str(count),
            "prop": "extracts|info",
            "inprop": "url",
            "exintro": "1",
            "explaintext": "1",
            "exsentences": "3",
            "exlimit": "max",
        }
        answer = await ask("Wikipedia", self._wikipedia_url, params=params, seconds=self._timeout)
        found = cast("dict[str, Any]", answer.get("query") or {})
        pages = cast("list[dict[str, Any]]", found.get("pages") or [])
        ranked = sorted(pages, key=_rank)
        return hits_from(ranked, title="title", url="fullurl", excerpt="extract")


def _rank(page: dict[str, Any]) -> int:
    return page.get("index", 0)
