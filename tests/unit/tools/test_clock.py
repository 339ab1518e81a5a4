"""The built-in clock: places, days, offsets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.messages import TextPart
from muxi.tools.builtin.calendar_day import tell
from muxi.tools.builtin.clock import make_clock
from muxi.tools.builtin.places import find_places

NOW = datetime(2025, 11, 24, 13, 5, tzinfo=UTC)  # a Monday
CTX: RunContext[Any] = RunContext(deps=None)

PLACES = {
    "": "Monday, 24 November 2025, 14:05 (UTC+1)",
    "here": "Monday, 24 November 2025, 14:05 (UTC+1)",
    "Tokyo": "Monday, 24 November 2025, 22:05 in Tokyo (Asia/Tokyo, UTC+9)",
    "tokyo, japan right now": "Monday, 24 November 2025, 22:05 in Tokyo (Asia/Tokyo, UTC+9)",
    "what time is it in Berlin": "Monday, 24 November 2025, 14:05 in Berlin (Europe/Berlin, UTC+1)",
    "San Francisco": "Monday, 24 November 2025, 05:05 in San Francisco"
    " (America/Los_Angeles, UTC-8)",
    "Mumbai": "Monday, 24 November 2025, 18:35 in Mumbai (Asia/Kolkata, UTC+5:30)",
    "são paulo": "Monday, 24 November 2025, 10:05 in Sao Paulo (America/Sao_Paulo, UTC-3)",
    "UK": "Monday, 24 November 2025, 13:05 in London (Europe/London, UTC+0)",
    "Germany": "Monday, 24 November 2025, 14:05 in Berlin (Europe/Berlin, UTC+1)",
    "europe/paris": "Monday, 24 November 2025, 14:05 in Paris (Europe/Paris, UTC+1)",
    "UTC": "Monday, 24 November 2025, 13:05 in UTC (UTC, UTC+0)",
    "UTC+5:30": "Monday, 24 November 2025, 18:35 in UTC+5:30 (UTC+5:30)",
    "-0800": "Monday, 24 November 2025, 05:05 in UTC-8 (UTC-8)",
}

DAYS = {
    "today": "Monday, 24 November 2025 (today)",
    "tomorrow": "Tuesday, 25 November 2025 (tomorrow)",
    "the day before yesterday": "Saturday, 22 November 2025 (2 days ago)",
    "in 10 days": "Thursday, 4 December 2025 (in 10 days)",
    "in twenty-one days": "Monday, 15 December 2025 (in 21 days)",
    "3 weeks ago": "Monday, 3 November 2025 (21 days ago)",
    "two weeks and 3 days ago": "Friday, 7 November 2025 (17 days ago)",
    "a month ago": "Friday, 24 October 2025 (31 days ago)",
    "next month": "Wednesday, 24 December 2025 (in 30 days)",
    "in a year": "Tuesday, 24 November 2026 (in 365 days)",
    "next friday": "Friday, 28 November 2025 (in 4 days)",
    "next monday": "Monday, 1 December 2025 (in 7 days)",
    "this monday": "Monday, 24 November 2025 (today)",
    "last monday": "Monday, 17 November 2025 (7 days ago)",
    "2027-03-14": "Sunday, 14 March 2027 (in 475 days)",
    "on the 5th of May 2026": "Tuesday, 5 May 2026 (in 162 days)",
    "December 25": "Thursday, 25 December 2025 (in 31 days)",
    "25/12/2025": "Thursday, 25 December 2025 (in 31 days)",
    "February 29": "Tuesday, 29 February 2028 (in 827 days)",
    "how many days until Christmas": "Thursday, 25 December 2025 (in 31 days)",
    "in 3 hours": "Monday, 24 November 2025, 17:05 (UTC+1)",
    "right now": "Monday, 24 November 2025, 14:05 (UTC+1)",
    "what is the current date": "Monday, 24 November 2025, 14:05 (UTC+1)",
}


@pytest.mark.parametrize(("place", "expected"), PLACES.items())
def test_the_time_is_told_of_a_place(place: str, expected: str):
    assert tell(NOW, "Europe/Berlin", place, "") == expected


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Wien", "Vienna"),
        ("in Moskau", "Moscow"),
        ("Lisboa", "Lisbon"),
        ("Nueva York", "New_York"),
        ("España", "Madrid"),
        ("Frankreich", "Paris"),
        ("東京", "Tokyo"),
    ],
)
def test_places_are_known_by_their_names_in_other_languages(place: str, zone: str):
    assert any(str(found.zone).endswith(f"/{zone}") for found in find_places(place))


@pytest.mark.parametrize(("when", "expected"), DAYS.items())
def test_a_day_in_words_is_found(when: str, expected: str):
    assert tell(NOW, "Europe/Berlin", "", when) == expected


def test_a_country_with_several_zones_gets_one_line_for_each_offset():
    lines = tell(NOW, None, "USA", "").splitlines()
    assert lines[0] == "USA has several time zones:"
    assert lines[1].startswith("Monday, 24 November 2025, 08:05 in New York")
    assert len(lines) == 7


def test_another_day_of_a_large_country_is_told_once():
    assert tell(NOW, None, "USA", "2027-03-14") == "Sunday, 14 March 2027 (in 475 days)"


def test_today_depends_on_the_place():
    late = datetime(2025, 11, 24, 20, 0, tzinfo=UTC)
    assert tell(late, "UTC", "Tokyo", "tomorrow") == "Wednesday, 26 November 2025 (tomorrow)"


def test_an_hour_is_an_hour_when_the_clocks_are_changed():
    before = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
    told = tell(before, "Europe/Berlin", "", "in 1 hour")
    assert told == "Sunday, 30 March 2025, 03:30 (UTC+2)"


@pytest.mark.parametrize("place", ["Atlantis", "UTC+20", "Man overboard", "x" * 5_000])
def test_an_unknown_place_is_refused(place: str):
    with pytest.raises(ToolArgumentsInvalid):
        tell(NOW, None, place, "")


@pytest.mark.parametrize(
    "when", ["soonish", "2025-02-30", "in 9999999 days", "03/04/2025", "31 April", "x" * 5_000]
)
def test_a_day_that_is_none_is_refused(when: str):
    with pytest.raises(ToolArgumentsInvalid):
        tell(NOW, None, "", when)


@pytest.mark.parametrize("example", make_clock().spec.examples, ids=lambda e: e.request)
async def test_every_example_of_the_tool_works(example: Any):
    clock = make_clock("Europe/Berlin", now=lambda: NOW)
    (part,) = await clock.run(example.arguments, CTX)
    assert isinstance(part, TextPart)
    assert "20" in part.text
