"""Speaks CalDAV (RFC 4791) with one server. Called by the tools `calendar`.

A handful of requests of the protocol are needed, so they are written here over aiohttp; what an
event consists of (RFC 5545) is read and written by icalendar. It never follows the server to
another host, and reads within bounds.
"""

from __future__ import annotations

import asyncio
import importlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

import aiohttp

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.tools.builtin.user_agent import user_agent

_Element = Any
"""An element of lxml, which comes without types."""
_DAV: Final = "{DAV:}"
_CAL: Final = "{urn:ietf:params:xml:ns:caldav}"
_LARGEST: Final = 20_000_000
"""Bytes of an answer that are read."""
_MOST_CALENDARS: Final = 200
_ASK_PRINCIPAL: Final = (
    '<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop>'
    "<current-user-principal/><c:calendar-home-set/><resourcetype/><displayname/>"
    "</prop></propfind>"
)
_ASK_CALENDARS: Final = (
    '<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop>'
    "<resourcetype/><displayname/><c:supported-calendar-component-set/>"
    "</prop></propfind>"
)
_ASK_EVENTS: Final = (
    '<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
    "<prop><getetag/><c:calendar-data><c:expand {span}/></c:calendar-data></prop>"
    '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
    "<c:time-range {span}/>"
    "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAccount:
    """How a server of calendars is reached."""

    url: str
    user: str | None
    password: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class CalendarPlace:
    """One calendar."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of a calendar: an event with all its repetitions and their exceptions."""

    url: str
    etag: str
    text: str


class CalDav:
    """One account, for the length of one call of a tool: an asynchronous context manager.

    Raises, whatever is asked:
        ToolFailed: The server cannot be reached, refuses, or does not speak CalDAV.
    """

    def __init__(self, account: CalendarAccount) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> CalDav:
        account = self._account
        headers = {"User-Agent": user_agent()}
        if account.user is not None and account.password is not None:
            words = f"{account.user}:{account.password}".encode()
            headers["Authorization"] = f"Basic {b64encode(words).decode()}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=account.seconds),
        )
        return self

    async def __aexit__(self, *failure: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def calendars(self) -> list[CalendarPlace]:
        """The calendars of the account, or the one that its address names."""
        found = await self._properties(self._account.url, _ASK_PRINCIPAL, depth=0)
        own = found[0] if found else None
        if own is not None and _is_calendar(own.properties):
            return [_place(self._account.url, own.properties)]
        home = _address_in(own, f"{_CAL}calendar-home-set")
        if home is None and (principal := _address_in(own, f"{_DAV}current-user-principal")):
            asked = await self._properties(self._at(principal), _ASK_PRINCIPAL, depth=0)
            home = _address_in(asked[0] if asked else None, f"{_CAL}calendar-home-set")
        where = self._account.url if home is None else self._at(home)
        listed = await self._properties(where, _ASK_CALENDARS, depth=1)
        return [
            _place(self._at(each.href), each.properties)
            for each in listed
            if _is_calendar(each.properties) and _holds_events(each.properties)
        ][:_MOST_CALENDARS]

    async def events(
        self, calendar: CalendarPlace, since: datetime, until: datetime
    ) -> list[Stored]:
        """The objects of a calendar in which something happens between two moments.

        Servers are asked to take repetitions apart; some leave them whole.
        """
        span = f'start="{_utc(since)}" end="{_utc(until)}"'
        body = _ASK_EVENTS.format(span=span)
        root = await self._xml("REPORT", calendar.url, body, depth=1)
        return list(self._stored(root))

    async def get(self, url: str) -> Stored:
        """One object as it is stored.

        Raises:
            ToolArgumentsInvalid: It is gone.
        """
        status, headers, data = await self._exchange("GET", self._at(url))
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise _gone()
        self._expect(status, 200, 300)
        return Stored(self._at(url), headers.get("ETag", ""), data.decode("utf-8", "replace"))

    async def put(self, url: str, text: str, *, etag: str | None) -> None:
        """Store an object: a new one without `etag`, else in place of the one that bears it.

        Raises:
            ToolArgumentsInvalid: It was changed or removed meanwhile.
        """
        guard = {"If-None-Match": "*"} if etag is None else {"If-Match": etag} if etag else {}
        headers = {"Content-Type": "text/calendar; charset=utf-8", **guard}
        status, _, _ = await self._exchange("PUT", self._at(url), text, headers)
        if status == HTTPStatus.PRECONDITION_FAILED:
            raise ToolArgumentsInvalid("Somebody else has changed the event; list it again.")
        self._expect(status, 200, 300)

    async def delete(self, stored: Stored) -> None:
        """Remove an object, unless it was changed meanwhile. Raises as `put`."""
        headers = {"If-Match": stored.etag} if stored.etag else {}
        status, _, _ = await self._exchange("DELETE", stored.url, headers=headers)
        if status == HTTPStatus.PRECONDITION_FAILED:
            raise ToolArgumentsInvalid("Somebody else has changed the event; list it again.")
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise _gone()
        self._expect(status, 200, 300)

    def _stored(self, root: _Element) -> Iterator[Stored]:
        for each in _responses(root):
            data = each.properties.get(f"{_CAL}calendar-data")
            if data is not None and data.text:
                etag = each.properties.get(f"{_DAV}getetag")
                said = "" if etag is None or etag.text is None else etag.text
                yield Stored(self._at(each.href), said, str(data.text))

    async def _properties(self, url: str, body: str, *, depth: int) -> list[_Response]:
        root = await self._xml("PROPFIND", url, body, depth=depth)
        return list(_responses(root))

    async def _xml(self, method: str, url: str, body: str, *, depth: int) -> _Element:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        status, _, data = await self._exchange(method, url, body, headers)
        self._expect(status, HTTPStatus.MULTI_STATUS, HTTPStatus.MULTI_STATUS + 1)
        etree: Any = importlib.import_module("lxml.etree")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise ToolFailed(f"{self._host} does not answer in XML as CalDAV does.") from error

    async def _exchange(
        self, method: str, url: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        assert self._session is not None
        try:
            async with asyncio.timeout(self._account.seconds):
                async with self._session.request(
                    method, url, data=body.encode(), headers=headers, allow_redirects=False
                ) as response:
                    data = await response.content.read(_LARGEST + 1)
                    while not response.content.at_eof() and len(data) <= _LARGEST:
                        data += await response.content.read(_LARGEST + 1 - len(data))
                    if len(data) > _LARGEST:
                        raise ToolFailed(f"{self._host} answers with more than {_LARGEST:,} bytes.")
                    return response.status, response.headers, data
        except TimeoutError as error:
            seconds = self._account.seconds
            raise ToolFailed(f"{self._host} did not answer within {seconds:g} s.") from error
        except aiohttp.ClientError as error:
            name = type(error).__name__
            raise ToolFailed(f"{self._host} cannot be reached: {name}.") from error

    def _expect(self, status: int, least: int, most: int) -> None:
        if least <= status < most:
            return
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ToolFailed(
                f"{self._host} refused to let {self._account.user or 'nobody'} in.",
                hint="Many providers want a password that is made for programs.",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise ToolFailed(f"{self._host} has nothing at that address.")
        raise ToolFailed(f"{self._host} answered {status}, which CalDAV does not foresee here.")

    def _at(self, href: str) -> str:
        """An address that the server named, on this server."""
        url = urljoin(self._account.url, href)
        here, there = urlsplit(self._account.url), urlsplit(url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ToolFailed(f"{self._host} leads to another server, {there.hostname}.")
        return url

    @property
    def _host(self) -> str:
        return urlsplit(self._account.url).hostname or ""


def new_address(calendar: CalendarPlace, name: str) -> str:
    """Where a new object of a calendar is put."""
    return urljoin(f"{calendar.url.rstrip('/')}/", f"{quote(name, safe='')}.ics")


@dataclass(frozen=True, slots=True)
class _Response:
    href: str
    properties: dict[str, _Element]


def _responses(root: _Element) -> Iterator[_Response]:
    """What a multistatus answer says of each resource, as far as it was found."""
    for response in root.iterfind(f"{_DAV}response"):
        href = response.findtext(f"{_DAV}href") or ""
        properties: dict[str, _Element] = {}
        for status in response.iterfind(f"{_DAV}propstat"):
            if " 200" in (status.findtext(f"{_DAV}status") or " 200"):
                for prop in status.iterfind(f"{_DAV}prop"):
                    properties |= {str(each.tag): each for each in prop}
        yield _Response(href.strip(), properties)


def _is_calendar(properties: dict[str, _Element]) -> bool:
    kind = properties.get(f"{_DAV}resourcetype")
    return kind is not None and kind.find(f"{_CAL}calendar") is not None


def _holds_events(properties: dict[str, _Element]) -> bool:
    kinds = properties.get(f"{_CAL}supported-calendar-component-set")
    named = [] if kinds is None else [each.get("name") for each in kinds]
    return not named or "VEVENT" in named


def _place(url: str, properties: dict[str, _Element]) -> CalendarPlace:
    name = properties.get(f"{_DAV}displayname")
    words = "" if name is None or name.text is None else " ".join(str(name.text).split())
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    return CalendarPlace(url, words or last)


def _address_in(response: _Response | None, name: str) -> str | None:
    found = None if response is None else response.properties.get(name)
    text = None if found is None else found.findtext(f"{_DAV}href")
    return text.strip() if text else None


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _gone() -> ToolArgumentsInvalid:
    return ToolArgumentsInvalid(
        "There is no such event any more; list_events names those there are."
    )
