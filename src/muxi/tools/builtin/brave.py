"""Search through Brave. Format: https://api-dashboard.search.brave.com/app/documentation."""

from __future__ import annotations

from typing import Any, cast

from muxi.tools.builtin.search_engine import Hit, ask, hits_from


class Brave:
    """Brave's search engine; it needs a key."""

    def __init__(
        self,
        key: str,
        *,
        timeout: float = 15.0,
        url: str = "https://api.search.brave.com/res/v1/web/search",
    ) -> None:
        self._headers = {"X-Subscription-Token": key, "Accept": "application/json"}
        self._timeout = timeout
        self._url = url

    async def search(self, query: str, count: int) -> list[Hit]:
        answer = await ask(
            "Brave",
            self._url,
            params={"q": query, "count": str(count)},
            headers=self._headers,
            seconds=self._timeout,
        )
        found = cast("dict[str, Any]", answer.get("web") or {}).get("results")
        return hits_from(found, title="title", url="url", excerpt="description")[:count]
