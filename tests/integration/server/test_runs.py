"""Runs that are cancelled, that wait for a person, and that outlive their process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.served import Served, served

from muxi.core.caller import LOCAL_CALLER
from muxi.core.errors import Conflict
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    ApprovalRequested,
    ApprovalResolved,
    RunCompleted,
    RunSuspended,
    TextDelta,
    ToolCompleted,
)
from muxi.core.messages import TextPart, ToolResultPart
from muxi.core.threads import Run
from muxi.core.usage import Limits
from muxi.models.scripted import Gate, Reply, ScriptedModel, call
from muxi.runtime.principal import LOCAL, Principal
from muxi.runtime.requests import RunRequest
from muxi.storage import leases, runs, steps
from muxi.storage.transaction import Tx

AGENTS = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
PAY = call("pay", amount=5)
BOTH = [call("pay", amount=1), call("pay", amount=2)]


class Till:
    """A tool that must be approved, and what it was called with."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    def pay(self, amount: int) -> str:
        """Pay somebody."""
        self.paid.append(amount)
        return f"paid {amount}"


async def _asked(muxi: Served, text: str) -> tuple[Run, list[Approval]]:
    run = await muxi.client.start_run(text)
    events = await muxi.follow(run.id)
    assert isinstance(events[-1], RunSuspended)
    return run, events[-1].approvals


def _serve(folder: Path, script: object, till: Till) -> object:
    return served(folder, script, tools={"pay": till.pay}, agents=AGENTS)  # pyright: ignore[reportArgumentType] -- scripts of several kinds


async def test_a_cancelled_run_keeps_what_it_said(tmp_path: Path) -> None:
    gate = Gate()
    long = Reply(parts=[TextPart(text="one two three four")], between=gate.wait)
    async with served(tmp_path, [long, "Fresh."]) as muxi:
        run = await muxi.client.start_run("Talk")
        gate.open(1)
        words = 0
        events = muxi.client.events(run.id)
        async for event in events:
            words += isinstance(event, TextDelta)
            if words == 2:
                break
        await events.aclose()
        cancelled = await muxi.client.cancel(run.id)
        assert cancelled.status == "cancelled"
        assert cancelled.finished_at is not None
        last = (await muxi.client.messages(run.thread_id))[-1]
        assert (last.text, last.status) == ("one two ", "partial")
        end = (await muxi.follow(run.id))[-1]
        assert isinstance(end, RunCompleted)
        assert (end.status, end.text) == ("cancelled", "one two ")
        assert (await muxi.client.cancel(run.id)).status == "cancelled"
        _, after = await muxi.answer("Again", thread_id=run.thread_id)
        assert isinstance(after[-1], RunCompleted)
        assert after[-1].text == "Fresh."


async def test_a_tool_that_does_not_stop_is_left_behind_by_a_cancel(tmp_path: Path) -> None:
    at_work, let_go, returned = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def obstinate() -> str:
        """Do something, whatever is said."""
        at_work.set()
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        returned.set()
        return "too late"

    agents = {"a": {"name": "a", "tools": ["obstinate"]}}
    script = [call("obstinate"), "Fresh."]
    async with served(tmp_path, script, tools={"obstinate": obstinate}, agents=agents) as muxi:
        run = await muxi.client.start_run("Begin")
        await at_work.wait()
        assert (await muxi.client.cancel(run.id)).status == "cancelled"
        stored = await muxi.client.messages(run.thread_id)
        (result,) = stored[-1].parts
        assert isinstance(result, ToolResultPart)
        assert result.outcome == "cancelled"
        let_go.set()
        await returned.wait()
        _, events = await muxi.answer("Again", thread_id=run.thread_id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "Fresh."
        assert (await muxi.client.messages(run.thread_id))[: len(stored)] == stored
        assert not [e for e in await muxi.follow(run.id) if isinstance(e, ToolCompleted)]
        (step,) = await muxi.runtime.database.read(LOCAL, partial(steps.of_run, run_id=run.id))
        assert (step.state, step.result) == ("started", None)


async def test_a_cancel_at_any_moment_ends_the_run(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, lambda request: PAY, till) as muxi:
        for moment in range(60):
            run = await muxi.runtime.runs.start(LOCAL_CALLER, RunRequest(input="Pay five"))
            for _ in range(moment):
                await asyncio.sleep(0)
            ended = await muxi.runtime.runs.cancel(LOCAL, run.id)
            assert ended.status == "cancelled", f"after {moment} rounds of the loop"
        assert (await muxi.client.approvals()).items == []


async def test_a_run_waits_for_a_person_and_goes_on(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY, "Paid."], till) as muxi:
        run, approvals = await _asked(muxi, "Pay five")
        assert (await muxi.client.run(run.id)).status == "waiting"
        assert (await muxi.client.approvals()).items == approvals
        assert (await muxi.client.approvals(run.id)).items == approvals
        assert till.paid == []
        decision = ApprovalDecision(decision="approve")
        await muxi.client.resolve(approvals[0].id, decision)
        events = await muxi.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "Paid."
        assert till.paid == [5]
        resolved = [event for event in events if isinstance(event, ApprovalResolved)]
        assert [event.decision.by for event in resolved] == ["local"]
        assert (await muxi.client.approvals()).items == []
        with pytest.raises(Conflict, match="answered already: approve, by local"):
            await muxi.client.resolve(approvals[0].id, decision)
        roles = [m.role for m in await muxi.client.messages(run.thread_id)]
        assert roles == ["user", "assistant", "tool", "assistant"]


