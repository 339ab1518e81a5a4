"""The disk is full in the middle of an answer: it is told, and nothing that was stored is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.served import Served, served

from muxi.core.errors import StorageFull
from muxi.core.events import RunCompleted
from muxi.core.messages import TextPart
from muxi.models.scripted import Gate, Reply
from muxi.runtime import attempt
from muxi.runtime.principal import LOCAL


async def _limit_pages(muxi: Served, pages: int) -> None:
    """Let the file grow no further than this; SQLite never goes below what it has."""
    sql = f"PRAGMA max_page_count={pages}"
    await muxi.runtime.database.write(LOCAL, lambda tx: tx.raw(sql))


async def test_a_full_disk_ends_the_run_with_words_and_the_thread_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "_PATIENCE", 0.2)
    gate = Gate()
    long = Reply(parts=[TextPart(text="begin " + "x" * 300_000)], between=gate.wait)
    async with served(tmp_path, [long, "Room again."]) as muxi:
        body = {"input": "Talk"}
        async with muxi.http.post(f"{muxi.url}/api/runs/stream", json=body) as response:
            thread = response.headers["X-Thread-Id"]
            await _limit_pages(muxi, 1)
            gate.open(5)
            told = await response.read()
        assert b'"status":"failed"' in told
        assert b"storage_full" in told
        with pytest.raises(StorageFull, match="full"):
            await muxi.client.start_run("y" * 300_000)
        assert (await muxi.client.messages(thread))[0].text == "Talk"
        await _limit_pages(muxi, 1_000_000)
        _, events = await muxi.answer("Now?", thread_id=thread)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "Room again."
