"""The profile of a user: the best of what is known, in the same words each time, within bounds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from muxi.core.context import RunContext
from muxi.core.facts import Confirmation, Fact
from muxi.core.messages import Message
from muxi.core.ports import ContextBlock, ContextQuery
from muxi.memory.facts import FactStore
from muxi.memory.profile import Profile, chosen, text_of, weight
from muxi.storage.database import Database, Scope, open_database

ANN, BOB = Scope("acme", "ann"), Scope("acme", "bob")
NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)


def fact(path: str, value: object = "x", *, age: int = 0, **more: object) -> Fact:
    said = NOW - timedelta(days=age)
    return Fact.model_validate(
        {
            "id": f"fct_{path}",
            "owner": "user:ann",
            "predicate": path,
            "value": value,
            "valid_from": said,
            "recorded_at": said,
            **more,
        }
    )


def words(text: str) -> int:
    return len(text.split())


def profile_text(facts: list[Fact], room: int, *, at: datetime) -> str:
    return text_of(chosen(facts, room, words, at=at))


class Before:
    """What follows the profile."""

    budget = 0

    async def gather(self, ctx: object, query: ContextQuery) -> ContextBlock:
        self.budget = query.budget
        return ContextBlock(instructions="the rest")


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = await open_database("sqlite://")
    yield database
    await database.close()


async def gathered(database: Database, who: Scope, *owners: str, budget: int = 8000) -> str:
    before = Before()
    profile = Profile(inner=before, facts=FactStore(database), who=who, owners=owners)
    query = ContextQuery(
        input=[], budget=budget, count=lambda *messages: sum(words(each.text) for each in messages)
    )
    block = await profile.gather(RunContext(deps=None), query)
    assert isinstance(query.count(Message(role="user", parts=[])), int)
    assert before.budget <= budget
    return block.instructions


async def test_a_model_is_told_what_is_known_of_its_user_and_of_no_other(
    database: Database,
) -> None:
    facts = FactStore(database)
    assert await gathered(database, ANN, "user:ann") == "the rest"
    await facts.merge(ANN, "user:ann", {"name": "Ann", "location": {"city": "Lisbon"}})
    await facts.merge(BOB, "user:bob", {"name": "Bob"})
    await facts.put(ANN, "user:ann", "secret", 1, subject="somebody else")
    text = await gathered(database, ANN, "user:ann")
    lines = text.splitlines()
    assert [line.partition(" (")[0] for line in lines[1:3]] == [
        "- location.city: Lisbon",
        "- name: Ann",
    ]
    assert lines[-1] == "the rest"
    assert "Bob" not in text
    assert "secret" not in text
    await facts.put(BOB, "tenant", "name", "Bobby", subject="bob")
    assert "Bobby" not in await gathered(database, ANN, "user:ann", "tenant")
    assert "name: Bobby" in await gathered(database, BOB, "user:bob", "tenant")
    assert "name: Bob (" in await gathered(database, BOB, "user:bob", "tenant")


async def test_many_facts_are_read_whole_and_cut_to_the_budget(database: Database) -> None:
    facts = FactStore(database)
    await facts.merge(ANN, "user:ann", {f"k{at:03}": at for at in range(200)})
    text = await gathered(database, ANN, "user:ann", budget=1600)
    assert 20 < len(text.splitlines()) < 60
    assert words(text) <= 200 + 2


def test_what_is_confirmed_recent_and_used_comes_first() -> None:
    again = Confirmation(at=NOW, recorded_at=NOW)
    ordered = [
        fact("both", age=300, confirmations=5, confirmed=[again], uses=5, used_at=NOW),
        fact("confirmed", age=300, confirmations=5, confirmed=[again]),
        fact("fresh"),
        fact("doubtful", confidence=0.4),
        fact("old", age=2000),
    ]
    weights = [weight(each, NOW) for each in ordered]
    assert weights == sorted(weights, reverse=True)
    line = words("- fresh: x (since 2026-06-15)") + 1
    heading = words(profile_text([fact("x")], 1000, at=NOW)) - line + 1
    for room in range(1, 5):
        text = profile_text(list(reversed(ordered)), heading + room * line, at=NOW)
        shown = [row.split()[1].rstrip(":") for row in text.splitlines()[1:]]
        assert shown == sorted(each.predicate for each in ordered[:room])
    assert profile_text(ordered, 3, at=NOW) == ""


def test_the_same_facts_give_the_same_text_all_day() -> None:
    facts = [fact(f"path {at}", at, age=at) for at in range(30)]
    morning = profile_text(facts, 100, at=NOW)
    evening = profile_text(facts[::-1], 100, at=NOW + timedelta(hours=12))
    assert morning == evening


def test_values_are_one_line_each_and_not_too_long() -> None:
    text = profile_text(
        [fact("a", "x\ny" * 500), fact("b", {"c": ["é"]}), fact("d", True)], 10_000, at=NOW
    )
    heading, a, b, d = text.splitlines()
    assert heading.startswith("Known of the user")
    assert len(a) < 250
    assert b.startswith('- b: {"c": ["é"]}')
    assert d.startswith("- d: true")
