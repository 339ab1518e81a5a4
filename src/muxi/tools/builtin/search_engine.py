"""The port of a search engine, and one HTTP exchange with it.

Called by `web_search`, implemented by one file an engine.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from muxi.core.errors import ToolFailed
from muxi.core.json_shapes import is_array, is_object
from muxi.tools.builtin.user_agent import user_agent

_MAX_BYTES = 5_000_000
_MAX_EXCERPT = 500
_TAG = re.compile(r"<[^>]*>")


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


def hits_from(entries: object, *, title: str, url: str, excerpt: str) -> list[Hit]:
    """The hits in a list of JSON objects, by the names of their fields, without broken ones."""
    hits: list[Hit] = []
    for entry in entries if is_array(entries) else []:
        if isinstance(entry, dict):
            fields = cast("dict[str, Any]", entry)
            address = fields.get(url)
            if isinstance(address, str) and address.startswith(("http://", "https://")):
                words = plain(fields.get(title)) or address
                hits.append(Hit(words, address, plain(fields.get(excerpt))))
    return hits


def plain(value: object) -> str:
    """A field's text without HTML, on one line and not too long."""
    if not isinstance(value, str):
        return ""
    text = " ".join(html.unescape(_TAG.sub("", value[: 4 * _MAX_EXCERPT])).split())
    return text if len(text) <= _MAX_EXCERPT else f"{text[:_MAX_EXCERPT]}…"


async def ask(
    engine: str,
    url: str,
    *,
    seconds: float,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One request to an engine and its answer, a JSON object; a POST if there is a body.

    Raises:
        ToolFailed: It cannot be reached, refuses, or answers something else. Neither the key nor
            the engine's words are in the message.
    """
    import aiohttp

    agent = {"User-Agent": user_agent()}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=seconds), headers={**agent, **(headers or {})}
            ) as session,
            session.request(
                "GET" if body is None else "POST", url, params=params, json=body
            ) as response,
        ):
            raw = await response.content.read(_MAX_BYTES) if response.ok else b""
            while response.ok and len(raw) < _MAX_BYTES:
                more = await response.content.read(_MAX_BYTES - len(raw))
                if not more:
                    break
                raw += more
    except TimeoutError as error:
        raise ToolFailed(f"{engine} did not answer within {seconds:g} seconds.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ToolFailed(f"{engine} cannot be reached: {type(error).__name__}.") from error
    if not response.ok:
        raise ToolFailed(f"{engine} refused with status {response.status}.")
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise ToolFailed(f"{engine} did not answer in JSON.") from error
    if not is_object(answer):
        raise ToolFailed(f"{engine} answered in an unknown form.")
    return answer
