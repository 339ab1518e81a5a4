"""The tool `clock`: the time and the date, here or elsewhere, now or some days away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from muxi.config.tool_settings import ClockTool
from muxi.core.manifests import ToolManifest
from muxi.core.record import now as utc_now
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="clock",
    version="1.0.0",
    summary="Tells the time and the date, here or elsewhere, now or on another day.",
    tools=("clock",),
)

EXAMPLES: Examples = (
    ("What time is it?", {}),
    ("What time is it in Tokyo right now?", {"place": "Tokyo"}),
    ("Tell me today's date", {}),
    ("Which day of the week is it?", {}),
    ("current time in New York", {"place": "New York"}),
    ("What date will it be in 10 days?", {"when": "in 10 days"}),
    ("What day was it 3 weeks ago?", {"when": "3 weeks ago"}),
    ("On which weekday does 2027-03-14 fall?", {"when": "2027-03-14"}),
)


def make_clock(
    zone: str | None = None, *, now: Callable[[], datetime] = utc_now
) -> FunctionTool[..., Any]:
    """A clock tool.

    Args:
        zone: IANA name of the zone that counts when no place is named; else the machine's own.
        now: The present instant, with a zone.
    """

    @tool(
        title="Clock",
        read_only=True,
        destructive=False,
        open_world=False,
        examples=EXAMPLES,
        idempotent=True,
        timeout=5,
    )
    async def clock(place: str = "", when: str = "") -> str:
        """Tell the current date, weekday and time, or another day's date and weekday.

        Args:
            place: City, country, time zone or UTC offset; empty for here.
            when: The day asked for, such as `tomorrow`, `in 10 days`, `3 weeks ago`,
                `next friday` or a date; empty for now.
        """
        from muxi.tools.builtin.calendar_day import tell

        return tell(now(), zone, place, when)

    return clock


def clock_tools(settings: ClockTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The clock of a project."""
    return [make_clock(settings.zone)]


clock = make_clock()
