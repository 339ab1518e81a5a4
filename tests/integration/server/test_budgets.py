"""Budgets through the door: refused in words, never overspent, and told to whom they concern."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.budgets import Budget
from muxi.core.errors import (
    BudgetExceeded,
    Conflict,
    InvalidInput,
    MuxiError,
    NotFound,
    PriceUnknown,
)
from muxi.core.events import RunCompleted
from muxi.core.messages import TextPart
from muxi.core.usage import Usage
from muxi.models.model import ModelProfile, Price
from muxi.models.scripted import Reply, ScriptedModel, call

PRICE = Price(input=Decimal(10_000), output=Decimal(10_000))
"""US dollars per million tokens: a cent a token."""


def _model(script: Any, *, price: Price | None = PRICE, answer: int = 100) -> ScriptedModel:
    return ScriptedModel(script, profile=ModelProfile(price=price, output_tokens=answer))


def _answer(tokens: int = 10) -> Reply:
    usage = Usage(requests=1, input_tokens=10, output_tokens=tokens, cost=None)
    return Reply(parts=[TextPart(text="Yes.")], usage=usage)


async def _end(muxi: Served, text: str = "Well?", **where: Any) -> RunCompleted:
    _, events = await muxi.answer(text, **where)
    assert isinstance(events[-1], RunCompleted)
    return events[-1]


async def _balances(muxi: Served) -> dict[str, Any]:
    page = await muxi.client.budgets.balances()
    return {f"{each.budget} {each.subject}": each for each in page.items}


async def test_a_budget_that_is_used_up_refuses_the_next_run_and_says_when_it_opens(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"small": {"per": "user", "every": "day", "runs": 2, "time_zone": "Europe/Berlin"}}
    async with served(tmp_path, _model(lambda _: _answer()), budgets=budgets, **storage) as muxi:
        for _ in range(2):
            assert (await _end(muxi)).status == "completed"
        with pytest.raises(BudgetExceeded) as caught:
            await muxi.client.start_run("Again?")
        assert "The budget small has 0 runs left of 2 runs for user local" in caught.value.message
        assert "Europe/Berlin" in caught.value.message
        assert caught.value.details["left"] == "0"
        async with muxi.http.post(f"{muxi.url}/api/runs", json={"input": "Again?"}) as response:
            problem = await response.json()
            assert (response.status, problem["code"]) == (429, "budget_exceeded")
            assert 0 < int(response.headers["Retry-After"]) <= 25 * 3600
            assert problem["details"]["retry_after"] == int(response.headers["Retry-After"])
        # What was refused has left nothing behind.
        assert len((await muxi.client.runs()).items) == 2
        assert len((await muxi.client.threads()).items) == 2


async def test_a_hundred_runs_at_once_do_not_overspend(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"all": {"per": "tenant", "every": "month", "cost": "5"}}
    model = _model(lambda _: _answer(20), answer=50)
    async with served(tmp_path, model, budgets=budgets, **storage) as muxi:

        async def run() -> str:
            try:
                return (await _end(muxi)).status
            except BudgetExceeded:
                return "refused"

        outcomes = await asyncio.gather(*(run() for _ in range(100)))
        spent = (await _balances(muxi))["all tenant"]
        assert spent.used.cost <= 5
        assert spent.used.cost == Decimal("0.3") * outcomes.count("completed")
        assert spent.reserved.cost == 0
        # 16 runs are 4.80; what is left then is not enough for the prompt and any answer.
        assert outcomes.count("completed") >= 12
        assert set(outcomes) <= {"completed", "limited", "refused"}


async def test_an_answer_is_cut_rather_than_a_budget_exceeded(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"once": {"per": "run", "tokens": 160}}
    model = _model(
        [Reply(parts=[TextPart(text="Yes and no")], stop_reason="length")], answer=10_000
    )
    async with served(tmp_path, model, budgets=budgets, **storage) as muxi:
        end = await _end(muxi)
        assert end.status == "limited"
        assert end.problem is not None
        assert end.problem.code == "budget_exceeded"
        assert "cut short" in end.problem.message
    bound = model.requests[0].settings.max_tokens
    assert bound is not None
    assert 64 <= bound < 160


async def test_a_run_stops_before_it_exceeds_its_budget(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    def again() -> str:
        """Once more."""
        return "go on"

    budgets = {"once": {"per": "run", "cost": "2"}}
    script = (
        Reply(parts=[call("again")], usage=Usage(input_tokens=10, output_tokens=50, cost=None))
        for _ in range(100)
    )
    agents = {"a": {"name": "a", "tools": ["again"]}}
    model = _model(script, answer=100)
    async with served(
        tmp_path, model, budgets=budgets, agents=agents, tools={"again": again}, **storage
    ) as muxi:
        end = await _end(muxi)
        assert end.status == "limited"
        assert end.usage.cost is not None
        assert Decimal("0.5") < end.usage.cost <= 2
        assert end.problem is not None
        assert end.problem.details["budget"] == "once"


async def test_a_tool_may_take_no_more_time_than_is_left(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    async def wait() -> str:
        """Wait for ever."""
        await asyncio.Event().wait()
        return "never"

    budgets = {"quick": {"per": "run", "seconds": 0.3}}
    agents = {"a": {"name": "a", "tools": ["wait"]}}
    model = _model([call("wait"), "Done."])
    async with served(
        tmp_path, model, budgets=budgets, agents=agents, tools={"wait": wait}, **storage
    ) as muxi:
        end = await _end(muxi)
        assert end.status == "limited"
        assert end.problem is not None
        assert end.problem.details["limit"] == "seconds"


async def test_a_cost_budget_refuses_a_model_without_a_price(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"money": {"per": "agent:a", "every": "day", "cost": "1"}}
    agents = {"a": {"name": "a"}, "b": {"name": "b"}}
    model = _model(lambda _: _answer(), price=None)
    async with served(tmp_path, model, budgets=budgets, agents=agents, **storage) as muxi:
        with pytest.raises(PriceUnknown, match="The budget money bounds the cost, and no price"):
            await muxi.client.start_run("Well?", agent="a")
        assert (await _end(muxi, agent="b")).status == "completed"


async def test_an_unknown_cost_is_told_as_unknown(storage: dict[str, Any], tmp_path: Path) -> None:
    model = _model(lambda _: _answer(), price=None)
    async with served(tmp_path, model, **storage) as muxi:
        await _end(muxi)
        [row] = (await muxi.client.budgets.usage(("model",))).items
        assert (row.cost, row.known_cost, row.input_tokens) == (None, 0, 10)


async def test_each_user_has_their_own_and_a_named_one_takes_its_place(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {
        "each": {"per": "user", "every": "day", "runs": 1},
        "ann": {"per": "user:ann", "every": "day", "runs": 2},
    }
    async with served(tmp_path, _model(lambda _: _answer()), budgets=budgets, **storage) as muxi:
        token = muxi.runtime.state.token()
        for user, most in (("bob", 1), ("ann", 2)):
            async with Client(muxi.url, token=token, user=user) as client:
                for _ in range(most):
                    run = await client.start_run("Well?")
                    assert [event async for event in client.events(run.id)]
                with pytest.raises(BudgetExceeded):
                    await client.start_run("Well?")
                # Whoever acts for a user sees what that user sees.
                [balance] = (await client.budgets.balances()).items
                assert (balance.subject, balance.left.runs) == (f"user:{user}", 0)
        assert set(await _balances(muxi)) == {"each user:bob", "ann user:ann"}


async def test_budgets_are_made_and_changed_over_the_api(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"declared": {"per": "tenant", "every": "day", "runs": 100}}
    async with served(tmp_path, _model(lambda _: _answer()), budgets=budgets, **storage) as muxi:
        client = muxi.client.budgets
        made = await client.put("mine", Budget(per="user", every="hour", runs=1))
        assert (made.name, made.source, made.runs) == ("mine", "api", 1)
        await _end(muxi)
        with pytest.raises(BudgetExceeded):
            await muxi.client.start_run("Well?")
        await client.put("mine", Budget(per="user", every="hour", runs=2))
        await _end(muxi)
        assert [each.name for each in await client.all()] == ["declared", "mine"]
        url = f"{muxi.url}/api/budgets/mine"
        async with muxi.http.get(url) as response:
            tag = response.headers["ETag"]
        await client.put("mine", Budget(per="user", every="hour", runs=3))
        async with muxi.http.delete(url, headers={"If-Match": tag}) as response:
            assert response.status == 412
        await client.delete("mine")
        await _end(muxi)
        with pytest.raises(NotFound):
            await client.get("mine")
        for change in (client.put("declared", made), client.delete("declared")):
            with pytest.raises(Conflict, match=r"declared in muxi\.yaml"):
                await change


SENSELESS: list[dict[str, Any]] = [
    {"per": "user", "runs": 1},
    {"per": "user", "every": "day"},
    {"per": "run", "every": "day", "tokens": 1},
    {"per": "run", "runs": 1},
    {"per": "nobody", "every": "day", "runs": 1},
    {"per": "user", "every": "week", "runs": 1},
    {"per": "user", "every": "day", "runs": -1},
    {"per": "user", "every": "day", "cost": "NaN"},
    {"per": "user", "every": "day", "seconds": 1e300},
    {"per": "user", "every": "day", "tokens": 2**63},
    {"per": "user", "every": "day", "tokns": 5, "runs": 1},
    {"per": "user", "every": "day", "runs": 1, "time_zone": "../../etc/passwd"},
    {"per": "user", "every": "day", "runs": 1, "time_zone": "Europe/Atlantis"},
]


async def test_a_senseless_budget_is_refused(storage: dict[str, Any], tmp_path: Path) -> None:
    async with served(tmp_path, [], **storage) as muxi:
        for body in SENSELESS:
            async with muxi.http.put(f"{muxi.url}/api/budgets/x", json=body) as response:
                assert response.status == 422, body
        good = {"per": "user", "every": "day", "runs": 1}
        async with muxi.http.put(f"{muxi.url}/api/budgets/0%20x", json=good) as response:
            assert response.status == 422
        assert await muxi.client.budgets.all() == []


async def test_a_name_that_is_declared_and_stored_stops_the_start(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budget = Budget(per="user", every="day", runs=1)
    async with served(tmp_path, [], **storage) as muxi:
        await muxi.client.budgets.put("twice", budget)
    with pytest.raises(MuxiError, match=r"twice is declared in muxi\.yaml and was made"):
        async with served(tmp_path, [], budgets={"twice": budget}, **storage):
            pass


async def test_usage_is_told_apart_as_one_asks_and_comes_in_pages(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    agents = {"a": {"name": "a"}, "b": {"name": "b"}}
    async with served(tmp_path, _model(lambda _: _answer()), agents=agents, **storage) as muxi:
        token = muxi.runtime.state.token()
        for agent, user in (("a", "ann"), ("a", "bob"), ("b", "bob"), ("b", "bob")):
            async with Client(muxi.url, token=token, user=user) as client:
                run = await client.start_run("Well?", agent=agent)
                assert [event async for event in client.events(run.id)]
        usage = muxi.client.budgets.usage
        [whole] = (await usage(())).items
        assert (whole.runs, whole.requests, whole.cost) == (4, 4, Decimal("0.8"))
        [day] = (await usage(("day",), time_zone="Asia/Tokyo")).items
        assert day.day is not None
        rows, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = await usage(("day", "agent", "user", "model"), limit=1, cursor=cursor)
            rows += page.items
            cursor, pages = page.next, pages + 1
        assert [(row.agent, row.user, row.runs) for row in rows] == [
            ("a", "ann", 1),
            ("a", "bob", 1),
            ("b", "bob", 2),
        ]
        assert {row.model for row in rows} == {"scripted/model"}
        today = date.fromisoformat(day.day)
        [ever] = (await usage((), since=date.min, until=date.max)).items
        assert ever.runs == 4
        assert (await usage(("day",), since=date.min, until=date.max)).items
        with pytest.raises(InvalidInput, match="The span ends before"):
            await usage((), since=today, until=today - timedelta(days=2))
        with pytest.raises(InvalidInput, match="The span ends before"):
            await usage((), since=today + timedelta(days=9))
        [only] = (await usage(("agent",), user="bob", agent="b")).items
        assert only.runs == 2
        async with Client(muxi.url, token=token, user="ann") as client:
            [own] = (await client.budgets.usage(("user",), user=None)).items
            assert (own.user, own.runs) == ("ann", 1)
            assert (await client.budgets.usage(("user",), user="bob")).items == []
        for wrong in ({"group_by": "colour"}, {"cursor": "x"}, {"since": "yesterday"}):
            async with muxi.http.get(f"{muxi.url}/api/usage", params=wrong) as response:
                assert response.status == 422
        with pytest.raises(InvalidInput):
            await usage(("day",), time_zone="Mars/Olympus")


async def test_what_is_counted_outlives_the_process(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"all": {"per": "tenant", "every": "month", "tokens": 1000, "runs": 5}}
    async with served(tmp_path, _model(lambda _: _answer()), budgets=budgets, **storage) as muxi:
        await _end(muxi)
        before = (await _balances(muxi))["all tenant"]
    async with served(tmp_path, _model(lambda _: _answer()), budgets=budgets, **storage) as muxi:
        assert (await _balances(muxi))["all tenant"] == before
    assert (before.used.tokens, before.used.runs, before.left.runs) == (20, 1, 4)


async def test_a_call_that_is_broken_off_counts_what_had_come(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    budgets = {"all": {"per": "tenant", "every": "month", "cost": "100"}}
    more = asyncio.Event()
    reply = Reply(parts=[TextPart(text="one two three four")], between=more.wait)
    async with served(tmp_path, _model([reply]), budgets=budgets, **storage) as muxi:
        run = await muxi.client.start_run("Well?")
        async for event in muxi.client.events(run.id):
            if event.type == "text.delta":
                await muxi.client.cancel(run.id)
        spent = (await _balances(muxi))["all tenant"]
        assert spent.used.cost > 0
        assert spent.reserved.cost == 0


async def test_nodes_share_their_budgets(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = {"url": postgres_database.url, "owner_url": postgres_database.owner_url}
    budgets = {"all": {"per": "tenant", "every": "month", "cost": "3", "runs": 15}}
    declared: dict[str, Any] = {"storage": storage, "budgets": budgets}
    async with (
        served(tmp_path / "a", _model(lambda _: _answer(20), answer=50), **declared) as one,
        served(tmp_path / "b", _model(lambda _: _answer(20), answer=50), **declared) as two,
    ):

        async def run(number: int) -> str:
            try:
                return (await _end((one, two)[number % 2])).status
            except BudgetExceeded:
                return "refused"

        outcomes = await asyncio.gather(*(run(number) for number in range(40)))
        first = (await _balances(one))["all tenant"]
        assert first == (await _balances(two))["all tenant"]
        assert first.used.cost == Decimal("0.3") * outcomes.count("completed")
        assert first.used.cost <= 3
        assert first.used.runs == 40 - outcomes.count("refused") <= 15
        assert outcomes.count("completed") >= 6
        # A budget that one node makes holds for the other within a second or two.
        await one.client.budgets.put("none", Budget(per="user", every="day", runs=0))
        async with asyncio.timeout(60):
            names: set[str] = set()
            while "none" not in names:
                names = {each.name for each in await two.client.budgets.all()}
        with pytest.raises(BudgetExceeded):
            await two.client.start_run("Well?")
