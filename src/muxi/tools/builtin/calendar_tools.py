"""The tools `calendar`: what is in the calendars of one account, and by leave of a person, more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field

from muxi.config.service_tool_settings import CalendarTool
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.ids import new_id
from muxi.core.manifests import Permissions, SecretNeed, ToolManifest
from muxi.core.record import now as utc_now
from muxi.tools.builtin.caldav import CalDav, CalendarAccount, CalendarPlace, Stored, new_address
from muxi.tools.builtin.calendar_events import (
    Zone,
    changed_text,
    events_in,
    line_of,
    new_text,
    parse,
)
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool
from muxi.tools.worker import run_in_thread

MANIFEST = ToolManifest(
    name="calendar",
    version="1.0.0",
    summary="Lists the events of CalDAV calendars; adds, changes and deletes them by leave.",
    tools=CalendarTool.functions,
    permissions=Permissions(network=("the host of `url`",)),
    secrets=(SecretNeed(name="password", description="Password of the account."),),
    live=False,
    notes=(
        "Of an event that repeats, the whole series is changed or deleted. Nobody is invited: muxi"
        " adds no attendees and sends no mail."
    ),
)

_LIST: Examples = (
    ("What is in my calendar this week?", {}),
    ("What do I have on 2026-11-24?", {"start": "2026-11-24", "end": "2026-11-24"}),
    ("When is the dentist in December?", {"start": "2026-12-01", "search": "dentist"}),
)
_ADD: Examples = (
    (
        "Put lunch with Bo into my calendar for 2026-11-24 at noon",
        {"title": "Lunch with Bo", "start": "2026-11-24T12:00"},
    ),
    (
        "Note my holiday from 2026-12-24 to 2026-12-31",
        {
            "title": "Holiday",
            "start": "2026-12-24",
            "end": "2026-12-31",
        },
    ),
)
_CHANGE: Examples = (
    (
        "Move it to 2026-11-25 at 14:00",
        {"id": "/ana/personal/3f2a.ics", "start": "2026-11-25T14:00", "end": "2026-11-25T15:00"},
    ),
)
_DELETE: Examples = (("Cancel that event", {"id": "/ana/personal/3f2a.ics"}),)
_WEEK = timedelta(days=7)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LONGEST_SPAN = timedelta(days=800)

Words = Annotated[str, Field(max_length=500)]
Text = Annotated[str, Field(max_length=20_000)]
Id = Annotated[str, Field(min_length=2, max_length=1_000)]


def calendar_tools(settings: CalendarTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the calendars of a project."""
    account = CalendarAccount(
        url=settings.url,
        user=settings.user,
        password=setup.secrets.get("password"),
        seconds=settings.timeout,
    )
    zone = Zone(ZoneInfo(settings.zone) if settings.zone else None)
    made = [_make_calendars(account), _make_list(account, zone)]
    if settings.write:
        made += [
            _make_add(account, zone, approval=settings.approval),
            _make_change(account, zone, approval=settings.approval),
            _make_delete(account, approval=settings.approval),
        ]
    timeout = settings.timeout * 2 + 15
    return [each.changed(timeout=timeout, max_bytes=settings.max_text) for each in made]


def _make_calendars(account: CalendarAccount) -> FunctionTool[..., Any]:
    @tool(
        title="List calendars",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=(("Which calendars do I have?", {}),),
    )
    async def list_calendars() -> str:
        """Name the user's calendars."""
        async with CalDav(account) as server:
            names = [each.name for each in await server.calendars()]
        return "\n".join(names) or "The account has no calendars."

    return list_calendars


def _make_list(account: CalendarAccount, zone: Zone) -> FunctionTool[..., Any]:
    @tool(
        title="List events",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_LIST,
    )
    async def list_events(
        start: Words | None = None,
        end: Words | None = None,
        *,
        calendar: Words | None = None,
        search: Words | None = None,
    ) -> str:
        """List what is in the user's calendars, in the order of time.

        Args:
            start: The first day, such as 2026-11-24, or a time on it; today if left out.
            end: The last day, likewise; a week after the first if left out.
            calendar: The name of one calendar; all of them if left out.
            search: Words of the title or the place.
        """
        since = zone.read(start, "start")[0] if start else _today(zone)
        until = since + _WEEK
        if end:
            until, whole_day = zone.read(end, "end")
            until += _DAY if whole_day else timedelta()
        if not since < until <= since + _LONGEST_SPAN:
            raise ToolArgumentsInvalid("`end` must come after `start`, and within 800 days.")
        async with CalDav(account) as server:
            found = [
                (place, stored)
                for place in _chosen(await server.calendars(), calendar)
                for stored in await server.events(place, since, until)
            ]
        lines = await run_in_thread(_lines, found, since, until, zone, search)
        return "\n".join(lines) or "There is nothing in that time."

    return list_events


