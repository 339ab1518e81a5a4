"""Search through Tavily. Format: https://docs.tavily.com/documentation/api-reference/endpoint/search."""

from __future__ import annotations

from muxi.tools.builtin.search_engine import Hit, ask, hits_from


class Tavily:
    """Tavily's search engine; it needs a key."""

    def __init__(
        self, key: str, *, timeout: float = 15.0, url: str = "https://api.tavily.com/search"
    ) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._timeout = timeout
        self._url = url

    async def search(self, query: str, count: int) -> list[Hit]:
        answer = await ask(
            "Tavily",
            self._url,
            body={"query": query, "max_results": count},
            headers=self._headers,
            seconds=self._timeout,
        )
        hits = hits_from(answer.get("results"), title="title", url="url", excerpt="content")
        return hits[:count]
