"""Time zones of places: of cities, countries, zone names and offsets. Used by `calendar_day`.

Zones and countries come from the time zone database, further cities from a table of GeoNames, and
names in other languages from one of Unicode's.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from muxi.core.errors import ToolArgumentsInvalid

_HERE = frozenset(("", "here", "local", "local time", "home", "my city", "my location", "now"))
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?(?:\s*(?:utc|gmt))?")
_MAX_WORDS = 12
_FURTHER_COUNTRIES = {
    "usa": "US",
    "us": "US",
    "u s": "US",
    "america": "US",
    "united states of america": "US",
    "united kingdom": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "holland": "NL",
    "uae": "AE",
    "emirates": "AE",
    "czechia": "CZ",
    "south korea": "KR",
    "korea": "KR",
}
"""What people call countries beside the database's names, by code of ISO 3166."""


class Place(NamedTuple):
    """A place with its zone; `zone` None stands for the machine's own."""

    label: str
    zone: tzinfo | None


def find_places(text: str) -> list[Place]:
    """The places that `text` means: one, or those of a country with several zones.

    Raises:
        ToolArgumentsInvalid: No place of this name is known.
    """
    wanted = folded(text)
    if wanted in _HERE:
        return [Place("here", None)]
    offset = _OFFSET.fullmatch(text.strip().lower().replace("−", "-"))
    if offset is not None:
        return [_at_offset(offset)]
    words = wanted.split()[:_MAX_WORDS]
    # The longest run of words that names a place: "in downtown Tokyo, Japan right now".
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            name = " ".join(words[start : start + length])
            # There are towns called Man and Of: a short word among others must be a country.
            if len(name) < 4 and length < len(words) and name not in _countries():
                continue
            found = _named(name)
            if found:
                return found
    raise ToolArgumentsInvalid(
        f"No place or time zone called `{text[:60]}` is known.",
        hint="Name a large city, a country, an IANA zone such as `Europe/Paris`, or an offset.",
    )


def zone_called(name: str) -> tzinfo:
    """The zone of this IANA name.

    Raises:
        ToolArgumentsInvalid: There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolArgumentsInvalid(f"There is no time zone `{name[:60]}`.") from None


def _at_offset(match: re.Match[str]) -> Place:
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > 14 * 60:
        raise ToolArgumentsInvalid("Offsets from UTC lie between -14:00 and +14:00.")
    signed = -minutes if match[1] == "-" else minutes
    label = f"UTC{match[1]}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
    return Place(label, timezone(timedelta(minutes=signed)))


def _named(name: str) -> list[Place]:
    zone = _zone_names().get(name) or _city_zones().get(name)
    if zone is not None:
        return [Place(_label(name, zone), ZoneInfo(zone))]
    code = _countries().get(name)
    if code is None:
        place = _foreign_names().get(name, "")
        if "/" in place:
            return [Place(_label(name, place), ZoneInfo(place))]
        code = place
    return [Place(_label("", zone), ZoneInfo(zone)) for zone in _zones_of(code)] if code else []


def _label(name: str, zone: str) -> str:
    own = zone.rpartition("/")[2].replace("_", " ")
    if not name or folded(own) == name or folded(zone) == name:
        return own
    return name.title()


def folded(text: str) -> str:
    """`text` in plain lower-case letters, digits and single spaces."""
    parts = unicodedata.normalize("NFKD", text[:200])
    plain = "".join(part for part in parts if not unicodedata.combining(part)).casefold()
    return " ".join(re.findall(r"\w+", plain.replace("_", " ")))


def _table(name: str) -> str:
    return resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")


@cache
def _zone_names() -> dict[str, str]:
    """Zones by their whole name and by their city; a continent's zone comes before an alias."""
    names: dict[str, str] = {}
    zones = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    aliases = ("Etc", "US", "Brazil", "Canada", "Chile", "Mexico")
    for zone in sorted(zones, key=lambda each: each.partition("/")[0] in aliases):
        names.setdefault(folded(zone.rpartition("/")[2]), zone)
    for zone in zones:
        names[folded(zone)] = zone
    return names


def _names(file: str) -> dict[str, str]:
    """What a table of ours says that names stand for."""
    table = resources.files("muxi.tools.builtin").joinpath("data", file).read_text("utf-8")
    meant: dict[str, str] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            place, _, names = line.partition("\t")
            meant.update((folded(name), place) for name in names.split(";"))
    return meant


@cache
def _foreign_names() -> dict[str, str]:
    """Zones and codes of countries by what they are called in other languages."""
    return _names("foreign_places.txt")


@cache
def _city_zones() -> dict[str, str]:
    cities = _names("cities.txt")
    # "New York City" is "New York" to most, "Quebec" is "Quebec City" to some.
    for name, zone in list(cities.items()):
        if name.endswith(" city"):
            cities.setdefault(name.removesuffix(" city"), zone)
    return cities


@cache
def _countries() -> dict[str, str]:
    codes = dict(_FURTHER_COUNTRIES)
    for line in _table("iso3166.tab").splitlines():
        if line.startswith("#"):
            continue
        code, _, name = line.partition("\t")
        codes.setdefault(folded(name), code)
        bare, _, more = name.partition(" (")
        if more:
            codes.setdefault(folded(f"{more} {bare}"), code)
            codes.setdefault(folded(bare), code)
            codes.setdefault(folded(more), code)
    return codes


def _zones_of(code: str) -> list[str]:
    """The zones of a country, those first that it shares with the fewest."""
    rows = [line.split("\t") for line in _table("zone1970.tab").splitlines() if line[:1] != "#"]
    zones = [row[2] for row in rows if code in row[0].split(",")]
    own = [
        row.split("\t")[2] for row in _table("zone.tab").splitlines() if row.startswith(f"{code}\t")
    ]
    return own if len(own) <= len(zones) else [zone for zone in zones if zone in own] or own
