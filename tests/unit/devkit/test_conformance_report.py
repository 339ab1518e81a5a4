from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muxi.core.errors import ServerUnavailable
from muxi.devkit.conformance import Check, Report, Suite
from muxi.devkit.node import Node


def check(scenario: str, name: str, status: Any = "success", *, required: bool = True) -> Check:
    return Check(scenario=scenario, id=name, status=status, required=required)


def report(*checks: Check, expected: tuple[str, ...] = ("ping",)) -> Report:
    return Report(
        role="server", revision="2026-07-28", checks=list(checks), expected=list(expected)
    )


def test_a_report_in_which_all_required_checks_hold_is_good() -> None:
    found = report(check("ping", "ping"), check("tasks", "tasks", "failure", required=False))

    assert found.ok
    assert [each.id for each in found.passed] == ["ping"]


def test_a_failed_required_check_spoils_the_report() -> None:
    found = report(check("ping", "ping"), check("ping", "pong", "failure"))

    assert not found.ok
    assert [each.id for each in found.failed] == ["pong"]


@pytest.mark.parametrize(
    "checks",
    [
        (),
        (check("ping", "wire-schema-valid"),),
        (check("ping", "ping", "skipped"), check("ping", "info", "info")),
        (check("ping", "ping", "warning"),),
    ],
)
def test_a_scenario_in_which_nothing_was_shown_does_not_count_as_passed(
    checks: tuple[Check, ...],
) -> None:
    found = report(*checks)

    assert found.silent == ["ping"]
    assert not found.ok


def test_reports_are_compared_by_the_ids_of_their_checks_and_not_by_totals() -> None:
    mine = report(check("ping", "a"), check("ping", "b"), check("ping", "b"))
    theirs = report(check("ping", "a"), check("ping", "c"), check("ping", "b"))

    assert len(mine.passed) == len(theirs.passed)
    assert mine.missing(theirs.ids()) == ["ping: c"]
    assert theirs.missing(mine.ids()) == ["ping: b"]


async def test_a_dead_server_is_refused_before_any_check_can_pass(unused_tcp_port: int) -> None:
    suite = Suite(Node(Path("/nonexistent"), "24.0.0", ()), Path("/nonexistent"))

    with pytest.raises(ServerUnavailable, match="No server of MCP answers"):
        await suite.server(f"http://127.0.0.1:{unused_tcp_port}/mcp", "2026-07-28")
