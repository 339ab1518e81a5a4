"""`muxi bench server`: that it measures what it says, on any machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from muxi.cli.bench import command
from muxi.cli.bench.command import app
from muxi.cli.bench.figures import GOALS, Options, full, goal
from muxi.cli.bench.parts import PARTS, interpreters
from muxi.cli.bench.peers import PEERS
from muxi.cli.bench.report import Report
from muxi.core.errors import MuxiError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.ci
def test_loads_are_measured_beside_a_peer_and_nothing_fails(tmp_path: Path) -> None:
    sizes = ["--sockets=20", "--seconds=0.2", "--connections=300", "--threads=20", "--runs=60"]
    parts = [f"--only={part}" for part in ("turns", "sockets", "flood", "lists")]
    page = tmp_path / "page.md"
    asked = ["server", *sizes, *parts, "--peer=plain", f"--report={page}", "--json"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    of_muxi = [servers["muxi"] for servers in found.values() if "muxi" in servers]
    assert {
        figures.get(name, 0) for figures in of_muxi for name in ("failed", "missing", "unaudited")
    } == {0}
    assert set(found["turns, 32 at once"]) == {"muxi", "plain"}
    assert found["turns, 32 at once"]["plain"]["turns/s"] > 0
    assert "rss KiB each" in found["20 idle WebSockets"]["muxi"]
    assert sum(load.startswith("lists of 20 threads of 60 runs") for load in found) == 9
    (flood,) = (found[load]["muxi"] for load in found if load.startswith("300 connections"))
    assert flood["turns of others"] > 0
    assert flood["answered"] == 100
    text = page.read_text(encoding="utf-8")
    assert "| cpu ms each | ≤ 1.60 |" in text
    assert "starlette" in text


def test_a_part_that_does_not_exist_is_named() -> None:
    done = CliRunner().invoke(app, ["server", "--only", "nothing"])
    assert done.exit_code == 2
    assert "There is no part" in done.output


def test_a_peer_needs_a_program_and_an_interpreter() -> None:
    assert interpreters(["plain"]) == {"plain": sys.executable}
    assert interpreters([f"agno={sys.executable}"]) == {"agno": sys.executable}
    with pytest.raises(MuxiError, match="no peer 'crewai': plain, agno"):
        interpreters(["crewai"])
    with pytest.raises(MuxiError, match="There is no /nowhere/python"):
        interpreters(["agno=/nowhere/python"])
    assert all(peer.program.exists() for peer in PEERS.values())


def test_the_help_names_all_parts_and_peers() -> None:
    assert list(command._PARTS) == list(PARTS)
    assert list(command._PEERS) == list(PEERS)


def test_goals_are_of_loads_that_are_measured_in_full() -> None:
    sizes = full(Options())
    names = {load for load, _ in GOALS}
    assert f"{sizes.sockets:,} idle WebSockets" in names
    assert f"{sizes.streams:,} streams of 10 words a second" in names
    assert f"{sizes.turns:,} turns in flight for 40 s" in names
    assert goal("turns, 32 at once", "failed") == 0
    assert goal("lists of 10,000 threads of 1,000 runs: runs", "p95 ms") == 50
    assert goal("turns, 32 at once", "turns/s") is None


def test_a_page_gets_a_chapter_for_each_measurement(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    first = Report(page, "muxi bench server", {})
    first.add({"turns, 32 at once": {"muxi": {"p99 ms": 61.25, "failed": 0.0}}})
    second = Report(page, "again", {"plain": sys.executable})
    second.add({"a load": {"muxi": {"x": 1.5}, "plain": {"x": 1234.5, "y": 2.0}}})
    text = page.read_text(encoding="utf-8")
    assert text.count("# The server under load") == 1
    assert text.count(" UTC: muxi") == 2
    assert "| p99 ms | ≤ 100 | 61.2 |" in text
    assert "| failed | ≤ 0 | 0 |" in text
    assert "| x |  | 1.50 | 1,234 |" in text
    assert "| y |  |  | 2 |" in text
    assert "uvicorn" in text
