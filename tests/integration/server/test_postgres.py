"""The same server on PostgreSQL, where other nodes may be at work."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from support.postgres import PostgresAddress
from support.served import served

from muxi.core.errors import Conflict
from muxi.core.events import ApprovalDecision, RunCompleted, RunSuspended
from muxi.core.messages import TextPart, ToolCallPart
from muxi.core.requests import ModelRequest
from muxi.core.threads import Run
from muxi.models.scripted import Gate, Reply, ScriptedModel, call
from muxi.runtime import recovery
from muxi.runtime.principal import LOCAL
from muxi.storage import leases, runs


def _storage(address: PostgresAddress) -> dict[str, str]:
    return {"url": address.url, "owner_url": address.owner_url}


async def test_a_conversation_is_stored_and_found_again(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = _storage(postgres_database)
    async with served(tmp_path / "a", ["One. a\0b"], storage=storage) as muxi:
        thread, events = await muxi.answer("First a\0b")
        assert isinstance(events[-1], RunCompleted)
    model = ScriptedModel(["Two."])
    async with served(tmp_path / "b", model, storage=storage) as muxi:
        await muxi.answer("Second", thread_id=thread)
        said = [message.text for message in model.requests[-1].messages]
        assert said == ["First a\0b", "One. a\0b", "Second"]


async def test_a_question_is_answered_at_another_node(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = _storage(postgres_database)
    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["*"]}}

    def pay(amount: int) -> str:
        """Pay somebody."""
        return f"paid {amount}"

    tools = {"pay": pay}
    script = [call("pay", amount=1)]
    async with (
        served(tmp_path / "a", script, storage=storage, agents=agents, tools=tools) as one,
        served(tmp_path / "b", ["Done."], storage=storage, agents=agents, tools=tools) as two,
    ):
        run = await one.client.start_run("Pay")
        asked = (await one.follow(run.id))[-1]
        assert isinstance(asked, RunSuspended)
        await two.client.resolve(asked.approvals[0].id, ApprovalDecision(decision="approve"))
        # A reader at the first node gets what the second one does.
        here = await one.follow(run.id)
        assert isinstance(here[-1], RunCompleted)
        assert here == await two.follow(run.id)


async def test_a_run_at_work_elsewhere_is_followed_and_not_disturbed(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = _storage(postgres_database)
    gate = Gate()
    reply = Reply(parts=[TextPart(text="one two three four")], between=gate.wait)
    async with (
        served(tmp_path / "a", [reply], storage=storage) as one,
        served(tmp_path / "b", [], storage=storage) as two,
    ):
        run = await one.client.start_run("Talk")
        following = asyncio.create_task(two.follow(run.id))
        with pytest.raises(Conflict):
            await two.client.start_run("Too early", thread_id=run.thread_id)
        with pytest.raises(Conflict):
            await two.client.cancel(run.id)
        gate.open(10)
        assert await following == await one.follow(run.id)


async def test_a_run_of_a_dead_node_is_taken_over_when_its_lease_is_over(
    postgres_database: PostgresAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_BEAT", 0.05)
    storage = _storage(postgres_database)
    gate = Gate()
    reply = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(tmp_path / "a", [reply], storage=storage) as one:
        run = await one.client.start_run("Talk")
        await one.runtime.stop_runs(0)
        left = await one.runtime.runs.get(LOCAL, run.id)
        left.status = "running"
        await one.runtime.database.write(LOCAL, partial(runs.update, run=left))
        hold = partial(leases.acquire, kind="run", id=run.id, holder="dead")
        await one.runtime.database.write(LOCAL, hold)
    async with served(tmp_path / "b", ["All of it."], storage=storage) as two:
        assert (await two.client.run(run.id)).status == "running"
        await two.runtime.database.write(LOCAL, partial(hold, seconds=0))
        events = await two.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "All of it."
        assert (await two.client.run(run.id)).crashes == 1


async def test_of_answers_at_two_nodes_one_counts(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = _storage(postgres_database)
    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["*"]}}
    paid: list[int] = []

    def pay(amount: int) -> str:
        """Pay somebody."""
        paid.append(amount)
        return f"paid {amount}"

    def says(request: ModelRequest) -> ToolCallPart | str:
        return call("pay", amount=1) if request.messages[-1].role == "user" else "Done."

    kept = {"storage": storage, "agents": agents, "tools": {"pay": pay}}
    async with (
        served(tmp_path / "a", ScriptedModel(says), **kept) as one,
        served(tmp_path / "b", ScriptedModel(says), **kept) as two,
    ):
        for turn in range(6):
            paid.clear()
            run = await one.client.start_run("Pay")
            suspended = (await one.follow(run.id))[-1]
            assert isinstance(suspended, RunSuspended)
            (asked,) = suspended.approvals
            yes = ApprovalDecision(decision="approve")
            acts = [partial(each.client.resolve, asked.id, yes) for each in (one, two)]
            if turn % 2:
                at = turn % 4 // 2
                acts[at] = partial((one, two)[at].client.cancel, run.id)
            said = await asyncio.gather(*(act() for act in acts), return_exceptions=True)
            assert all(isinstance(each, Run | Conflict) for each in said), said
            end = (await two.follow(run.id))[-1]
            assert isinstance(end, RunCompleted)
            assert len(paid) <= 1
            if end.status == "completed":
                assert paid == [1]
            assert (await two.client.approvals()).items == []
