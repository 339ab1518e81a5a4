"""The tool `draw_chart`: numbers as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from muxi.config.local_tool_settings import ChartsTool
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.manifests import ToolManifest
from muxi.core.messages import ImagePart, TextPart, ToolContent
from muxi.core.record import clean
from muxi.tools.builtin.chart_drawing import Chart, Kind
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool
from muxi.tools.worker import run_in_thread

MANIFEST = ToolManifest(
    name="charts",
    version="1.0.0",
    summary="Draws bar, line, area, scatter, pie and histogram charts as PNG pictures.",
    tools=ChartsTool.functions,
    notes=(
        "The library's own font has Latin, Greek, Cyrillic and Arabic signs; for Chinese, Japanese"
        " and Korean a font such as Noto Sans CJK must be installed."
    ),
)

EXAMPLES: Examples = (
    (
        "Draw a bar chart of apples 3, pears 5 and plums 2",
        {"kind": "bar", "labels": ["apples", "pears", "plums"], "values": [3, 5, 2]},
    ),
    (
        "Plot a line of the sales: Jan 10, Feb 14, Mar 9. Title: Sales",
        {
            "kind": "line",
            "labels": ["Jan", "Feb", "Mar"],
            "values": [10, 14, 9],
            "title": "Sales",
        },
    ),
    (
        "Make a pie of rent 900, food 400, fun 200",
        {"kind": "pie", "labels": ["rent", "food", "fun"], "values": [900, 400, 200]},
    ),
    (
        "Compare north (1, 2) and south (3, 1) in 2024 and 2025 as bars",
        {
            "kind": "bar",
            "labels": ["2024", "2025"],
            "values": {"north": [1, 2], "south": [3, 1]},
        },
    ),
    (
        "Show how 2, 3, 3, 4, 9 are distributed",
        {"kind": "histogram", "values": [2, 3, 3, 4, 9]},
    ),
)

_MAX_VALUES = 5_000
_MAX_SERIES = 12
_MAX_BARS = 300
_MAX_SLICES = 30
_LARGEST = 1e15
_MAX_TEXT = 120
_ARTICLES = {"area": "an"}

Values = Annotated[list[float], Field(min_length=1, max_length=_MAX_VALUES)]
Label = Annotated[str, Field(max_length=1_000)] | float


@tool(
    title="Draw a chart",
    read_only=True,
    destructive=False,
    open_world=False,
    idempotent=True,
    examples=EXAMPLES,
    timeout=60,
)
async def draw_chart(
    kind: Kind,
    values: Values | dict[str, Values],
    labels: Annotated[list[Label], Field(max_length=_MAX_VALUES)] | None = None,
    *,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
) -> list[ToolContent]:
    """Draw a chart of numbers and show it as a picture.

    Args:
        kind: The form of the chart.
        values: The numbers; for several rows of numbers an object of them by name.
        labels: What each number stands for; for a scatter chart the x values.
        title: What stands above the chart.
        x_title: What stands below it.
        y_title: What stands beside it.
    """
    chart = _checked(kind, values, labels or [], [title, x_title, y_title])
    from muxi.tools.builtin.chart_drawing import draw

    data = await run_in_thread(draw, chart)
    name = f"{chart.title or kind}.png".replace("/", "-")
    picture = ImagePart(media_type="image/png", data=data, name=name)
    return [picture, TextPart(text=_told(chart))]


def charts_tools(settings: ChartsTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tool that draws, which has no options."""
    return [draw_chart]


def _checked(
    kind: Kind,
    values: Sequence[float] | Mapping[str, Sequence[float]],
    labels: Sequence[str | float],
    titles: Sequence[str],
) -> Chart:
    """The chart, if it can be drawn. Raises `ToolArgumentsInvalid`."""
    series = dict(values) if isinstance(values, Mapping) else {"": values}
    if not 1 <= len(series) <= _MAX_SERIES:
        raise ToolArgumentsInvalid(f"A chart has 1 to {_MAX_SERIES} rows of numbers.")
    for each in series.values():
        if not all(math.isfinite(value) and abs(value) <= _LARGEST for value in each):
            raise ToolArgumentsInvalid("Numbers must be finite and no larger than 1e15.")
    lengths = {len(each) for each in series.values()}
    if kind != "histogram":
        if len(lengths) > 1:
            raise ToolArgumentsInvalid("All rows of numbers must have the same length.")
        if labels and len(labels) not in lengths:
            raise ToolArgumentsInvalid(
                f"There are {len(labels)} labels for {lengths.pop()} values.",
                hint="Give one label for each value.",
            )
    _check_kind(kind, series, labels)
    texts = [_short(each) for each in titles]
    return Chart(
        kind=kind,
        series={_short(name): each for name, each in series.items()},
        labels=[_short(each if isinstance(each, str) else f"{each:g}") for each in labels],
        title=texts[0],
        x_title=texts[1],
        y_title=texts[2],
    )


def _check_kind(
    kind: Kind, series: Mapping[str, Sequence[float]], labels: Sequence[str | float]
) -> None:
    """What single kinds of charts need besides."""
    if kind == "pie":
        (values, *others) = series.values()
        if others or len(labels) != len(values) or len(values) > _MAX_SLICES:
            raise ToolArgumentsInvalid(
                f"A pie needs one row of at most {_MAX_SLICES} numbers, and a label for each."
            )
        if min(values) < 0 or sum(values) == 0:
            raise ToolArgumentsInvalid("The parts of a pie are above 0.", hint="Draw bars instead.")
    if kind == "bar" and sum(map(len, series.values())) > _MAX_BARS:
        raise ToolArgumentsInvalid(
            f"There can be at most {_MAX_BARS} bars.", hint="Draw a line, or fewer of them."
        )
    if kind == "scatter" and not (labels and all(map(_is_number, labels))):
        raise ToolArgumentsInvalid("A scatter chart needs numbers as labels: the x values.")


def _is_number(label: str | float) -> bool:
    try:
        number = float(label)
    except ValueError:
        return False
    return math.isfinite(number) and abs(number) <= _LARGEST


def _short(text: str) -> str:
    """A text that fits into a chart, on one line."""
    plain = " ".join(clean(text).split())
    printable = "".join(sign for sign in plain if sign.isprintable())
    return f"{printable[:_MAX_TEXT]}…" if len(printable) > _MAX_TEXT else printable


def _told(chart: Chart) -> str:
    """The chart in words, for models that see no pictures."""
    count = sum(len(each) for each in chart.series.values())
    names = ", ".join(name for name in chart.series if name)
    parts = [f"Drew {_ARTICLES.get(chart.kind, 'a')} {chart.kind} chart of {count} values"]
    if chart.title:
        parts.append(f"called {chart.title}")
    if names:
        parts.append(f"for {names}")
    return f"{' '.join(parts)}. The user sees it."
