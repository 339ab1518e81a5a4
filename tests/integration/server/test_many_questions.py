"""Ten thousand open questions: listing, answering and recovering cost what one of them costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.core.events import Approval, ApprovalDecision, RunCompleted
from muxi.core.ids import new_id
from muxi.core.messages import user_message
from muxi.core.record import now
from muxi.core.steps import Step
from muxi.core.threads import Run, Thread
from muxi.models.scripted import ScriptedModel, call
from muxi.runtime.principal import LOCAL, Principal
from muxi.storage import messages, runs, sequences, steps, threads

pytestmark = [pytest.mark.ci, pytest.mark.timeout(900)]

MANY = 10_000
AGENTS = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def _waiting(tx: Any, count: int) -> None:
    """Runs that wait for a person, as many others left them."""
    for _ in range(count):
        thread = Thread(owner="local")
        said = user_message("Pay", author="local")
        thread.leaf_id = said.id
        threads.create(tx, thread)
        run = Run(thread_id=thread.id, agent="a", status="waiting", input_id=said.id)
        said.thread_id, said.run_id = thread.id, run.id
        sequences.reserve(tx, thread.id, 8)
        runs.create(tx, run)
        messages.insert(tx, said, place="aside")
        approval = Approval(
            id=new_id("apr"),
            run_id=run.id,
            thread_id=thread.id,
            agent="a",
            call_id="c",
            tool="pay",
            arguments={"amount": 1},
            reason="Money.",
            asked_at=now(),
        )
        step = Step(
            run_id=run.id,
            key="approval:m:0",
            kind="approval",
            name="pay",
            number=1,
            state="suspended",
            question_id=approval.id,
            result={"approval": approval.model_dump(mode="json"), "parameters": {}},
        )
        steps.put(tx, step)


async def _seconds(work: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = await work
    return time.perf_counter() - begun, done


async def _measure(muxi: Served, record_property: Any) -> None:
    run = await muxi.client.start_run("Pay five")
    asked = (await muxi.follow(run.id))[-1]
    for _ in range(MANY // 1000):
        await muxi.runtime.database.write(LOCAL, lambda tx: _waiting(tx, 1000))
    figures: dict[str, float] = {}
    figures["page"], page = await _seconds(muxi.client.approvals(limit=50))
    assert len(page.items) == 50
    whole = Principal("default", None)
    figures["recovery"], ready = await _seconds(muxi.runtime.database.read(whole, runs.ready))
    assert ready == [], "what waits is not looked at again and again"
    figures["expiry"], _ = await _seconds(muxi.runtime.approvals.expire())
    decision = ApprovalDecision(decision="approve")
    figures["answer"], _ = await _seconds(muxi.client.resolve(asked.approvals[0].id, decision))
    assert isinstance((await muxi.follow(run.id))[-1], RunCompleted)
    for name, seconds in figures.items():
        record_property(name, round(seconds, 4))
        assert seconds < 20, figures
    seen, cursor = 0, None
    while True:
        page = await muxi.client.approvals(limit=200, cursor=cursor)
        seen += len(page.items)
        cursor = page.next
        if cursor is None:
            break
    assert seen == MANY


def _model() -> ScriptedModel:
    return ScriptedModel(
        lambda request: call("pay", amount=5) if len(request.messages) == 1 else "Done."
    )


async def test_ten_thousand_questions_on_sqlite(tmp_path: Path, record_property: Any) -> None:
    async with served(tmp_path, _model(), tools={"pay": pay}, agents=AGENTS) as muxi:
        await _measure(muxi, record_property)


async def test_ten_thousand_questions_on_postgresql(
    postgres_database: PostgresAddress, tmp_path: Path, record_property: Any
) -> None:
    storage = {"url": postgres_database.url, "owner_url": postgres_database.owner_url}
    async with served(
        tmp_path, _model(), tools={"pay": pay}, agents=AGENTS, storage=storage
    ) as muxi:
        await _measure(muxi, record_property)