async def test_a_question_outlives_the_process(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY], till) as muxi:
        run, approvals = await _asked(muxi, "Pay five")
    model = ScriptedModel(["Paid less."])
    async with _serve(tmp_path, model, till) as muxi:
        assert (await muxi.client.approvals()).items == approvals
        decision = ApprovalDecision(decision="approve", arguments={"amount": 3})
        await muxi.client.resolve(approvals[0].id, decision)
        events = await muxi.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert till.paid == [3]
        results = model.requests[-1].messages[-1].parts
        assert isinstance(results[0], ToolResultPart)
        told = 'A person changed the arguments of this call to {"amount": 3}.'
        assert [part.text for part in results[0].content] == [told, "paid 3"]


async def test_a_denied_call_is_not_made_and_the_model_learns_why(tmp_path: Path) -> None:
    till, model = Till(), ScriptedModel([PAY, "Then not."])
    async with _serve(tmp_path, model, till) as muxi:
        run, approvals = await _asked(muxi, "Pay five")
        decision = ApprovalDecision(decision="deny", reason="Too much.")
        await muxi.client.resolve(approvals[0].id, decision)
        events = await muxi.follow(run.id)
        done = next(event for event in events if isinstance(event, ToolCompleted))
        assert done.result.outcome == "denied"
        assert "Too much." in done.result.text
        assert till.paid == []


async def test_a_run_with_two_questions_waits_for_both_answers(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [BOTH, "Both."], till) as muxi:
        run, approvals = await _asked(muxi, "Pay twice")
        assert len(approvals) == 2
        yes = ApprovalDecision(decision="approve")
        first = await muxi.client.resolve(approvals[0].id, yes)
        assert first.status == "waiting"
        assert [a.id for a in (await muxi.client.approvals()).items] == [approvals[1].id]
        await muxi.client.resolve(approvals[1].id, yes)
        events = await muxi.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert sorted(till.paid) == [1, 2]


async def test_leave_for_a_call_that_was_interrupted_holds_for_no_second_one(
    tmp_path: Path,
) -> None:
    begun: list[int] = []
    at_work = asyncio.Event()

    async def pay(amount: int) -> str:
        """Pay somebody, and be interrupted the first two times."""
        begun.append(amount)
        at_work.set()
        await asyncio.sleep(60 if len(begun) < 3 else 0)
        return f"paid {amount}"

    run_id = ""
    changed = ApprovalDecision(decision="approve", arguments={"amount": 4})
    for decision in (changed, ApprovalDecision(decision="approve")):
        async with served(tmp_path, [PAY], tools={"pay": pay}, agents=AGENTS) as muxi:
            run_id = run_id or (await muxi.client.start_run("Pay five")).id
            asked = (await muxi.follow(run_id))[-1]
            assert isinstance(asked, RunSuspended)
            await muxi.client.resolve(asked.approvals[0].id, decision)
            await at_work.wait()
            at_work.clear()
            await muxi.runtime.stop_runs(0)
    async with served(tmp_path, ["Paid."], tools={"pay": pay}, agents=AGENTS) as muxi:
        asked = (await muxi.follow(run_id))[-1]
        assert isinstance(asked, RunSuspended)
        assert begun == [4, 4]
        assert "interrupted" in asked.approvals[0].reason
        assert asked.approvals[0].arguments == {"amount": 4}, "what was allowed is asked about"
        await muxi.client.resolve(asked.approvals[0].id, ApprovalDecision(decision="approve"))
        end = (await muxi.follow(run_id))[-1]
        assert isinstance(end, RunCompleted)
        assert (end.text, begun) == ("Paid.", [4, 4, 4])


