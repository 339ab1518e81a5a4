"""Whatever somebody sends, by the description of the API or against it: no route breaks.

Schemathesis makes up the requests, also in sequences, and holds the answers to the description.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support.served import served

from muxi.runtime.feed import Feed
from muxi.runtime.streams import Streams
from muxi.server.table import all_operations

HERE = Path(__file__).parent
SETTINGS = HERE / "schemathesis.toml"
PROJECT = """
model: m/m
agents: {a: {tools: [calculator]}}
memory: {embedder: none}
"""


@pytest.fixture
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams end, also those of threads, which have no end."""
    attach = Streams.attach

    def attached(self: Streams, *stream: Any, **options: Any) -> Feed:
        feed = attach(self, *stream, **options)
        asyncio.get_running_loop().call_later(0.3, feed.close)
        return feed

    monkeypatch.setattr(Streams, "attach", attached)


async def _examine(folder: Path, *arguments: str) -> str:
    """What schemathesis says of a server; raises with what it has found."""
    declared: dict[str, Any] = {
        "agents": {"a": {"name": "a", "tools": ["calculator"]}},
        "memory": {"embedder": "none"},
        "server": {"rate_limits": {"address": None}},
    }
    # It may be asked to read its file again.
    (folder / "muxi.yaml").write_text(PROJECT)
    async with served(folder, lambda request: "ok", **declared) as muxi:
        # It waits ten seconds for the description, which is made when it is first asked for.
        async with muxi.http.get(f"{muxi.url}/openapi.json") as description:
            assert description.status == 200
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={SETTINGS}",
            "run",
            f"{muxi.url}/openapi.json",
            f"--header=Authorization: Bearer {muxi.runtime.state.token()}",
            "--generation-deterministic",
            "--no-color",
            *arguments,
            cwd=folder,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "made_up", "PYTHONPATH": str(HERE)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        report = told.decode(errors="replace")
        assert process.returncode == 0, report[-20_000:]
        return report


@pytest.mark.ci
@pytest.mark.usefixtures("short_streams")
async def test_no_request_breaks_a_route(tmp_path: Path) -> None:
    report = await _examine(tmp_path, "--phases=examples,fuzzing", "--max-examples=1")
    tested = re.search(r"Tested: (\d+)", report)
    # All but those who only ask what can be asked.
    asked = [each for each in all_operations() if each.method != "OPTIONS"]
    assert tested is not None
    assert int(tested[1]) >= len(asked), report[-5_000:]


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
@pytest.mark.usefixtures("short_streams")
async def test_no_request_and_no_sequence_of_requests_breaks_a_route(tmp_path: Path) -> None:
    await _examine(tmp_path, "--phases=examples,coverage,fuzzing,stateful", "--max-examples=100")
