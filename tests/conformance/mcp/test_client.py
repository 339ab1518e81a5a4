"""The client legs of the official conformance suite, through muxi's own connections and logins."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import pytest
from support.installed import CACHE

from muxi.devkit.conformance import Revision, Suite

DRIVER = Path(__file__).with_name("client_driver.py")
FLOOR = json.loads(Path(__file__).with_name("sdk_client.json").read_text())
"""The checks that hold for the driver of the SDK (mcp 2.3.0, python-sdk 57394b05), by revision."""

NOT_OFFERED = {
    "request-metadata: sep-2575-client-declares-roots-capability",
    "request-metadata: sep-2575-client-declares-sampling-capability",
}
"""Skipped for a client that does not offer roots and sampling, both of them deprecated."""

pytestmark = [pytest.mark.ci, pytest.mark.timeout(900)]


@pytest.mark.parametrize("revision", get_args(Revision))
async def test_every_required_check_of_a_client_holds_and_none_that_holds_for_the_sdk_fails(
    revision: Revision,
) -> None:
    suite = Suite.ensure(CACHE)
    # One scenario at a time: begun together they starve each other on a small machine.
    scenarios = await suite.required("client", revision)
    report = await suite.client(f"{sys.executable} {DRIVER}", revision, scenarios=scenarios)
    assert [f"{check.scenario}: {check.id}: {check.message}" for check in report.failed] == []
    assert report.silent == []
    assert set(report.missing(FLOOR[revision])) <= NOT_OFFERED
    assert len(report.passed) >= sum(len(checks) for checks in FLOOR[revision].values())
