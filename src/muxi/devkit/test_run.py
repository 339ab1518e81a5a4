"""All that `muxi mcp test` does: cases, snapshots and fuzz, gathered in one report.

Called by the command; the pytest plugin runs the same cases one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from muxi.core.errors import ServerTooSlow
from muxi.devkit.case_run import Visit, Way, report_of, ways_of, with_env
from muxi.devkit.cases import Revision, Suite, load_suite
from muxi.devkit.named_servers import CASES_FILE
from muxi.devkit.reports.report import Report
from muxi.devkit.target import Target, Transport

if TYPE_CHECKING:
    from muxi.devkit.fuzz import FuzzOptions

SNAPSHOT_FILE = "tests.snapshot.json"


@dataclass(frozen=True, slots=True)
class TestOptions:
    """What is tested, and how."""

    __test__ = False  # pytest would take it for a test

    transports: Sequence[Transport] = ()
    revisions: Sequence[Revision] = ()
    repeat: int = 1
    snapshot: Literal["off", "compare", "update"] = "off"
    fuzz: FuzzOptions | None = None


def suite_in(folder: Path | None) -> tuple[Suite, Path]:
    """The cases in a server's folder, and their file; no cases where it has none.

    Raises:
        ConfigError: The file has mistakes.
    """
    file = (folder or Path()).absolute() / CASES_FILE
    if folder is None or not file.is_file():
        return Suite(), file
    return load_suite(file), file


def run_tests(target: Target, suite: Suite, file: Path, options: TestOptions) -> Report:
    """Run every case in every way, then compare with what was recorded and fuzz, if asked to.

    Raises:
        InvalidInput: A way is not possible, or the recorded answers cannot be read.
    """
    ways = ways_of(target, suite, options.transports, options.revisions)
    report, visits = asyncio.run(report_of(target, suite, ways, repeat=options.repeat))
    if options.snapshot != "off":
        from muxi.devkit.snapshots import Snapshots

        kept = file.with_name(SNAPSHOT_FILE)
        snapshots = Snapshots(kept, update=options.snapshot == "update")
        for visit in visits:
            report.outcomes += snapshots.compare(visit)
        report.facts["recorded"] = snapshots.save()
    _note_unreachable(report, ways, visits)
    if options.fuzz is not None and "unreachable" not in report.facts:
        from muxi.devkit.fuzz import fuzz

        # One way is enough for what a tool does with its arguments: a process of its own may die.
        way = next((each for each in reversed(ways) if each.transport != "memory"), ways[-1])
        tried = fuzz(with_env(target, suite), way, options.fuzz)
        report.outcomes += tried.outcomes
        report.facts["fuzz"] = tried.facts
    return report


def _note_unreachable(report: Report, ways: Sequence[Way], visits: Sequence[Visit]) -> None:
    """Tell apart a server that fails its cases from one that cannot be tested at all."""
    errors = [visit.unreachable for visit in visits if visit.unreachable is not None]
    if len(errors) == len(ways):
        slow = all(isinstance(error, ServerTooSlow) for error in errors)
        report.facts["unreachable"] = "too slow" if slow else "cannot start"
