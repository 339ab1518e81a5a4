"""What a check found: one outcome for each thing that was looked at. Made by `devkit`'s checks.

Everything in it may be shown: whoever makes an outcome has masked the secrets in its words.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from muxi.core.record import Record
from muxi.core.version import __version__

Severity = Literal["error", "warning", "note"]
"""An `error` breaks clients or harms users; a `warning` makes a server worse; a `note` advises."""
Status = Literal["passed", "failed", "skipped"]


class Outcome(Record):
    """One thing that was looked at."""

    name: str
    """Of the case or the rule."""
    group: str = ""
    """Where it was looked at, such as `stdio 2026-07-28`, or what the rule is about."""
    status: Status = "passed"
    severity: Severity = "error"
    where: str = ""
    """The place in the server, such as `tool add, inputSchema.properties.a`."""
    message: str = ""
    """What was found."""
    fix: str = ""
    """What to do about it."""
    reproduce: str = ""
    """One line that shows it again."""
    file: str | None = None
    """The file at fault, where one is."""
    line: int | None = None
    seconds: float | None = None


class Latency(Record):
    """How long the answers to one kind of request took, in milliseconds."""

    subject: str
    """The request, such as `call add`."""
    group: str
    calls: int
    p50: float
    p90: float
    p95: float
    p99: float
    slowest: float


class Report(Record):
    """All that one check found."""

    check: str
    """The command, such as `test`."""
    target: str
    tool: str = f"muxi {__version__}"
    server: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Name and version, as the server says."""
    outcomes: list[Outcome] = Field(default_factory=list[Outcome])
    latency: list[Latency] = Field(default_factory=list[Latency])
    facts: dict[str, Any] = Field(default_factory=dict[str, Any])
    """What else is worth keeping: the seed of a fuzz, the version of a suite."""

    def failed(self, *severities: Severity) -> list[Outcome]:
        """The outcomes that failed, of these severities; of any where none is named."""
        wanted = severities or ("error", "warning", "note")
        return [o for o in self.outcomes if o.status == "failed" and o.severity in wanted]

    @property
    def passed(self) -> int:
        """How many outcomes passed."""
        return sum(outcome.status == "passed" for outcome in self.outcomes)


def latency(subject: str, group: str, seconds: list[float]) -> Latency:
    """The percentiles of some durations, of which there is at least one."""
    ordered = sorted(each * 1000 for each in seconds)

    def at(share: float) -> float:
        # The nearest rank: every figure is a duration that was really seen.
        return round(ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)], 3)

    return Latency(
        subject=subject,
        group=group,
        calls=len(ordered),
        p50=at(0.5),
        p90=at(0.9),
        p95=at(0.95),
        p99=at(0.99),
        slowest=round(ordered[-1], 3),
    )
