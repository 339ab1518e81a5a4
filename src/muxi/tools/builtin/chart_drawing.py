"""Draws one chart as a PNG, with matplotlib. Called by the tool `draw_chart`, in a worker thread.

It reads no text as a formula, and draws one chart at a time: the library is not made for threads.
"""

from __future__ import annotations

import io
import textwrap
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

Kind = Literal["bar", "line", "area", "scatter", "pie", "histogram"]

_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555"),
)
"""The palette of Okabe and Ito, which people with all kinds of colour vision can tell apart."""
_FONTS = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans"),
    *("Microsoft YaHei", "WenQuanYi Zen Hei", "Noto Sans", "Noto Sans Arabic", "Arial Unicode MS"),
)
"""The first comes with the library; the others are used for signs that it lacks, if installed."""
_SIZE = (8.0, 5.0)
_DOTS = 120
_MAX_SHOWN_LABELS = 30
_drawing = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn."""

    kind: Kind
    series: Mapping[str, Sequence[float]]
    """Values by the name of what they belong to; the name is empty if there is one only."""
    labels: Sequence[str] = ()
    """What the values stand for, in their order: names, or numbers for a scatter chart."""
    title: str = ""
    x_title: str = ""
    y_title: str = ""


def draw(chart: Chart) -> bytes:
    """The chart as a PNG of 960 by 600 dots."""
    import matplotlib as library
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings = {"font.family": _fonts(), "text.parse_math": False}
    with _drawing, cast("Any", library).rc_context(settings), warnings.catch_warnings():
        # Signs that no font has are drawn as boxes; whoever looks sees that.
        warnings.simplefilter("ignore")
        figure: Any = Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes: Any = figure.subplots()
        axes.set_prop_cycle(color=_COLOURS)
        if chart.kind == "pie":
            _pie(axes, chart)
        else:
            _axes(axes, chart)
        if chart.title:
            axes.set_title("\n".join(textwrap.wrap(chart.title, 70)))
        data = io.BytesIO()
        canvas.print_png(data, metadata={"Software": None})
    return data.getvalue()


def _axes(axes: Any, chart: Chart) -> None:
    _DRAWERS[chart.kind](axes, chart)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel(chart.x_title)
    axes.set_ylabel(chart.y_title)
    if len(chart.series) > 1:
        axes.legend()


def _bars(axes: Any, chart: Chart) -> None:
    width = 0.8 / len(chart.series)
    for at, (name, values) in enumerate(chart.series.items()):
        places = [each - 0.4 + width * (at + 0.5) for each in range(len(values))]
        axes.bar(places, values, width, label=name)
    _name_places(axes, chart)


def _lines(axes: Any, chart: Chart) -> None:
    for name, values in chart.series.items():
        marker = "o" if len(values) <= _MAX_SHOWN_LABELS else None
        axes.plot(range(len(values)), values, marker=marker, label=name)
    _name_places(axes, chart)


def _areas(axes: Any, chart: Chart) -> None:
    values = list(chart.series.values())
    axes.stackplot(range(len(values[0])), *values, labels=list(chart.series), alpha=0.8)
    _name_places(axes, chart)


def _scatter(axes: Any, chart: Chart) -> None:
    for name, values in chart.series.items():
        axes.scatter([float(label) for label in chart.labels], values, label=name, alpha=0.8)


def _histogram(axes: Any, chart: Chart) -> None:
    axes.hist(list(chart.series.values()), label=list(chart.series), bins="sturges", rwidth=0.9)


_DRAWERS: Mapping[str, Any] = {
    "bar": _bars,
    "line": _lines,
    "area": _areas,
    "scatter": _scatter,
    "histogram": _histogram,
}


def _pie(axes: Any, chart: Chart) -> None:
    (values,) = chart.series.values()
    drawn = axes.pie(values, startangle=90, counterclock=False, wedgeprops={"edgecolor": "white"})
    total = sum(values)
    names = [
        f"{label} ({value / total:.0%})" for label, value in zip(chart.labels, values, strict=True)
    ]
    axes.legend(drawn[0], names, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _name_places(axes: Any, chart: Chart) -> None:
    """Write the labels below, at most so many that they can be read."""
    if not chart.labels:
        return
    step = -(-len(chart.labels) // _MAX_SHOWN_LABELS)
    places = range(0, len(chart.labels), step)
    crowded = sum(len(chart.labels[at]) for at in places) > 80
    axes.set_xticks(
        places,
        [chart.labels[at] for at in places],
        rotation=45 if crowded else 0,
        ha="right" if crowded else "center",
    )


@cache
def _fonts() -> list[str]:
    """The fonts that are there, the library's own first."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return [name for name in _FONTS if name in there]
