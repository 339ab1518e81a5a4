"""The service of usage: what was consumed, by day, agent, user and model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from muxi.core.budgets import GroupBy, UsageRow, zone
from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.scope import Scope
from muxi.core.spans import check_span
from muxi.storage import usage as stored
from muxi.storage.records import cursor, place
from muxi.storage.transaction import Database, Tx
from muxi.storage.usage import UsageGroup

_MICRO = 1_000_000
_DAYS = 30
"""Days that are looked at if no first one is named."""

_LAST = date.max - timedelta(days=1)
"""The last day that another one follows."""

_Place = tuple[date | None, tuple[str, str, str] | None]
"""The day of the last row that was given, and its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What is asked of usage. None is no bound."""

    by: Collection[GroupBy] = ("day",)
    """What is told apart."""
    since: date | None = None
    """The first day; 30 days in all if None."""
    until: date | None = None
    """The last day; today if None."""
    time_zone: str = "UTC"
    agent: str | None = None
    user: str | None = None
    model: str | None = None


@dataclass(slots=True, kw_only=True)
class UsageService:
    """Sums over the runs that have ended. A user sees their own."""

    database: Database

    async def page(
        self, who: Scope, query: UsageQuery, *, after: str | None = None, limit: int = 50
    ) -> Page[UsageRow]:
        """Rows of sums, the newest day first, then by agent, user and model.

        Raises:
            InvalidInput: The last day is before the first one; or `after` is no cursor of this.
        """
        read = partial(_read, query=query, after=_place(after), limit=limit + 1)
        rows = await self.database.read(who, read)
        more = len(rows) > limit
        return Page[UsageRow](
            items=[_row(who.tenant, day, group, query.by) for day, group in rows[:limit]],
            next=_cursor(*rows[limit - 1]) if more else None,
        )


def _read(
    tx: Tx, *, query: UsageQuery, after: _Place, limit: int
) -> list[tuple[date | None, UsageGroup]]:
    place = zone(query.time_zone)
    last = min(query.until or datetime.now(place).date(), _LAST)
    first = query.since or last - timedelta(days=_DAYS - 1)
    check_span(first, last)
    groups = partial(
        stored.groups,
        tx,
        ["owner" if name == "user" else name for name in query.by],
        owner=query.user,
        agent=query.agent,
        model=query.model,
    )
    day, key = after
    if "day" not in query.by:
        since, until = _start(first, query), _start(last + timedelta(days=1), query)
        return [(None, each) for each in groups(since=since, until=until, after=key, limit=limit)]
    found: list[tuple[date | None, UsageGroup]] = []
    day = min(last, day or last)
    while day >= first and len(found) < limit:
        since, until = _start(day, query), _start(day + timedelta(days=1), query)
        rest = limit - len(found)
        found += [(day, each) for each in groups(since=since, until=until, after=key, limit=rest)]
        key = None
        # Days on which nothing ended are stepped over.
        newest = stored.last(tx, until=since)
        if newest is None:
            break
        day = min(day - timedelta(days=1), datetime.fromtimestamp(newest / _MICRO, place).date())
    return found


def _start(day: date, query: UsageQuery) -> int:
    at = datetime(day.year, day.month, day.day, tzinfo=zone(query.time_zone))
    return round(at.timestamp() * _MICRO)


def _row(tenant: str, day: date | None, group: UsageGroup, by: Collection[GroupBy]) -> UsageRow:
    agent, owner, model = group.key
    usage = group.total.usage
    return UsageRow(
        tenant=tenant,
        day=None if day is None else day.isoformat(),
        agent=agent if "agent" in by else None,
        user=owner if "user" in by else None,
        model=model or None,
        runs=group.total.runs,
        requests=usage.requests,
        tool_calls=usage.tool_calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        seconds=group.microseconds / _MICRO,
        cost=usage.cost,
        known_cost=group.total.known_cost,
    )


def _cursor(day: date | None, group: UsageGroup) -> str:
    # Ids of users may hold any character, a line's end too, which would end a part of the cursor.
    parts = [part.encode().hex() for part in group.key]
    return cursor("" if day is None else day.isoformat(), *parts)


def _place(after: str | None) -> _Place:
    if after is None:
        return None, None
    day, *parts = place(after, 4)
    try:
        agent, owner, model = (bytes.fromhex(part).decode() for part in parts)
        return date.fromisoformat(day) if day else None, (agent, owner, model)
    except ValueError:
        raise InvalidInput("This cursor was not given by this list.") from None
