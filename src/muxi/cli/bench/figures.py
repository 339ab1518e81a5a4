"""Figures of a measurement: by load, then by whose server, then by name. Made by every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

Figures = dict[str, float]
Found = dict[str, Figures]
"""Figures of one server, by load."""

MUXI: Final = "muxi"

GOALS: Final[dict[tuple[str, str], float]] = {
    ("turns, 32 at once", "cpu ms each"): 1.6,
    ("turns, 32 at once", "p99 ms"): 100,
    ("turns, 128 at once", "p99 ms"): 350,
    ("turns of 200 words at once, 8 side by side", "cpu ms each"): 7,
    ("500 turns in flight for 40 s", "rss KiB each"): 40,
    ("10,000 idle WebSockets", "rss KiB each"): 24,
    ("one event to 1,000 WebSockets", "cpu us each"): 8,
    ("1,000 streams of 10 words a second", "late ms p99"): 250,
    ("1,000 streams of 50 words a second, gathered for 50 ms", "late ms p99"): 250,
}
"""What muxi is to stay below on two cores. Nothing may fail anywhere."""
_NEVER: Final = {"failed", "missing", "unaudited"}
_LISTS_P95_MS: Final = 50.0


def goal(load: str, figure: str) -> float | None:
    """What a figure is to stay at or below."""
    if figure in _NEVER:
        return 0.0
    if load.startswith("lists of") and figure == "p95 ms":
        return _LISTS_P95_MS
    return GOALS.get((load, figure))


@dataclass(slots=True, kw_only=True)
class Options:
    """How much is measured."""

    seconds: float = 5.0
    """Of each load."""
    sockets: int = 1_000
    streams: int = 200
    turns: int = 500
    connections: int = 10_000
    """Of a flood from one address."""
    threads: int = 100
    runs: int = 100
    """Of each thread, in lists."""
    memory: bool = False
    """Whether muxi has long-term memory."""
    told: Callable[[str], None] = lambda text: None


def full(options: Options) -> Options:
    """As large as the goals are meant."""
    return replace(
        options,
        sockets=10_000,
        streams=1_000,
        turns=500,
        connections=100_000,
        threads=10_000,
        runs=1_000,
    )
