"""What tools ask people: leave, answers to wait for, answers in the middle of a call."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.served import Served, served

from muxi import RunContext, tool
from muxi.config.approval_settings import ApprovalSettings
from muxi.core.errors import Conflict, InputNeeded, InvalidInput, NotFound
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    RunCompleted,
    RunSuspended,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.questions import Question
from muxi.core.threads import Run
from muxi.models.scripted import ScriptedModel, call
from muxi.runtime.principal import LOCAL
from muxi.storage import steps

YES = ApprovalDecision(decision="approve")
NO = ApprovalDecision(decision="deny")
PAY = call("pay", amount=5)


def _agents(*tools: str, approve: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"a": {"name": "a", "tools": list(tools), "approve": list(approve)}}


def _answer(value: Any) -> ApprovalDecision:
    return ApprovalDecision(decision="answer", answer=value)


async def _asked(muxi: Served, text: str = "Begin", **where: Any) -> tuple[Run, list[Approval]]:
    run = await muxi.client.start_run(text, **where)
    last = (await muxi.follow(run.id))[-1]
    assert isinstance(last, RunSuspended), last
    return run, last.approvals


async def _end(muxi: Served, run: Run) -> tuple[RunCompleted, list[Event]]:
    events = await muxi.follow(run.id)
    assert isinstance(events[-1], RunCompleted), events[-1]
    return events[-1], events


async def _live(muxi: Served, run: Run) -> Approval:
    """The question that a tool of the run asks in the middle of its call."""
    async for event in muxi.client.events(run.id):
        if isinstance(event, ApprovalRequested):
            return event.approval
    raise AssertionError("nothing was asked")


class Till:
    """A tool that pays, and what it was called with."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    def pay(self, amount: int) -> str:
        """Pay somebody."""
        self.paid.append(amount)
        return f"paid {amount}"


async def test_a_question_of_the_model_is_answered_over_the_api(tmp_path: Path) -> None:
    script = [call("ask_user", question="Where to?", choices=["Rome", "Oslo"]), "Off we go."]
    async with served(tmp_path, script, agents=_agents("ask_user")) as muxi:
        run, (asked,) = await _asked(muxi)
        assert asked.question is not None
        assert (asked.reason, asked.live) == ("Where to?", False)
        assert (asked.thread_id, asked.agent) == (run.thread_id, "a")
        assert await muxi.client.approval(asked.id) == asked
        for wrong in (
            _answer("Paris"),
            _answer(7),
            YES,
            ApprovalDecision(decision="deny", arguments={"question": "x"}),
            ApprovalDecision(decision="answer", answer="Rome", remember=True),
        ):
            with pytest.raises(InvalidInput):
                await muxi.client.resolve(asked.id, wrong)
        await muxi.client.resolve(asked.id, _answer("Rome"))
        end, events = await _end(muxi, run)
        assert end.text == "Off we go."
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert done.text == "Rome"
        resolved = [event.decision for event in events if isinstance(event, ApprovalResolved)]
        assert [(each.answer, each.by) for each in resolved] == [("Rome", "local")]


