"""The server legs of the official conformance suite, against what muxi serves its projects with."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import mcp_types as types
import pytest
from support.installed import CACHE, OUTPUT
from support.served import project

from muxi.devkit.conformance import ANY_SERVER, Report, Revision, Suite
from muxi.models.scripted import ScriptedModel
from muxi.runtime.build import open_runtime
from muxi.server.mcp.endpoint import Endpoint
from muxi.server.mcp.host import Host
from muxi.server.serve import serving
from tests.conformance.mcp.fixture import FixtureSurface

FLOOR = json.loads(Path(__file__).with_name("sdk_server.json").read_text())
"""The checks that hold for the everything-server of the SDK (mcp 2.3.0, python-sdk 57394b05)."""

pytestmark = pytest.mark.ci


def fixture() -> Endpoint:
    info = types.Implementation(name="fixture", version="1.0.0")
    return Endpoint(lambda: Host(FixtureSurface(), info, key=b"k" * 32))


@asynccontextmanager
async def served(folder: Path, mcp: Endpoint | None) -> AsyncGenerator[tuple[str, dict[str, str]]]:
    """Where a server of muxi answers, and the credentials that it wants."""
    runtime = await open_runtime(project(folder), models={"m/m": ScriptedModel("Hello.")})
    try:
        async with serving(runtime, port=0, mcp=mcp) as server:
            credentials = {"Authorization": f"Bearer {runtime.state.token()}"}
            yield f"{server.url}/mcp", credentials
    finally:
        await runtime.close()


def faults(report: Report) -> list[str]:
    return [f"{check.scenario}: {check.id}: {check.message}" for check in report.failed]


@pytest.mark.parametrize("revision", get_args(Revision))
async def test_every_required_check_of_a_server_holds_and_none_that_holds_for_the_sdk_fails(
    tmp_path: Path, revision: Revision
) -> None:
    async with served(tmp_path, fixture()) as (url, credentials):
        report = await Suite.ensure(CACHE).server(
            url, revision, headers=credentials, keep=OUTPUT / f"server-{revision}"
        )
    assert faults(report) == []
    assert report.silent == []
    assert report.missing(FLOOR[revision]) == []


@pytest.mark.parametrize("revision", get_args(Revision))
async def test_a_project_passes_the_scenarios_that_ask_for_no_fixture(
    tmp_path: Path, revision: Revision
) -> None:
    async with served(tmp_path, None) as (url, credentials):
        report = await Suite.ensure(CACHE).server(
            url, revision, headers=credentials, scenarios=ANY_SERVER[revision]
        )
    assert faults(report) == []
    assert report.silent == []
