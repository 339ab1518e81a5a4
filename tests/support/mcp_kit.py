"""Runs the kit for tests: judges a server, and gives the ids of the rules that it breaks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muxi.devkit.reports.report import Report
from muxi.devkit.target import Target, Transport, parse_target
from muxi.devkit.validation import validate

BAD_SERVERS = Path(__file__).parent / "bad_servers"


def program(file: Path) -> Target:
    """A server that is a program of Python."""
    return parse_target([sys.executable, str(file)])


def judged(target: Target, transport: Transport | None = None) -> Report:
    """What the rules say of a server."""
    return asyncio.run(validate(target, transport, patience=20.0))


def broken(report: Report) -> set[str]:
    """The rules of severity error or warning that are broken."""
    return {outcome.name for outcome in report.failed("error", "warning")}
