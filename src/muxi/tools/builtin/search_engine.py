"""The port of a search engine. Called by `web_search`, implemented by one file an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True, frozen=True)
class Hit:
    """One thing that was found."""

    title: str
    url: str
    excerpt: str = ""


class SearchEngine(Protocol):
    """Something that searches the web."""

    async def search(self, query: str, count: int) -> list[Hit]:
        """At most `count` hits, best first.

        Raises:
            ToolFailed: The engine could not be reached or refused.
        """
        ...
