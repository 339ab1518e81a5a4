"""The periods of budgets, in any zone and around the moments at which clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.core.budgets import Period
from muxi.identity.periods import span_of

HOUR = 3_600_000_000
ZONES = sorted(available_timezones() - {"localtime", "Factory"})
INSTANTS = st.integers(0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1_000_000))


@settings(deadline=None)
@given(st.sampled_from(("hour", "day", "month")), st.sampled_from(ZONES), INSTANTS)
def test_an_instant_lies_in_its_period_and_the_next_one_begins_where_it_ends(
    every: Period, zone: str, at: int
) -> None:
    begin, end = span_of(every, zone, at)
    assert begin <= at < end
    assert span_of(every, zone, begin) == span_of(every, zone, end - 1) == (begin, end)
    assert span_of(every, zone, end)[0] == end


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)]
)
def test_a_day_is_as_long_as_clocks_make_it(day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    begin, end = span_of("day", "Europe/Berlin", int(noon.timestamp() * 1_000_000))
    assert end - begin == hours * HOUR


def test_an_hour_that_clocks_repeat_is_two() -> None:
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp() * 1_000_000)
    spans = [span_of("hour", "Europe/Berlin", first + hour * HOUR) for hour in (0, 1)]
    assert spans[0][1] == spans[1][0]


def test_a_month_begins_at_midnight_of_the_declared_zone() -> None:
    at = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1_000_000)
    begin, end = span_of("month", "America/New_York", at)
    assert datetime.fromtimestamp(begin / 1_000_000, UTC).isoformat() == "2026-11-01T04:00:00+00:00"
    assert datetime.fromtimestamp(end / 1_000_000, UTC).isoformat() == "2026-12-01T05:00:00+00:00"