async def test_a_tool_asks_several_things_again_and_again_over_restarts(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def book(ctx: RunContext[None], city: str) -> str:
        """Book a journey."""
        answered = ctx.answer
        if answered is None:
            questions = {
                "day": Question(message="Which day?"),
                "people": Question(message="How many?", json_schema={"type": "integer"}),
            }
            raise InputNeeded(questions, state={"city": city})
        seen.append((answered.round, answered.state))
        if answered.round == 1:
            said = {name: each.value for name, each in answered.answers.items()}
            raise InputNeeded(Question(message="Sure?"), state={**said, "city": city})
        return f"{answered.state} {answered.only.action}"

    kept = {"tools": {"book": book}, "agents": _agents("book")}
    async with served(tmp_path, [call("book", city="Rome")], **kept) as muxi:
        run, (day, people) = await _asked(muxi)
        await muxi.client.resolve(day.id, _answer("Friday"))
        assert (await muxi.client.run(run.id)).status == "waiting"
    async with served(tmp_path, [], **kept) as muxi:
        assert [each.id for each in (await muxi.client.approvals()).items] == [people.id]
        await muxi.client.resolve(people.id, _answer(2))
        last = (await muxi.follow(run.id))[-1]
        assert isinstance(last, RunSuspended)
        (sure,) = last.approvals
    async with served(tmp_path, ["Booked."], **kept) as muxi:
        await muxi.client.resolve(sure.id, NO)
        end, events = await _end(muxi, run)
        assert (end.text, end.usage.tool_calls) == ("Booked.", 1)
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert done.text == "{'day': 'Friday', 'people': 2, 'city': 'Rome'} decline"
        assert [each for each, _ in seen] == [1, 2]


async def test_a_tool_that_never_has_enough_is_stopped(tmp_path: Path) -> None:
    async def curious(ctx: RunContext[None]) -> str:
        """Ask for ever."""
        raise InputNeeded(Question(message="And then?"))

    async def mute() -> str:
        """Ask nothing, yet wait for an answer."""
        raise InputNeeded({})

    tools = {"curious": curious, "mute": mute}
    script = [[call("curious"), call("mute")], "Enough."]
    async with served(tmp_path, script, tools=tools, agents=_agents(*tools)) as muxi:
        run, (asked,) = await _asked(muxi)
        rounds = 0
        while True:
            rounds += 1
            await muxi.client.resolve(asked.id, _answer("More."))
            last = (await muxi.follow(run.id))[-1]
            if not isinstance(last, RunSuspended):
                break
            (asked,) = last.approvals
        assert rounds == 20
        _, events = await _end(muxi, run)
        failed = {e.result.name: e.result.outcome for e in events if isinstance(e, ToolCompleted)}
        assert failed == {"curious": "error", "mute": "error"}


async def test_a_call_that_asks_in_its_middle_goes_on_with_the_answer(tmp_path: Path) -> None:
    """Its own time does not run while the person thinks."""
    answered = asyncio.Event()

    @tool(timeout=0.5)
    async def greet(ctx: RunContext[None]) -> str:
        """Greet by name."""
        said = await ctx.ask(Question(message="Who are you?"))
        answered.set()
        return f"{said.action} {said.value}"

    script = [call("greet"), "Hello."]
    async with served(tmp_path, script, tools={"greet": greet}, agents=_agents("greet")) as muxi:
        run = await muxi.client.start_run("Begin")
        asked = await _live(muxi, run)
        assert asked.live
        assert (await muxi.client.run(run.id)).status == "running"
        with suppress(TimeoutError):
            async with asyncio.timeout(0.8):
                await answered.wait()
        assert not answered.is_set()
        await muxi.client.resolve(asked.id, _answer("Ann"))
        _, events = await _end(muxi, run)
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert (done.text, done.outcome) == ("accept Ann", "ok")
        with pytest.raises(Conflict, match="answered already"):
            await muxi.client.resolve(asked.id, _answer("Bob"))


async def test_an_answer_in_another_process_reaches_a_call_in_its_middle(tmp_path: Path) -> None:
    async def greet(ctx: RunContext[None]) -> str:
        """Greet by name."""
        return str((await ctx.ask(Question(message="Who are you?"))).value)

    script = [call("greet"), "Hello."]
    async with served(tmp_path, script, tools={"greet": greet}, agents=_agents("greet")) as muxi:
        run = await muxi.client.start_run("Begin")
        asked = await _live(muxi, run)

        def answer_elsewhere(tx: Any) -> None:
            step = steps.question(tx, asked.id)
            assert step is not None
            decision = _answer("Ann").model_dump(mode="json")
            step.result = {**(step.result or {}), "id": asked.id, **decision}
            assert steps.close_question(tx, step)

        await muxi.runtime.database.write(LOCAL, answer_elsewhere)
        _, events = await _end(muxi, run)
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert done.text == "Ann"


async def test_a_call_in_its_middle_asks_nobody_any_more_once_the_run_is_cancelled(
    tmp_path: Path,
) -> None:
    async def greet(ctx: RunContext[None]) -> str:
        """Greet by name."""
        return str((await ctx.ask(Question(message="Who are you?"))).value)

    script = [call("greet"), "Hello."]
    async with served(tmp_path, script, tools={"greet": greet}, agents=_agents("greet")) as muxi:
        run = await muxi.client.start_run("Begin")
        asked = await _live(muxi, run)
        assert (await muxi.client.cancel(run.id)).status == "cancelled"
        assert (await muxi.client.approvals()).items == []
        with pytest.raises(Conflict):
            await muxi.client.resolve(asked.id, _answer("Ann"))


async def test_a_question_in_the_middle_of_a_call_dies_with_its_process(tmp_path: Path) -> None:
    async def greet(ctx: RunContext[None]) -> str:
        """Greet by name."""
        return str((await ctx.ask(Question(message="Who are you?"))).value)

    kept = {"tools": {"greet": greet}, "agents": _agents("greet")}
    async with served(tmp_path, [call("greet")], **kept) as muxi:
        run = await muxi.client.start_run("Begin")
        asked = await _live(muxi, run)
        await muxi.runtime.stop_runs(0)
    async with served(tmp_path, ["Hello."], **kept) as muxi:
        last = (await muxi.follow(run.id))[-1]
        assert isinstance(last, RunSuspended)
        (again,) = last.approvals
        assert "interrupted" in again.reason
        assert [each.id for each in (await muxi.client.approvals()).items] == [again.id]
        with pytest.raises(Conflict):
            await muxi.client.resolve(asked.id, _answer("Ann"))
        await muxi.client.resolve(again.id, YES)
        asked = await _newest_live(muxi)
        await muxi.client.resolve(asked.id, _answer("Ann"))
        await _end(muxi, run)


async def _newest_live(muxi: Served) -> Approval:
    async with asyncio.timeout(60):
        while True:
            found = [each for each in (await muxi.client.approvals()).items if each.live]
            if found:
                return found[0]
            await asyncio.sleep(0.01)


async def test_an_answer_may_come_while_other_calls_are_at_work(tmp_path: Path) -> None:
    till, go = Till(), asyncio.Event()

    async def work() -> str:
        """Work until told to stop."""
        await go.wait()
        return "worked"

    tools = {"pay": till.pay, "work": work}
    script = [[PAY, call("work")], "Both."]
    async with served(
        tmp_path, script, tools=tools, agents=_agents(*tools, approve=("pay",))
    ) as muxi:
        run = await muxi.client.start_run("Begin")
        asked = await _live(muxi, run)
        assert (await muxi.client.resolve(asked.id, YES)).status == "running"
        go.set()
        async with asyncio.timeout(60):
            while (await muxi.client.run(run.id)).status != "completed":
                await muxi.follow(run.id)
        assert till.paid == [5]


async def test_of_two_answers_at_once_one_counts(tmp_path: Path) -> None:
    till = Till()
    script = ScriptedModel(lambda request: PAY if len(request.messages) == 1 else "Done.")
    agents = _agents("pay", approve=("pay",))
    async with served(tmp_path, script, tools={"pay": till.pay}, agents=agents) as muxi:
        for _ in range(5):
            till.paid.clear()
            run, (asked,) = await _asked(muxi)
            both = [YES.model_copy(update={"arguments": {"amount": n}}) for n in (1, 2)]
            said = await asyncio.gather(
                *(muxi.client.resolve(asked.id, each) for each in both), return_exceptions=True
            )
            lost = [each for each in said if isinstance(each, BaseException)]
            assert len(lost) == 1
            assert isinstance(lost[0], Conflict)
            await _end(muxi, run)
            assert len(till.paid) == 1


async def test_an_answer_and_a_cancel_at_once_leave_one_of_them(tmp_path: Path) -> None:
    till = Till()
    script = ScriptedModel(lambda request: PAY if len(request.messages) == 1 else "Done.")
    agents = _agents("pay", approve=("pay",))
    async with served(tmp_path, script, tools={"pay": till.pay}, agents=agents) as muxi:
        for turn in range(10):
            till.paid.clear()
            run, (asked,) = await _asked(muxi)
            both = [muxi.client.resolve(asked.id, YES), muxi.client.cancel(run.id)]
            said = await asyncio.gather(*both[:: 1 if turn % 2 else -1], return_exceptions=True)
            assert all(isinstance(each, Run | Conflict) for each in said), said
            end, _ = await _end(muxi, run)
            assert end.status in ("completed", "cancelled")
            if end.status == "completed":
                assert till.paid == [5]
            assert len(till.paid) <= 1
            assert (await muxi.client.approvals()).items == []


async def test_nobody_answers_in_time(tmp_path: Path) -> None:
    till = Till()
    script = [[PAY, call("ask_user", question="Sure?")], "Then not."]
    async with served(
        tmp_path,
        script,
        tools={"pay": till.pay},
        agents=_agents("pay", "ask_user", approve=("pay",)),
        approvals=ApprovalSettings(expire_after=0.05),
    ) as muxi:
        run, asked = await _asked(muxi)
        assert all(each.expires_at is not None for each in asked)
        async with asyncio.timeout(60):
            while (await muxi.client.approvals()).items:
                with pytest.raises((Conflict, InvalidInput)):
                    await muxi.client.resolve(asked[0].id, ApprovalDecision(decision="expired"))
                await muxi.runtime.approvals.expire()
                await asyncio.sleep(0.01)
        end, events = await _end(muxi, run)
        assert end.text == "Then not."
        results = {e.result.name: e.result for e in events if isinstance(e, ToolCompleted)}
        assert results["pay"].outcome == "denied"
        assert "nobody answered in time" in results["pay"].text
        assert "not answered in time" in results["ask_user"].text
        assert till.paid == []
        with pytest.raises(Conflict, match="expired"):
            await muxi.client.resolve(asked[0].id, YES)


async def test_an_answer_that_comes_too_late_is_refused_before_the_question_is_closed(
    tmp_path: Path,
) -> None:
    till = Till()
    async with served(
        tmp_path,
        [PAY, "Done."],
        tools={"pay": till.pay},
        agents=_agents("pay", approve=("pay",)),
        approvals=ApprovalSettings(expire_after=0.01),
    ) as muxi:
        _, (asked,) = await _asked(muxi)
        await asyncio.sleep(0.02)
        with pytest.raises(Conflict, match="expired"):
            await muxi.client.resolve(asked.id, YES)


async def test_changed_arguments_must_fit_the_tool(tmp_path: Path) -> None:
    till = Till()
    agents = _agents("pay", approve=("pay",))
    hostile: list[dict[str, Any]] = [
        {},
        {"amount": "5"},
        {"amount": 5, "to": "me"},
        {"amount": None},
        {"amount": {"$ref": "http://127.0.0.1/"}},
        {"amount": "A" * 100_000},
        {"__class__": "x", "amount": 1e400},
        {"amount\0": 5},
    ]
    async with served(tmp_path, [PAY, "Done."], tools={"pay": till.pay}, agents=agents) as muxi:
        run, (asked,) = await _asked(muxi)
        for arguments in hostile:
            with pytest.raises(InvalidInput):
                await muxi.client.resolve(asked.id, YES.model_copy(update={"arguments": arguments}))
        for wrong in (
            NO.model_copy(update={"arguments": {"amount": 1}}),
            NO.model_copy(update={"remember": True}),
            _answer("yes"),
        ):
            with pytest.raises(InvalidInput):
                await muxi.client.resolve(asked.id, wrong)
        for unknown in ("apr_none", "x" * 5000, "apr_\0", "../runs"):
            with pytest.raises(NotFound):
                await muxi.client.resolve(unknown, YES)
        assert (await muxi.client.run(run.id)).status == "waiting"
        await muxi.client.resolve(asked.id, YES.model_copy(update={"arguments": {"amount": 3}}))
        await _end(muxi, run)
        assert till.paid == [3]


async def test_a_person_cannot_allow_what_a_rule_denies(tmp_path: Path) -> None:
    till = Till()
    rules = [
        {"tool": "pay", "arguments": {"amount": {"above": 100}}, "verdict": "deny"},
        {"tool": "pay", "verdict": "ask", "reason": "Money."},
    ]
    async with served(
        tmp_path,
        [PAY, "Done."],
        tools={"pay": till.pay},
        agents=_agents("pay"),
        approvals=ApprovalSettings.model_validate({"rules": rules}),
    ) as muxi:
        run, (asked,) = await _asked(muxi)
        assert asked.reason == "Money."
        await muxi.client.resolve(asked.id, YES.model_copy(update={"arguments": {"amount": 500}}))
        _, events = await _end(muxi, run)
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert "Rule 1" in done.text
        assert till.paid == []


async def test_a_denial_counts_even_if_the_rules_have_changed(tmp_path: Path) -> None:
    till = Till()
    kept = {"tools": {"pay": till.pay}, "agents": _agents("pay")}
    ask = ApprovalSettings.model_validate({"rules": [{"tool": "pay", "verdict": "ask"}]})
    async with served(tmp_path, [PAY], approvals=ask, **kept) as muxi:
        run, (asked,) = await _asked(muxi)
    async with served(tmp_path, ["Not paid."], **kept) as muxi:
        await muxi.client.resolve(asked.id, NO)
        _, events = await _end(muxi, run)
        assert till.paid == []
        assert [e.result.outcome for e in events if isinstance(e, ToolCompleted)] == ["denied"]


async def test_leave_for_a_thread_holds_for_the_same_call_there_and_nowhere_else(
    tmp_path: Path,
) -> None:
    till = Till()

    def next_word(request: Any) -> Any:
        said = request.messages[-1]
        return call("pay", amount=int(said.text)) if said.role == "user" else "Done."

    agents = _agents("pay", approve=("pay",))
    model = ScriptedModel(next_word)
    async with served(tmp_path, model, tools={"pay": till.pay}, agents=agents) as muxi:
        run, (asked,) = await _asked(muxi, "5")
        here = run.thread_id
        changed = {"remember": True, "arguments": {"amount": 6}}
        with pytest.raises(InvalidInput, match="as it is"):
            await muxi.client.resolve(asked.id, YES.model_copy(update=changed))
        await muxi.client.resolve(asked.id, YES.model_copy(update={"remember": True}))
        await _end(muxi, run)
        again = await muxi.client.start_run("5", thread_id=here)
        await _end(muxi, again)
        assert till.paid == [5, 5]
        await _asked(muxi, "6", thread_id=here)
        await _asked(muxi, "5")
        assert till.paid == [5, 5]


async def test_a_tool_that_ignores_its_own_time_does_not_hold_its_run(tmp_path: Path) -> None:
    let_go = asyncio.Event()
    at_work = 0

    @tool(timeout=0.05, retries=2)
    async def obstinate(ctx: RunContext[None]) -> str:
        """Go on, whatever is said."""
        nonlocal at_work
        at_work += 1
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        assert (await ctx.ask(Question(message="Still there?"))).action == "cancel"
        return "too late"

    tools = {"obstinate": obstinate}
    script = [call("obstinate"), "Without it."]
    async with served(tmp_path, script, tools=tools, agents=_agents(*tools)) as muxi:
        run = await muxi.client.start_run("Begin")
        async with asyncio.timeout(60):
            end, events = await _end(muxi, run)
        assert end.text == "Without it."
        (done,) = [event.result for event in events if isinstance(event, ToolCompleted)]
        assert done.outcome == "error"
        assert "took longer than 0.05 s and did not stop" in done.text
        assert at_work == 1, "what still works is not begun a second time"
        let_go.set()
        read = partial(steps.of_run, run_id=run.id)
        (step,) = await muxi.runtime.database.read(LOCAL, read)
        assert step.state == "done"


async def test_questions_come_in_pages_and_by_thread(tmp_path: Path) -> None:
    till = Till()
    script = ScriptedModel(lambda _: PAY)
    agents = _agents("pay", approve=("pay",))
    async with served(tmp_path, script, tools={"pay": till.pay}, agents=agents) as muxi:
        asked = [(await _asked(muxi))[1][0] for _ in range(5)]
        first = await muxi.client.approvals(limit=3)
        rest = await muxi.client.approvals(limit=3, cursor=first.next)
        assert [each.id for each in (*first.items, *rest.items)] == [each.id for each in asked]
        assert rest.next is None
        of_thread = await muxi.client.approvals(thread_id=asked[2].thread_id)
        assert [each.id for each in of_thread.items] == [asked[2].id]


async def test_a_call_is_told_as_made_again_after_its_answer(tmp_path: Path) -> None:
    script = [call("ask_user", question="Where to?"), "Off."]
    async with served(tmp_path, script, agents=_agents("ask_user")) as muxi:
        run, (asked,) = await _asked(muxi)
        await muxi.client.resolve(asked.id, _answer("Rome"))
        _, events = await _end(muxi, run)
        assert len([event for event in events if isinstance(event, ToolStarted)]) == 2
        assert len([event for event in events if isinstance(event, ToolCompleted)]) == 1
