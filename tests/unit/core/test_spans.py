"""Spans of time: what has an end before its beginning is a mistake, not an empty answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from muxi.core.errors import InvalidInput
from muxi.core.forgetting import Forget
from muxi.core.spans import check_span

EARLY, LATE = "2026-01-31", "2026-02-01"


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (date.fromisoformat(LATE), date.fromisoformat(EARLY)),
        (datetime.fromisoformat(LATE), datetime.fromisoformat(EARLY)),
        (datetime.fromisoformat(LATE), datetime.fromisoformat(LATE)),
    ],
)
def test_a_span_in_which_nothing_can_lie_is_refused(begin: date, end: date) -> None:
    with pytest.raises(InvalidInput, match=f"since is {LATE}.*, until is {end.isoformat()}"):
        check_span(begin, end)


def test_one_day_is_a_span_and_so_is_what_has_one_end() -> None:
    day = date.fromisoformat(EARLY)
    for begin, end in ((day, day), (None, day), (day, None), (None, None)):
        check_span(begin, end)


def test_what_is_forgotten_lies_in_a_span_by_the_same_clock() -> None:
    with pytest.raises(InvalidInput, match="ends before"):
        Forget.model_validate(
            {"since": f"{EARLY}T12:00:00", "until": f"{EARLY}T13:00:00+02:00"}
        ).checked()
    what = Forget.model_validate({"since": EARLY, "until": f"{LATE}T00:00:00+02:00"}).checked()
    assert what.since == datetime(2026, 1, 31, tzinfo=UTC)
    with pytest.raises(ValueError, match="no calendar"):
        Forget.model_validate({"since": "0001-01-01T00:00:00+14:00"})
