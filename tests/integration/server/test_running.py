"""A server as those who run it see it: is it ready, and what does it write of its work."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from support.front_ends import front

from muxi.runtime import readiness
from muxi.runtime.principal import LOCAL
from muxi.telemetry.logs import set_up_logs


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the log holds, as JSON."""
    stream = StringIO()
    handler = set_up_logs(logging.INFO, as_json=True, stream=stream)
    yield stream
    for name in ("muxi", "uvicorn"):
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


async def test_a_server_whose_loop_is_held_up_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_LATEST", 0.2)
    free = asyncio.Event()

    async def hog() -> None:
        while not free.is_set():
            time.sleep(0.4)  # noqa: ASYNC251 -- just this must be found
            await asyncio.sleep(0)

    async with front(tmp_path) as (muxi, _):
        hogging = asyncio.create_task(hog())
        response = await muxi.http.get(f"{muxi.url}/readyz")
        free.set()
        await hogging
        assert response.status == 503
        told = await response.json()
        assert told["code"] == "server_unavailable"
        assert "held up" in told["detail"]


async def test_a_server_whose_database_is_stuck_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_PATIENCE", 0.2)
    held, free = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Any) -> None:
        loop.call_soon_threadsafe(held.set)
        free.wait(30)

    async with front(tmp_path) as (muxi, _):
        holding = asyncio.create_task(muxi.runtime.database.write(LOCAL, hold))
        await asyncio.wait_for(held.wait(), 30)
        response = await muxi.http.get(f"{muxi.url}/readyz")
        free.set()
        await holding
        assert (response.status, (await response.json())["code"]) == (503, "storage_unavailable")
        monkeypatch.setattr(readiness, "_PATIENCE", 30)
        assert (await muxi.http.get(f"{muxi.url}/readyz")).status == 200


async def test_every_request_is_a_line_where_that_is_wanted(
    tmp_path: Path, written: StringIO
) -> None:
    async with front(tmp_path, server={"logs": {"requests": True}}) as (muxi, _):
        headers = {"X-Request-Id": "mine-1"}
        await muxi.http.get(f"{muxi.url}/api/runs/none?secret=hidden", headers=headers)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (line,) = [each for each in lines if each.get("path") == "/api/runs/none"]
    assert (line["method"], line["status"], line["logger"]) == ("GET", 422, "muxi.requests")
    assert line["request_id"] == "mine-1"
    assert line["milliseconds"] >= 0
    assert "hidden" not in written.getvalue()


async def test_requests_are_not_written_unless_wanted(tmp_path: Path, written: StringIO) -> None:
    async with front(tmp_path) as (muxi, _):
        await muxi.http.get(f"{muxi.url}/healthz")
    assert "/healthz" not in written.getvalue()