async def test_answers_given_at_once_continue_the_run_once(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [BOTH, "Both."], till) as muxi:
        run, approvals = await _asked(muxi, "Pay twice")
        yes = ApprovalDecision(decision="approve")
        await asyncio.gather(*(muxi.client.resolve(each.id, yes) for each in approvals))
        await muxi.follow(run.id)
        assert sorted(till.paid) == [1, 2]
        assert (await muxi.client.run(run.id)).attempt == 2


async def test_a_waiting_run_can_be_cancelled(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY, "Something else."], till) as muxi:
        run, approvals = await _asked(muxi, "Pay five")
        assert (await muxi.client.cancel(run.id)).status == "cancelled"
        assert (await muxi.client.approvals()).items == []
        with pytest.raises(Conflict, match="ended: it is cancelled"):
            await muxi.client.resolve(approvals[0].id, ApprovalDecision(decision="approve"))
        _, events = await muxi.answer("Never mind", thread_id=run.thread_id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "Something else."


async def test_a_question_is_stored_when_it_is_told(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY], till) as muxi:
        run = await muxi.client.start_run("Pay five")
        events = muxi.client.events(run.id)
        async for event in events:
            if isinstance(event, ApprovalRequested):
                assert event.approval in (await muxi.client.approvals()).items
                break
        await events.aclose()


async def test_runs_are_listed_by_thread_and_status(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY, "One.", "Two."], till) as muxi:
        waiting, _ = await _asked(muxi, "Pay five")
        thread, _ = await muxi.answer("First")
        await muxi.answer("Second", thread_id=thread)
        assert [run.id for run in (await muxi.client.runs(status="waiting")).items] == [waiting.id]
        assert len((await muxi.client.runs(thread_id=thread)).items) == 2
        assert len((await muxi.client.runs(limit=2)).items) == 2


async def test_an_interrupted_run_goes_on_in_the_next_process(tmp_path: Path) -> None:
    gate = Gate()
    long = Reply(parts=[TextPart(text="one two three four")], between=gate.wait)
    async with served(tmp_path, [long]) as muxi:
        run = await muxi.client.start_run("Talk")
        await muxi.runtime.stop_runs(0)
        left = await muxi.runtime.runs.get(LOCAL, run.id)
        assert left.status == "queued"
    async with served(tmp_path, ["All four words."]) as muxi:
        events = await muxi.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "All four words."
        ended = await muxi.client.run(run.id)
        assert (ended.attempt, ended.crashes) == (2, 0)


async def test_a_run_that_keeps_killing_its_process_is_given_up(tmp_path: Path) -> None:
    run = await _left_behind(tmp_path, lambda run: setattr(run, "crashes", 5))
    async with served(tmp_path, ["Never said."]) as muxi:
        ended = await muxi.client.run(run.id)
        assert ended.status == "failed"
        assert ended.problem is not None
        assert "died" in ended.problem.message


async def test_a_run_whose_agent_is_gone_fails_with_words(tmp_path: Path) -> None:
    run = await _left_behind(tmp_path, lambda run: None)
    model = ScriptedModel(["Never said."])
    agents = {"a": {"name": "a", "model": "nowhere/model"}}
    async with served(tmp_path, model, agents=agents) as muxi:
        # It goes on as the version that it began with, whatever the file says now.
        events = await muxi.follow(run.id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "Never said."


async def test_a_run_that_ended_while_recovery_looked_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path, ["One.", "Two."]) as muxi:
        thread, _ = await muxi.answer("First")
        ended = (await muxi.client.runs(thread_id=thread)).items[0]
        gone = ended.model_copy(update={"id": "run_gone", "thread_id": "thr_gone"})
        for run in (ended, gone):
            run.status = "running"
        # What the list held a moment ago, when the one was at work and the other not deleted.
        monkeypatch.setattr(runs, "unfinished", lambda tx: [ended, gone])
        with caplog.at_level("INFO", "muxi.runtime"):
            await muxi.runtime.recovery._take_over(seize=False)
        assert caplog.messages == []
        assert (await muxi.client.run(ended.id)).attempt == 1


async def test_a_run_that_ends_while_leases_are_renewed_leaves_its_thread_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    waits = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(tmp_path, [waits]) as muxi:
        run = await muxi.client.start_run("Talk")
        driven = muxi.runtime.recovery.runs
        attempt, write = driven.active[run.id], driven.database.write

        async def end_before(who: Principal, renew: Callable[[Tx], None]) -> None:
            gate.open(9)
            await attempt.wait()
            await write(who, renew)

        with monkeypatch.context() as slow, caplog.at_level("INFO", "muxi.runtime"):
            slow.setattr(driven, "database", SimpleNamespace(write=end_before))
            await muxi.runtime.recovery._renew()
        assert caplog.messages == []
        assert (await muxi.client.run(run.id)).status == "completed"
        take = partial(leases.acquire, kind="thread", id=run.thread_id, holder="other")
        await write(LOCAL, take)


