"""Threads are trees: nothing is said past an open question unless it is a fork, and forks stay."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from support.served import Served, served

from muxi.core.errors import Conflict
from muxi.core.events import ApprovalDecision, RunCompleted, RunSuspended
from muxi.core.threads import Run
from muxi.models.scripted import Script, call
from muxi.runtime.principal import LOCAL
from muxi.storage import runs

AGENTS = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
PAY = call("pay", amount=5)
YES = ApprovalDecision(decision="approve")


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def _serve(folder: Path, script: Script) -> AbstractAsyncContextManager[Served]:
    return served(folder, script, tools={"pay": pay}, agents=AGENTS)


async def _asked(muxi: Served, thread_id: str | None = None) -> tuple[Run, str]:
    """A run that waits, and the id of its question."""
    run = await muxi.client.start_run("Pay five", thread_id=thread_id)
    last = (await muxi.follow(run.id))[-1]
    assert isinstance(last, RunSuspended)
    return run, last.approvals[0].id


async def _said(muxi: Served, thread_id: str) -> list[str]:
    return [m.text for m in await muxi.client.messages(thread_id) if m.role != "tool"]


async def test_nothing_is_said_past_an_open_question(tmp_path: Path) -> None:
    async with _serve(tmp_path, [PAY, "Paid.", "Hello."]) as muxi:
        run, question = await _asked(muxi)
        before = await muxi.client.messages(run.thread_id)
        with pytest.raises(Conflict, match="waits for a person") as refused:
            await muxi.client.start_run("Hello?", thread_id=run.thread_id)
        assert refused.value.details["run_id"] == run.id
        assert run.id in (refused.value.hint or "")
        assert "parent_id" in (refused.value.hint or "")
        assert await muxi.client.messages(run.thread_id) == before
        assert len((await muxi.client.runs(thread_id=run.thread_id)).items) == 1
        await muxi.client.resolve(question, YES)
        await muxi.follow(run.id)
        _, events = await muxi.answer("Hello?", thread_id=run.thread_id)
        assert isinstance(events[-1], RunCompleted)
        assert await _said(muxi, run.thread_id) == ["Pay five", "", "Paid.", "Hello?", "Hello."]


async def test_nothing_is_said_past_a_run_that_a_successor_is_to_continue(tmp_path: Path) -> None:
    async with _serve(tmp_path, [PAY]) as muxi:
        run, _ = await _asked(muxi)
        queue = partial(runs.set_status, run_id=run.id, status="queued")
        await muxi.runtime.database.write(LOCAL, queue)
        with pytest.raises(Conflict, match="still at work") as refused:
            await muxi.client.start_run("Hello?", thread_id=run.thread_id)
        assert refused.value.details["run_id"] == run.id


async def test_a_fork_keeps_the_thread_when_the_older_run_goes_on(tmp_path: Path) -> None:
    script = ["Hi.", PAY, "Instead of that.", "And on.", "Paid.", "Still here."]
    async with _serve(tmp_path, script) as muxi:
        thread, _ = await muxi.answer("First")
        root = (await muxi.client.messages(thread))[-1].id
        older, question = await _asked(muxi, thread)
        await muxi.answer("Instead", thread_id=thread, parent_id=root)
        # The fork is the thread's path now, on which nothing is open.
        await muxi.answer("Further", thread_id=thread)
        branch = ["First", "Hi.", "Instead", "Instead of that.", "Further", "And on."]
        assert await _said(muxi, thread) == branch
        await muxi.client.resolve(question, YES)
        end = (await muxi.follow(older.id))[-1]
        assert isinstance(end, RunCompleted)
        assert end.text == "Paid."
        assert await _said(muxi, thread) == branch
        await muxi.answer("And now?", thread_id=thread)
        assert await _said(muxi, thread) == [*branch, "And now?", "Still here."]
