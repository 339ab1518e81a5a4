"""The scenarios of the tasks extension, served by muxi's own handlers."""

from __future__ import annotations

import pytest
from support.installed import CACHE
from support.long_calls import serving_long_calls

from muxi.devkit.conformance import Suite

pytestmark = pytest.mark.ci

SCORED = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
)
"""All but `tasks-status-notifications`, in which the suite looks at nothing yet."""


async def test_every_scored_scenario_of_the_tasks_extension_passes() -> None:
    async with serving_long_calls() as served:
        report = await Suite.ensure(CACHE).server(served.url, "2026-07-28", scenarios=SCORED)
    assert [f"{check.scenario}: {check.id}: {check.message}" for check in report.failed] == []
    assert report.silent == []
