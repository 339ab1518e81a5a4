"""The built-in tools for calendars, against a real CalDAV server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from muxi.config.service_tool_settings import CalendarTool
from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.calendar_events import Zone, events_in
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup
from tests.support.calendars import PASSWORD, USER, Radicale, radicale
from tests.support.ports import free_port

CTX: RunContext[Any] = RunContext(deps=None)
NUMBERS = count()
ZONE = Zone(ZoneInfo("Europe/Paris"))

WEEKLY = """
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//another program//EN
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260901T000000Z
DTSTART;TZID=Europe/Paris:20261005T100000
DTEND;TZID=Europe/Paris:20261005T110000
RRULE:FREQ=WEEKLY
EXDATE;TZID=Europe/Paris:20261019T100000
SUMMARY:Choir
LOCATION:Town hall
X-KEPT:by another program
END:VEVENT
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260901T000000Z
RECURRENCE-ID;TZID=Europe/Paris:20261026T100000
DTSTART;TZID=Europe/Paris:20261027T180000
DTEND;TZID=Europe/Paris:20261027T190000
SUMMARY:Choir\\, later
END:VEVENT
END:VCALENDAR
"""


class Calendar:
    """The tools of one account, called as a model calls them."""

    def __init__(self, url: str, *, password: str = PASSWORD, **options: Any) -> None:
        settings = CalendarTool.model_validate(
            {"url": url, "user": USER, "password": "x", "zone": "Europe/Paris", **options}
        )
        made = builtin_tools("calendar", settings, Setup(secrets={"password": password}))
        self.tools = {each.name: each for each in made}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[name].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with radicale(tmp_path_factory.mktemp("calendars")) as running:
        yield running


@pytest.fixture
def own(server: Radicale) -> str:
    """A calendar of the test's own."""
    return server.make(f"calendar{next(NUMBERS)}", "My days")


async def test_calendars_are_found_from_the_address_of_the_server(server: Radicale) -> None:
    server.make("work", "Work &amp; more")
    assert "Work & more" in (await Calendar(server.url)("list_calendars")).splitlines()
    one = Calendar(f"{server.url}/{USER}/work/")
    assert await one("list_calendars") == "Work & more"


async def test_an_event_is_added_listed_changed_and_deleted(server: Radicale, own: str) -> None:
    call = Calendar(own, write=True)
    said = await call(
        "add_event",
        title="Lunch; with Bo, and Cy",
        start="2026-11-24T12:00",
        location="Café Ü",
        description="one\ntwo",
    )
    assert said.startswith(
        "Added: Tue 2026-11-24 12:00 to 13:00: Lunch; with Bo, and Cy, at Café Ü (calendar My days)"
    )
    event = said.rpartition("id=")[2]
    assert "DTSTART:20261124T110000Z" in server.get(f"{server.url}{event}")
    listed = await call("list_events", start="2026-11-24", end="2026-11-24")
    assert listed == said.removeprefix("Added: ")
    assert await call("list_events", start="2026-11-25") == "There is nothing in that time."
    await call("change_event", id=event, start="2026-11-25T14:00", end="2026-11-25T15:30")
    await call("change_event", id=event, title="Late lunch")
    moved = await call("list_events", start="2026-11-24", search="LUNCH café")
    assert moved.startswith("Wed 2026-11-25 14:00 to 15:30: Late lunch, at Café Ü")
    assert await call("delete_event", id=event) == "Deleted: Late lunch"
    assert await call("list_events", start="2026-11-24") == "There is nothing in that time."
    with pytest.raises(ToolArgumentsInvalid, match="no such event any more"):
        await call("delete_event", id=event)


async def test_whole_days_stay_days(own: str) -> None:
    call = Calendar(own, write=True)
    await call("add_event", title="Holiday", start="2026-12-24", end="2026-12-31")
    await call("add_event", title="Moving", start="2026-12-27")
    listed = (await call("list_events", start="2026-12-25", end="2026-12-27")).splitlines()
    assert listed[0].startswith("Thu 2026-12-24 to Thu 2026-12-31, all day: Holiday")
    assert listed[1].startswith("Sun 2026-12-27, all day: Moving")


async def test_what_repeats_is_listed_one_by_one_and_changed_as_a_whole(
    server: Radicale, own: str
) -> None:
    server.put(f"{own}weekly.ics", WEEKLY)
    call = Calendar(own, write=True)
    listed = (await call("list_events", start="2026-10-12", end="2026-11-08")).splitlines()
    assert [line.partition(" (")[0] for line in listed] == [
        "Mon 2026-10-12 10:00 to 11:00: Choir, at Town hall",
        "Tue 2026-10-27 18:00 to 19:00: Choir, later",
        "Mon 2026-11-02 10:00 to 11:00: Choir, at Town hall",
    ]
    event = listed[0].rpartition("id=")[2]
    with pytest.raises(ToolArgumentsInvalid, match="repeats"):
        await call("change_event", id=event, start="2026-10-12T09:00", end="2026-10-12T10:00")
    await call("change_event", id=event, title="Singing")
    kept = server.get(f"{own}weekly.ics")
    assert "X-KEPT:by another program" in kept
    assert kept.count("SUMMARY:Singing") == 2


