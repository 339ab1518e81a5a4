"""What is known of a user and of the world, as a client sees it. Reached as `client.facts`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from muxi.client.calls import SLOW, Call, read, segment
from muxi.core.facts import USER, Fact, FactInput, FactsChanged, Subject
from muxi.core.pages import Page

Instant = datetime | str
"""A `str` is read by the server; without a zone it is taken as UTC."""


class Facts:
    """Read and write facts of the client's user: by subject, by dotted path, at any time.

    `owner` is another memory that this user may use: `agent:NAME`, `team:NAME` or `tenant`.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    async def tree(
        self,
        path: str = "",
        *,
        subject: str = USER,
        as_of: Instant | None = None,
        owner: str | None = None,
    ) -> JsonValue:
        """What holds at `path`, now or at another time, as nested JSON. Raises `NotFound`."""
        params = {"path": path, "subject": subject, "as_of": _text(as_of), "owner": owner}
        answer = await self._call("GET", "/api/facts/tree", params=params)
        return read(dict[str, JsonValue], answer).get("value")

    async def page(
        self,
        path: str = "",
        *,
        subject: str | None = None,
        as_of: Instant | None = None,
        cursor: str | None = None,
        limit: int = 50,
        owner: str | None = None,
    ) -> Page[Fact]:
        """The facts that hold at `path` and below it, by subject and path."""
        params = {
            "path": path,
            "subject": subject,
            "as_of": _text(as_of),
            "cursor": cursor,
            "limit": limit,
            "owner": owner,
        }
        return read(Page[Fact], await self._call("GET", "/api/facts", params=params))

    async def history(
        self,
        path: str = "",
        *,
        subject: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
        owner: str | None = None,
    ) -> Page[Fact]:
        """All versions, those that hold no longer too, by subject and path, the earliest first."""
        params = {
            "path": path,
            "subject": subject,
            "cursor": cursor,
            "limit": limit,
            "owner": owner,
        }
        return read(Page[Fact], await self._call("GET", "/api/facts/history", params=params))

    async def subjects(
        self, *, cursor: str | None = None, limit: int = 50, owner: str | None = None
    ) -> Page[Subject]:
        """Of whom and what anything is known that holds now."""
        params = {"cursor": cursor, "limit": limit, "owner": owner}
        return read(Page[Subject], await self._call("GET", "/api/facts/subjects", params=params))

    async def get(self, id: str) -> Fact:
        """One version of a fact. Raises `NotFound`."""
        return read(Fact, await self._call("GET", f"/api/facts/{segment(id)}"))

    async def put(
        self,
        path: str,
        value: JsonValue,
        *,
        subject: str = USER,
        valid_from: Instant | None = None,
        owner: str | None = None,
    ) -> FactsChanged:
        """Let `value` hold at `path`, in place of what held there and below.

        Args:
            path: Dotted, such as `location.city`; the empty one is the whole of the subject.
            value: Any JSON.
            subject: Of whom.
            valid_from: Since when; from now on if None.
            owner: In whose memory.
        """
        return await self._write("PUT", path, value, subject, valid_from=valid_from, owner=owner)

    async def patch(
        self,
        path: str,
        value: JsonValue,
        *,
        subject: str = USER,
        valid_from: Instant | None = None,
        owner: str | None = None,
    ) -> FactsChanged:
        """Merge `value` as RFC 7396 says: what is null in it ceases to hold."""
        return await self._write("PATCH", path, value, subject, valid_from=valid_from, owner=owner)

    async def end(
        self,
        path: str,
        *,
        subject: str = USER,
        since: Instant | None = None,
        owner: str | None = None,
    ) -> FactsChanged:
        """Let what holds at `path` and below it hold no longer; its past stays."""
        params = {"path": path, "subject": subject, "owner": owner}
        body = {"valid_from": _text(since)}
        answer = await self._call("POST", "/api/facts/end", params=params, body=body)
        return read(FactsChanged, answer)

    async def put_all(
        self, facts: Sequence[FactInput], *, owner: str | None = None
    ) -> FactsChanged:
        """Put many facts at once; asks no model."""
        body = {"facts": [fact.model_dump(mode="json", exclude_none=True) for fact in facts]}
        params = {"owner": owner}
        answer = await self._call(
            "POST", "/api/facts", params=params, body=body, again=True, seconds=SLOW
        )
        return read(FactsChanged, answer)

    async def delete(
        self, path: str, *, subject: str = USER, owner: str | None = None
    ) -> FactsChanged:
        """Forget what is, and ever was, known at `path` and below it."""
        params = {"path": path, "subject": subject, "owner": owner}
        answer = await self._call("DELETE", "/api/facts", params=params, seconds=SLOW)
        return read(FactsChanged, answer or b"{}")

    async def delete_one(self, id: str) -> None:
        """Forget one version of a fact. Raises `NotFound`."""
        await self._call("DELETE", f"/api/facts/{segment(id)}")

    async def _write(
        self, method: str, path: str, value: JsonValue, subject: str, **rest: Any
    ) -> FactsChanged:
        params = {"path": path, "subject": subject, "owner": rest["owner"]}
        body = {"value": value, "valid_from": _text(rest["valid_from"])}
        answer = await self._call(method, "/api/facts", params=params, body=body)
        return read(FactsChanged, answer)


def _text(instant: Instant | None) -> str | None:
    return instant.isoformat() if isinstance(instant, datetime) else instant
