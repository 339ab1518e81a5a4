"""Facts are learned after the turns, each with its source, and asking a model has its bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.memories import remember_turns
from support.postgres import PostgresAddress

from muxi.core.errors import ModelConnectionError, ModelRejected, StorageUnavailable
from muxi.core.facts import Fact
from muxi.core.memories import Memory
from muxi.core.requests import ModelRequest
from muxi.core.threads import Thread
from muxi.memory.facts import FactStore
from muxi.memory.learning import Budget, Learning
from muxi.models.model import ModelProfile
from muxi.models.scripted import ScriptedModel
from muxi.storage import cursors
from muxi.storage import facts as stored
from muxi.storage import threads as stored_threads
from muxi.storage.database import Database, Scope, open_database

ANN, WHOLE = Scope("acme", "ann"), Scope("acme", None)
HERS = "user:ann"
DAY = datetime(2026, 6, 15, 9, tzinfo=UTC)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = await open_database("sqlite://")
    # What makes a tenant known to its workers.
    await database.write(ANN, lambda tx: stored_threads.create(tx, Thread()))
    yield database
    await database.close()


async def say(
    database: Database, *texts: str, owner: str = HERS, day: int = 0, role: str = "user"
) -> list[Memory]:
    turns = [
        Memory(
            owner=owner,
            text=text,
            speaker=owner.partition(":")[2],
            role=role,
            said_at=DAY + timedelta(days=day, minutes=at),
            thread_id=f"thr_{day}",
        )
        for at, text in enumerate(texts)
    ]
    return await remember_turns(database, WHOLE, owner, turns)


def learning(database: Database, model: ScriptedModel | None = None, **budget: Any) -> Learning:
    async def give() -> ScriptedModel:
        assert model is not None
        return model

    return Learning(
        database=database,
        holder="here",
        alone=True,
        model=give if model else None,
        budget=Budget(**budget),
    )


async def tree(database: Database, owner: str = HERS, **more: Any) -> Any:
    return await FactStore(database).tree(WHOLE, owner, **more)


async def history(database: Database, path: str) -> list[Fact]:
    return (await FactStore(database).history(ANN, HERS, path=path)).items


def noted(turn: int, path: str, value: Any, quote: str, **more: Any) -> dict[str, Any]:
    return {"turn": turn, "path": path, "value": value, "quote": quote, **more}


def answer(*facts: dict[str, Any]) -> str:
    return json.dumps({"facts": facts})


async def test_where_somebody_lives_is_learned_and_learned_anew(database: Database) -> None:
    learner = learning(database)
    [first] = await say(database, "Hi, I live in Lisbon, Portugal.")
    await learner.catch_up()
    assert await tree(database) == {"location": {"city": "Lisbon", "country": "Portugal"}}
    [second] = await say(database, "By the way, I moved to Berlin.", day=30)
    await learner.catch_up()
    assert await tree(database) == {"location": {"city": "Berlin"}}
    assert await tree(database, as_of=DAY + timedelta(days=7)) == {
        "location": {"city": "Lisbon", "country": "Portugal"}
    }
    old, new = await history(database, "location.city")
    assert (old.value, old.source_memory_id, old.valid_to) == ("Lisbon", first.id, new.valid_from)
    assert (new.value, new.source_memory_id, new.source) == ("Berlin", second.id, "conversation")


async def test_a_past_date_that_is_told_as_present_holds_now(database: Database) -> None:
    await say(database, "I live in Lisbon.", day=0)
    await say(database, "I moved to Berlin in March.", day=10)
    learner = learning(database)
    await learner.catch_up()
    assert await tree(database) == {"location": {"city": "Berlin"}}
    spans = [(fact.value, fact.valid_from) for fact in await history(database, "location.city")]
    assert spans == [
        ("Berlin", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Lisbon", DAY),
        ("Berlin", DAY + timedelta(days=10)),
    ]


async def test_repeating_confirms_and_an_end_ends(database: Database) -> None:
    await say(database, "I live in Lisbon.", day=0)
    await say(database, "Did I say that i live in lisbon?", "i live in lisbon", day=1)
    learner = learning(database)
    await learner.catch_up()
    [fact] = await history(database, "location.city")
    assert (fact.value, fact.confirmations) == ("Lisbon", 1)
    await say(database, "I no longer live in Oslo.", "I don't live in Lisbon anymore.", day=2)
    await learner.catch_up()
    assert await tree(database) == {}


async def test_who_moves_back_and_says_so_in_the_same_words_is_heard(database: Database) -> None:
    for day, text in enumerate(("I live in Lisbon.", "I moved to Berlin.", "I live in Lisbon.")):
        await say(database, text, day=day)
    await learning(database).catch_up()
    assert await tree(database) == {"location": {"city": "Lisbon"}}
    assert len(await history(database, "location.city")) == 3


async def test_what_the_assistant_says_is_not_learned(database: Database) -> None:
    await say(database, "I live in Lisbon.", role="assistant")
    learner = learning(database)
    await learner.catch_up()
    assert await tree(database) == {}
    assert learner.learned.refused["speaker"] == 1


async def test_shared_memory_keeps_its_speakers_apart(database: Database) -> None:
    for name in ("ann", "bob"):
        turn = Memory(owner="tenant", text=f"My name is {name.title()}", speaker=name, role="user")
        await remember_turns(database, WHOLE, "tenant", [turn])
    await learning(database).catch_up()
    assert await tree(database, "tenant", subject="ann") == {"name": "Ann"}
    assert await tree(database, "tenant", subject="bob") == {"name": "Bob"}


async def test_what_was_forgotten_meanwhile_teaches_nothing(database: Database) -> None:
    from muxi.storage import passages

    [memory] = await say(database, "My sister is called Zoe.")

    def reply(request: ModelRequest) -> str:
        # While the model thinks, its user forgets.
        database.write_blocking(
            WHOLE,
            lambda tx: passages.remove(
                tx, HERS, [row.number for row in passages.get(tx, [HERS], [memory.id])]
            ),
        )
        return answer(noted(1, "sister.name", "Zoe", "My sister is called Zoe"))

    learner = learning(database, ScriptedModel(reply))
    await database.write(WHOLE, lambda tx: cursors.set(tx, "facts", "0 1000"))
    await learner.catch_up()
    assert await tree(database) == {}


async def test_a_model_is_asked_once_for_several_turns_of_one_user(database: Database) -> None:
    model = ScriptedModel(
        [
            answer(
                noted(1, "user.occupation", "a doctor", "my sister Zoe is a doctor"),
                noted(2, "hobbies", ["chess", "tennis"], "I play chess and tennis"),
                noted(9, "hobby", "golf", "I play golf"),
            ),
            answer(noted(1, "pets.count", 2, "We have 2 cats")),
        ]
    )
    await say(database, "My sister Zoe is a doctor.", "I play chess and tennis.", "Thanks!")
    await say(database, "We have 2 cats.", owner="user:bob")
    learner = learning(database, model, batch=8)
    await learner.catch_up()
    assert len(model.requests) == 2
    asked = [request.messages[0].text for request in model.requests]
    assert "Zoe" in asked[0]
    assert "cats" not in asked[0]
    assert "Zoe" not in asked[1]
    # What the model says of the sister is not said of the user.
    assert await tree(database) == {"hobbies": ["chess", "tennis"]}
    assert await tree(database, "user:bob") == {"pets": {"count": 2}}
    assert learner.learned.refused == {"others": 1}
    await learner.catch_up()
    assert len(model.requests) == 2


async def test_a_day_has_a_budget_of_calls_and_of_tokens(database: Database) -> None:
    for day in range(6):
        await say(database, f"I collect stamps of kind {day}.", day=day)
    model = ScriptedModel(lambda _: answer())
    await learning(database, model, calls=2, batch=1).catch_up()
    assert len(model.requests) == 2
    # Another process of the same day has no more.
    await learning(database, model, calls=2, batch=1).catch_up()
    assert len(model.requests) == 2
    await learning(database, model, tokens=100, batch=1).catch_up()
    assert len(model.requests) == 2
    yesterday = "2020-01-01 2 99999999"
    await database.write(WHOLE, lambda tx: cursors.set(tx, "facts.spent", yesterday))
    await learning(database, model, calls=100, batch=8).catch_up()
    assert len(model.requests) == 3
    spent = await database.read(WHOLE, lambda tx: cursors.get(tx, "facts.spent"))
    assert spent is not None
    _, calls, tokens = spent.split()
    assert int(calls) == 1
    assert 0 < int(tokens) < 5_000


async def test_a_model_that_cannot_be_reached_is_asked_later(database: Database) -> None:
    await say(database, "I play chess.")
    right = answer(noted(1, "hobby", "chess", "I play chess"))
    model = ScriptedModel([ModelConnectionError(), right])
    learner = learning(database, model)
    with pytest.raises(ModelConnectionError):
        await learner.catch_up()
    await learner.catch_up()
    assert await tree(database) == {"hobby": "chess"}


@pytest.mark.parametrize(
    "reply",
    [
        "I could not find any facts, sorry.",
        "{",
        '{"facts": [{"turn": "x"}]}',
        '{"facts": ' + "[" * 100_000,
        "",
        ModelRejected(),
    ],
    ids=["prose", "broken", "misshapen", "deep", "empty", "rejected"],
)
async def test_an_answer_of_no_use_costs_its_turns_and_no_more(
    database: Database, reply: Any
) -> None:
    await say(database, "I play chess.")
    model = ScriptedModel([reply])
    learner = learning(database, model)
    await learner.catch_up()
    await learner.catch_up()
    assert await tree(database) == {}
    assert learner.learned.refused["answer"] == 1


async def test_a_model_without_structured_output_is_told_the_schema_in_words(
    database: Database,
) -> None:
    await say(database, "I play chess.")
    plain = ScriptedModel(
        [f"Here you are:\n```json\n{answer(noted(1, 'hobby', 'chess', 'I play chess.'))}\n```"],
        profile=ModelProfile(structured_output=False),
    )
    await learning(database, plain).catch_up()
    assert plain.requests[0].output is None
    assert "JSON Schema" in plain.requests[0].instructions
    assert await tree(database) == {"hobby": "chess"}


async def test_a_claim_never_wipes_out_an_object(database: Database) -> None:
    await say(database, "I live in Lisbon.")
    model = ScriptedModel([answer(noted(1, "location", "Lisbon", "I live in Lisbon"))])
    learner = learning(database, model)
    await learner.catch_up()
    assert await tree(database) == {"location": {"city": "Lisbon"}}
    assert learner.learned.refused == {"path": 1}


async def test_names_that_models_like_are_brought_to_the_known_ones(database: Database) -> None:
    await say(database, "I work as a beekeeper for Miller and Sons in Lisbon.")
    model = ScriptedModel(
        [
            answer(
                noted(1, "user.Job Title", "beekeeper", "I work as a beekeeper"),
                noted(1, "occupation", "beekeeper", "I work as a beekeeper"),
                noted(1, "work.company", "Miller and Sons", "for Miller and Sons"),
                noted(1, "home.city", "Lisbon", "in Lisbon"),
            )
        ]
    )
    learner = learning(database, model)
    await learner.catch_up()
    assert await tree(database) == {
        "work": {"role": "beekeeper", "employer": "Miller and Sons"},
        "location": {"city": "Lisbon"},
    }
    assert learner.learned.refused == {"duplicate": 1}


async def test_it_works_in_the_background_and_reads_the_last_words_at_the_end(
    database: Database,
) -> None:
    await say(database, "I live in Lisbon.")
    learner = learning(database)
    await learner.start()
    assert await tree(database) == {"location": {"city": "Lisbon"}}
    memories = await say(database, "My name is Ann.", day=1)
    await learner.heard(WHOLE, HERS, memories)
    await learner.stop()
    assert await tree(database, path="name") == "Ann"
    facts = await database.read(ANN, lambda tx: stored.page(tx, HERS))
    assert len(facts.items) == 2


async def test_a_database_that_is_away_at_the_end_keeps_nobody_from_stopping(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("The disk is away.")

    worker = Learning(database=database, holder="here", alone=False)
    await say(database, "I live in Lisbon.")
    with monkeypatch.context() as patched:
        await worker.start()
        patched.setattr(database, "write", refuse)
        await worker.stop()
    assert await tree(database) == {"location": {"city": "Lisbon"}}


@pytest.mark.ci
async def test_whatever_process_stored_a_turn_facts_are_learned_from_it_at_once(
    postgres_database: PostgresAddress,
) -> None:
    async with AsyncExitStack() as stack:
        databases = [await open_database(postgres_database.url) for _ in range(2)]
        for database in databases:
            stack.push_async_callback(database.close)
        await databases[0].write(ANN, lambda tx: stored_threads.create(tx, Thread()))
        workers = [
            Learning(database=database, holder=f"process-{number}", alone=False)
            for number, database in enumerate(databases)
        ]
        for number, city in enumerate(("Lisbon", "Berlin")):
            await say(databases[number], f"I live in {city}.", day=number)
            await workers[number].catch_up()
            assert await tree(databases[0]) == {"location": {"city": city}}