def test_repetitions_that_a_server_leaves_whole_are_taken_apart_here() -> None:
    text = "\r\n".join(line.strip() for line in WEEKLY.strip().splitlines()) + "\r\n"
    since, until = (datetime(2026, 10, day, tzinfo=UTC) for day in (12, 31))
    found = events_in(text, since, until, ZONE)
    assert [ZONE.here(event.start).isoformat() for event in found] == [
        "2026-10-12T10:00:00+02:00",
        "2026-10-27T18:00:00+01:00",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=NEVER",
        "FREQ=DAILY;UNTIL=20261013T080000Z",
        "FREQ=DAILY;COUNT=99999999999",
        "INTERVAL=0;FREQ=DAILY",
    ],
)
def test_no_rule_keeps_a_listing_from_its_end(rule: str) -> None:
    text = "\r\n".join(line.strip() for line in WEEKLY.strip().splitlines()) + "\r\n"
    text = text.replace("RRULE:FREQ=WEEKLY\r\nEXDATE", f"RRULE:{rule}\r\nEXDATE")
    since, until = (datetime(2026, 10, day, tzinfo=UTC) for day in (12, 20))
    assert len(events_in(text, since, until, ZONE)) <= 100_000


async def test_only_events_of_the_calendars_can_be_named(server: Radicale, own: str) -> None:
    server.put(f"{own}weekly.ics", WEEKLY)
    call = Calendar(own, write=True)
    folder = own.removeprefix(server.url)
    for wrong in (
        *(folder, folder.rstrip("/"), f"{folder}../work/", f"{folder}..", f"{folder}a/b.ics"),
        *("//evil.example.org/x.ics", "https://evil.example.org/x.ics", "weekly.ics"),
        f"{folder}?x",
    ):
        with pytest.raises(ToolArgumentsInvalid, match="no event"):
            await call("delete_event", id=wrong)
    assert "Choir" in server.get(f"{own}weekly.ics")


async def test_an_event_that_somebody_else_changes_meanwhile_is_not_overwritten(
    server: Radicale, own: str
) -> None:
    call = Calendar(own, write=True)
    event = (await call("add_event", title="Talk", start="2026-11-24T10:00")).rpartition("id=")[2]
    url = f"{server.url}{event}"
    text = server.get(url)

    async def front(request: web.Request) -> web.Response:
        """Passes requests on; before a change arrives, another program is quicker."""
        if request.method == "PUT":
            server.put(url, text.replace("SUMMARY:Talk", "SUMMARY:Other"))
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        target = f"{server.url}{request.path_qs}"
        async with aiohttp.request(
            request.method, target, data=await request.read(), headers=headers
        ) as found:
            kept = {k: v for k, v in found.headers.items() if k.lower() in ("etag", "content-type")}
            return web.Response(status=found.status, body=await found.read(), headers=kept)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", front)
    async with TestServer(app) as between:
        other = Calendar(str(between.make_url(own.removeprefix(server.url))), write=True)
        with pytest.raises(ToolArgumentsInvalid, match="Somebody else has changed"):
            await other("change_event", id=event, title="Mine")
    assert "SUMMARY:Other" in server.get(url)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"start": "tomorrow"}, "write it like"),
        ({"start": "2026-11-24T10:00", "end": "2026-11-24T09:00"}, "must come after"),
        ({"start": "2026-11-24", "end": "2026-11-24T09:00"}, "must both be days"),
        ({"start": "9999-12-31"}, "write it like"),
        ({"start": "2026-11-24T10:00", "calendar": "Nobody's"}, "no calendar"),
    ],
)
async def test_times_that_make_no_sense_are_refused_in_words(
    own: str, arguments: dict[str, str], says: str
) -> None:
    with pytest.raises(ToolArgumentsInvalid, match=says):
        await Calendar(own, write=True)("add_event", title="x", **arguments)


async def test_wrong_passwords_and_servers_that_are_none_are_told(server: Radicale) -> None:
    with pytest.raises(ToolFailed, match="refused to let ana in") as refused:
        await Calendar(server.url, password="wrong-password")("list_calendars")
    assert "wrong-password" not in str(refused.value)
    with pytest.raises(ToolFailed, match="cannot be reached"):
        await Calendar(f"http://127.0.0.1:{free_port()}")("list_calendars")


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, "hello", "answered 200"),
        (207, "<html>", "not answer in XML"),
        (207, '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', None),
        (302, "", "answered 302"),
        (500, "", "answered 500"),
        (
            207,
            (
                '<multistatus xmlns="DAV:"><response><href>/</href><propstat><prop>'
                '<c:calendar-home-set xmlns:c="urn:ietf:params:xml:ns:caldav">'
                "<href>https://evil.example.org/</href></c:calendar-home-set></prop>"
                "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
            ),
            "leads to another server",
        ),
    ],
)
async def test_what_is_no_caldav_is_told_and_leads_nowhere(
    status: int, body: str, says: str | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "http://127.0.0.1:1/"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app) as running:
        call = Calendar(str(running.make_url("/")))
        if says is None:
            assert await call("list_calendars") == "The account has no calendars."
            return
        with pytest.raises(ToolFailed, match=says):
            await call("list_calendars")


def test_what_acts_needs_a_person_and_is_there_by_leave_only() -> None:
    assert set(Calendar("http://localhost").tools) == {"list_calendars", "list_events"}
    acting = Calendar("http://localhost", write=True).tools
    assert {name for name, each in acting.items() if each.spec.approval} == {
        *("add_event", "change_event", "delete_event"),
    }
    with pytest.raises(ValidationError, match="by http to localhost only"):
        CalendarTool.model_validate({"url": "http://cal.example.org", "password": "x"})
