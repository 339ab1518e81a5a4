"""Search through a SearXNG instance of one's own. Format: https://docs.searxng.org/dev/search_api.html."""

from __future__ import annotations

from muxi.tools.builtin.search_engine import Hit, ask, hits_from


class SearXNG:
    """A search engine at `url`; its settings must admit the format `json`."""

    def __init__(self, url: str, *, timeout: float = 15.0) -> None:
        self._url = f"{url.rstrip('/')}/search"
        self._timeout = timeout

    async def search(self, query: str, count: int) -> list[Hit]:
        params = {"q": query, "format": "json"}
        answer = await ask("SearXNG", self._url, params=params, seconds=self._timeout)
        hits = hits_from(answer.get("results"), title="title", url="url", excerpt="content")
        return hits[:count]