def _make_add(account: CalendarAccount, zone: Zone, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Add an event",
        read_only=False,
        destructive=False,
        open_world=True,
        approval=approval,
        examples=_ADD,
    )
    async def add_event(
        title: Annotated[Words, Field(min_length=1)],
        start: Words,
        end: Words | None = None,
        *,
        location: Words | None = None,
        description: Text | None = None,
        calendar: Words | None = None,
    ) -> str:
        """Put an event into the user's calendar.

        Args:
            title: What it is.
            start: When it begins, such as 2026-11-24T10:00; a date alone for a whole day.
            end: When it ends, likewise; an hour later, or the same day, if left out.
            location: Where it is.
            description: What else is to be known.
            calendar: The name of the calendar; the first one if left out.
        """
        begins, ends, whole_days = _times(zone, start, end)
        more = {"LOCATION": location, "DESCRIPTION": description}
        uid = new_id("evt")
        text = new_text(
            uid,
            title=title,
            start=begins,
            end=ends,
            whole_days=whole_days,
            more={name: value for name, value in more.items() if value},
        )
        async with CalDav(account) as server:
            places = _chosen(await server.calendars(), calendar)
            if not places:
                raise ToolArgumentsInvalid("The account has no calendars.")
            url = new_address(places[0], uid)
            await server.put(url, text, etag=None)
        (event,) = events_in(text, begins, ends, zone)
        return f"Added: {line_of(event, zone, calendar=places[0].name, id=_id(url))}"

    return add_event


def _make_change(account: CalendarAccount, zone: Zone, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Change an event",
        read_only=False,
        destructive=True,
        open_world=True,
        idempotent=True,
        approval=approval,
        examples=_CHANGE,
    )
    async def change_event(
        id: Id,
        *,
        title: Words | None = None,
        start: Words | None = None,
        end: Words | None = None,
        location: Words | None = None,
        description: Text | None = None,
    ) -> str:
        """Change an event of the user's calendar; what is left out stays as it is.

        Args:
            id: The id of the event, from list_events.
            title: What it is.
            start: When it begins; `end` is then needed too.
            end: When it ends.
            location: Where it is.
            description: What else is to be known.
        """
        given = {"SUMMARY": title, "LOCATION": location, "DESCRIPTION": description}
        changes = {name: value for name, value in given.items() if value is not None}
        if (start is None) is not (end is None):
            raise ToolArgumentsInvalid("Give both `start` and `end`, or neither.")
        if not changes and start is None:
            raise ToolArgumentsInvalid("Say what to change.")
        times = None if start is None else _times(zone, start, end)
        async with CalDav(account) as server:
            stored = await _event_of(server, id)
            await server.put(
                stored.url, changed_text(stored.text, changes, times), etag=stored.etag
            )
        return "The event is changed."

    return change_event


def _make_delete(account: CalendarAccount, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Delete an event",
        read_only=False,
        destructive=True,
        open_world=True,
        approval=approval,
        examples=_DELETE,
    )
    async def delete_event(id: Id) -> str:
        """Delete an event of the user's calendar, with all its repetitions.

        Args:
            id: The id of the event, from list_events.
        """
        async with CalDav(account) as server:
            stored = await _event_of(server, id)
            await server.delete(stored)
        titles = [str(part.get("SUMMARY", "")) for part in parse(stored.text).walk("VEVENT")]
        return f"Deleted: {titles[0] if titles else id}"

    return delete_event


async def _event_of(server: CalDav, id: str) -> Stored:
    """The object of that id, which must lie in one of the calendars: not a calendar itself.

    Raises:
        ToolArgumentsInvalid: There is none.
    """
    for place in await server.calendars():
        folder = f"{urlsplit(place.url).path.rstrip('/')}/"
        rest = id.removeprefix(folder)
        if rest != id and rest and "/" not in rest and rest not in (".", "..") and "?" not in rest:
            return await server.get(id)
    raise ToolArgumentsInvalid(f"There is no event `{id[:80]}`; list_events gives ids.")


def _chosen(places: Sequence[CalendarPlace], name: str | None) -> list[CalendarPlace]:
    if name is None:
        return list(places)
    chosen = [each for each in places if each.name.casefold() == name.strip().casefold()]
    if not chosen:
        names = ", ".join(each.name for each in places) or "none"
        raise ToolArgumentsInvalid(f"There is no calendar `{name}`. Calendars: {names}.")
    return chosen


def _times(zone: Zone, start: str, end: str | None) -> tuple[datetime, datetime, bool]:
    """When an event begins and ends, and whether only the days count."""
    begins, whole_days = zone.read(start, "start")
    if end is None:
        return begins, begins + (_DAY if whole_days else _HOUR), whole_days
    ends, whole_too = zone.read(end, "end")
    if whole_days is not whole_too:
        raise ToolArgumentsInvalid("`start` and `end` must both be days, or both have a time.")
    ends += _DAY if whole_days else timedelta()
    if ends <= begins:
        raise ToolArgumentsInvalid("`end` must come after `start`.")
    return begins, ends, whole_days


def _today(zone: Zone) -> datetime:
    return zone.begins(zone.here(utc_now()).date())


def _lines(
    found: Sequence[tuple[CalendarPlace, Stored]],
    since: datetime,
    until: datetime,
    zone: Zone,
    search: str | None,
) -> list[str]:
    """What happens, in the order of time."""
    lines = [
        (event.start, line_of(event, zone, calendar=place.name, id=_id(stored.url)))
        for place, stored in found
        for event in events_in(stored.text, since, until, zone)
        if _fits(f"{event.title} {event.location}", search)
    ]
    return [line for _, line in sorted(lines)]


def _fits(text: str, search: str | None) -> bool:
    return search is None or all(word in text.casefold() for word in search.casefold().split())


def _id(url: str) -> str:
    return urlsplit(url).path