async def test_a_run_whose_lease_another_process_took_is_left_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    waits = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(tmp_path, [waits]) as muxi:
        run = await muxi.client.start_run("Talk")
        attempt = muxi.runtime.runs.active[run.id]
        take = partial(leases.seize, kind="run", id=run.id, holder="other")
        await muxi.runtime.database.write(LOCAL, take)
        with caplog.at_level("WARNING", "muxi.runtime"):
            await muxi.runtime.recovery._renew()
        assert "held by another process now" in caplog.text
        await attempt.wait()
        assert run.id not in muxi.runtime.runs.active


async def test_who_reads_the_end_before_the_run_knows_it_is_stored_may_go_on_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, stored, told = Gate(), asyncio.Event(), asyncio.Event()
    waits = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(tmp_path, [waits, "Three."]) as muxi:
        run = await muxi.client.start_run("Talk")
        attempt = muxi.runtime.runs.active[run.id]
        store = attempt.journal.end

        async def stored_but_not_told(*args: object, **named: object) -> None:
            await store(*args, **named)  # pyright: ignore[reportArgumentType] -- as they came
            stored.set()
            await told.wait()

        monkeypatch.setattr(attempt.journal, "end", stored_but_not_told)
        gate.open(9)
        await stored.wait()
        assert (await muxi.client.run(run.id)).status == "completed"
        asyncio.get_running_loop().call_later(0.05, told.set)
        second = await muxi.client.start_run("And then?", thread_id=run.thread_id)
        assert (await muxi.follow(second.id))[-1].type == "run.completed"
        messages = await muxi.client.messages(run.thread_id)
        assert [each.text for each in messages][-2:] == ["And then?", "Three."]


async def _left_behind(folder: Path, change: Callable[[Run], None]) -> Run:
    """A run whose process died: it is running, and its lease is held by nobody who lives."""
    gate = Gate()
    long = Reply(parts=[TextPart(text="one two")], between=gate.wait)
    async with served(folder, [long]) as muxi:
        run = await muxi.client.start_run("Talk")
        await muxi.runtime.stop_runs(0)
        left = await muxi.runtime.runs.get(LOCAL, run.id)
        left.status = "running"
        change(left)
        database = muxi.runtime.database
        await database.write(LOCAL, partial(runs.update, run=left))
        hold = partial(leases.acquire, kind="run", id=run.id, holder="dead", seconds=1000)
        await database.write(LOCAL, hold)
    return run


async def test_a_run_that_another_process_drives_is_left_alone(tmp_path: Path) -> None:
    async with served(tmp_path, ["Quick."]) as muxi:
        _, events = await muxi.answer("Hi")
        stored = await muxi.client.run(events[0].run_id)
        stored.status, stored.finished_at = "running", None
        database = muxi.runtime.database
        await database.write(LOCAL, partial(runs.update, run=stored))
        hold = partial(leases.acquire, kind="run", id=stored.id, holder="other", seconds=1000)
        await database.write(LOCAL, hold)
        with pytest.raises(Conflict, match="Another process"):
            await muxi.client.cancel(stored.id)


async def test_limits_of_a_run_narrow_those_of_its_agent_also_after_a_pause(tmp_path: Path) -> None:
    till = Till()
    async with _serve(tmp_path, [PAY, "Never said."], till) as muxi:
        run = await muxi.client.start_run("Pay five", limits=Limits(turns=1, tool_calls=100))
        await muxi.follow(run.id)
        (question,) = (await muxi.client.approvals(run.id)).items
        await muxi.client.resolve(question.id, ApprovalDecision(decision="approve"))
        end = (await muxi.follow(run.id))[-1]
        stored = await muxi.client.run(run.id)
    assert isinstance(end, RunCompleted)
    assert (end.status, end.limit) == ("limited", "turns")
    assert stored.limits is not None
    assert (stored.limits.turns, stored.limits.tool_calls) == (1, 50)


async def test_a_limit_that_is_not_known_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path, ["Hi"]) as muxi:
        body = {"input": "Hi", "limits": {"token": 5}}
        async with muxi.http.post(f"{muxi.url}/api/runs", json=body) as answer:
            assert answer.status == 422
            assert "token" in await answer.text()
