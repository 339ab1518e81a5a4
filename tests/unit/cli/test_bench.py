"""`muxi bench server`: that it measures what it says, on any machine."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from muxi.cli.bench.command import app

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.ci
@pytest.mark.timeout(240)
def test_turns_and_sockets_are_measured_and_nothing_fails() -> None:
    sizes = ["--sockets", "50", "--seconds", "0.3"]
    parts = [f"--only={part}" for part in ("turns", "sockets")]
    done = CliRunner().invoke(app, ["server", *sizes, *parts, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {figures.get("failed", 0) for figures in found.values()} == {0}
    assert found["32 at once"]["turns/s"] > 0
    assert found["50 idle"]["rss KiB each"] < 1000


def test_a_part_that_does_not_exist_is_named() -> None:
    done = CliRunner().invoke(app, ["server", "--only", "nothing"])
    assert done.exit_code == 2
    assert "There is no part" in done.output
