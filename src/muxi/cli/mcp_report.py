"""A report of the kit in the forms that were asked for. Used by the commands that check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from muxi.cli import output

if TYPE_CHECKING:
    from muxi.devkit.reports.report import Outcome, Report

_MARKS = {"passed": "✓", "skipped": "-"}
_LEVELS = {"error": "✗", "warning": "!", "note": "·"}


def show(
    report: Report,
    *,
    json: bool,
    junit: Path | None = None,
    sarif: Path | None = None,
    rules: dict[str, dict[str, str]] | None = None,
    failures: bool = False,
) -> None:
    """Words or JSON to standard output, and the files that are named.

    Args:
        report: What was found.
        json: Whether JSON is wanted instead of words.
        junit: Where to write JUnit XML.
        sarif: Where to write SARIF.
        rules: What SARIF tells of the rules.
        failures: Whether only what failed is put into words.
    """
    if junit is not None:
        from muxi.devkit.reports.junit import junit as as_junit

        junit.write_text(as_junit(report), encoding="utf-8")
    if sarif is not None:
        from muxi.devkit.reports.sarif import sarif as as_sarif

        sarif.write_text(as_sarif(report, rules), encoding="utf-8")
    if json:
        output.as_json(report.model_dump(mode="json", exclude_none=True))
        return
    for outcome in report.failed() if failures else report.outcomes:
        _show(outcome)
    _show_latency(report)
    _show_sum(report)


def _show(outcome: Outcome) -> None:
    mark = _MARKS.get(outcome.status) or _LEVELS[outcome.severity]
    place = f"  {outcome.where}" if outcome.where else ""
    group = f"  [{outcome.group}]" if outcome.group else ""
    output.line(f"{mark} {outcome.name}{group}{place}")
    parts = [outcome.message] if outcome.message else []
    if outcome.status == "failed":
        parts += [f"fix: {outcome.fix}"] if outcome.fix else []
        parts += [f"again: {outcome.reproduce}"] if outcome.reproduce else []
        if outcome.file is not None:
            parts.append(f"in {outcome.file}" + (f":{outcome.line}" if outcome.line else ""))
    for part in parts:
        for line in part.splitlines():
            output.line(f"    {line}")


def _show_latency(report: Report) -> None:
    if not report.latency:
        return
    headings = ("milliseconds of", "over", "calls", "p50", "p90", "p95", "p99", "slowest")
    rows = [
        (
            each.subject,
            each.group,
            str(each.calls),
            *(f"{value:.1f}" for value in (each.p50, each.p90, each.p95, each.p99, each.slowest)),
        )
        for each in report.latency
    ]
    output.line("")
    output.table(headings, rows)


def _show_sum(report: Report) -> None:
    words = [f"{report.passed} passed"]
    words += [
        f"{len(found)} {name}"
        for name in ("error", "warning", "note")
        if (found := report.failed(name))
    ]
    skipped = sum(outcome.status == "skipped" for outcome in report.outcomes)
    words += [f"{skipped} skipped"] if skipped else []
    output.say(f"{report.target}: {', '.join(words)}.")
