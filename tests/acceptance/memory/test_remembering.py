"""Conversations are remembered across threads and processes, each user's apart, and recalled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.embeddings import Embeddings, embeddings

from muxi.core.caller import LOCAL_CALLER
from muxi.core.errors import AccessDenied, NotFound
from muxi.core.events import Event, MemoryRecalled
from muxi.core.requests import ModelRequest
from muxi.models.model import Model
from muxi.models.scripted import Script, ScriptedModel, call
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.feed import EventReader
from muxi.runtime.principal import Principal, owner_for
from muxi.runtime.requests import RunRequest
from tests.acceptance.memory.conftest import World
from tests.support.postgres import PostgresAddress
from tests.support.served import project

ANA, BOB = Principal("default", "ana"), Principal("default", "bob")
OF_ANA, OF_BOB = owner_for(ANA), owner_for(BOB)


def quoting(request: ModelRequest) -> str:
    """A model that says what it was given of earlier conversations, and nothing else."""
    lines = [line for line in request.instructions.splitlines() if line.startswith("- 2")]
    return "You told me:\n" + "\n".join(lines) if lines else "I know nothing of it."


@asynccontextmanager
async def opened(
    world: World, script: Script | Model = quoting, **memory: Any
) -> AsyncGenerator[Runtime]:
    """The project in this process, from its opening to its end."""
    model = script if hasattr(script, "profile") else ScriptedModel(script)  # pyright: ignore[reportArgumentType] -- what is no model is a script
    declared = {**world.declared, "memory": {**world.declared["memory"], **memory}}
    runtime = await open_runtime(project(world.folder, **declared), models={"m/m": model})  # pyright: ignore[reportArgumentType] -- likewise
    try:
        yield runtime
    finally:
        await runtime.close()


async def say(runtime: Runtime, who: Principal, text: str, **where: Any) -> tuple[str, list[Event]]:
    """The answer to `text` in a new thread, and the events of its run."""
    caller = LOCAL_CALLER.acting(who.principal or "")
    run, feed = await runtime.runs.start_and_follow(caller, RunRequest(input=text, **where))
    async with EventReader(feed) as reader:
        events = [event async for event in reader]
    said = await runtime.threads.messages(who, run.thread_id)
    return said[-1].text, events


def recalled(events: list[Event]) -> MemoryRecalled:
    """The event of the turns and notes that were shown; facts are told by another one."""
    return next(
        event
        for event in events
        if isinstance(event, MemoryRecalled) and any(hit.kind != "fact" for hit in event.hits)
    )


async def memories(runtime: Runtime, who: Principal) -> list[str]:
    page = await runtime.memories.page(who, owner_for(who), limit=100)
    return [memory.text for memory in reversed(page.items)]


async def test_what_is_said_in_one_process_is_recalled_in_the_next(world: World) -> None:
    async with opened(world, embedder="embedded") as runtime:
        await say(runtime, ANA, "I live in Lisbon")
    async with opened(world, embedder="embedded") as runtime:
        await say(runtime, ANA, "I have moved: I live in Porto now")
    async with opened(world, embedder="embedded") as runtime:
        await runtime.remembering.backlog.catch_up()
        answer, events = await say(runtime, ANA, "Where do I live?")
        # The later one stands last, and its date says so.
        assert answer.index("Lisbon") < answer.index("Porto")
        told = recalled(events)
        assert told.embedder == "embedded/wordllama-256"
        for hit in told.hits:
            memory = await runtime.memories.get(ANA, hit.id)
            assert memory.thread_id is not None
            assert memory.message_id is not None
            said = await runtime.threads.messages(ANA, memory.thread_id)
            assert memory.text in [message.text for message in said]


async def test_two_users_ask_the_same_and_hear_their_own(world: World) -> None:
    async with opened(world) as runtime:
        await say(runtime, ANA, "My secret word is marmalade")
        await say(runtime, BOB, "My secret word is gasoline")
        await runtime.remembering.backlog.catch_up()
        answers = [(await say(runtime, who, "What is my secret word?"))[0] for who in (ANA, BOB)]
        assert ["marmalade" in answer for answer in answers] == [True, False]
        assert ["gasoline" in answer for answer in answers] == [False, True]
        of_ana = (await runtime.memories.search(ANA, OF_ANA, "marmalade")).items[0]
        with pytest.raises(NotFound):
            await runtime.memories.get(BOB, of_ana.memory.id)
        for ask in (
            runtime.memories.page(BOB, "user:ana"),
            runtime.memories.search(BOB, "user:ana", "marmalade"),
            runtime.memories.add(BOB, "user:ana", "x"),
            runtime.remembering.stats(BOB, "user:ana"),
        ):
            with pytest.raises(AccessDenied):
                await ask


async def test_an_answer_made_of_memories_is_never_remembered_again(world: World) -> None:
    async with opened(world) as runtime:
        await say(runtime, ANA, "I live in Lisbon with my dog Rex")
        for number in range(5):
            await runtime.remembering.backlog.catch_up()
            answer, _ = await say(runtime, ANA, f"Where do I live with my dog, asked time {number}")
            assert "Lisbon" in answer
        await runtime.remembering.backlog.catch_up()
        stored = await memories(runtime, ANA)
        assert [text for text in stored if "Lisbon" in text] == ["I live in Lisbon with my dog Rex"]
        (first, *_) = (await runtime.memories.page(ANA, OF_ANA, limit=100)).items[::-1]
        assert first.uses == 5


@pytest.mark.ci
async def test_catching_up_waits_for_what_hides_a_run_that_has_ended(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    """On PostgreSQL no row is followed before all that was begun before it has ended."""
    storage = {"url": postgres_database.url, "owner_url": postgres_database.owner_url}
    declared = {"memory": {"embedder": "none"}, "storage": storage}
    async with opened(World(tmp_path / "project", "postgresql", declared)) as runtime:
        with psycopg.connect(postgres_database.admin_url) as other:
            other.execute("SELECT pg_current_xact_id()")
            await say(runtime, ANA, "I live in Lisbon")
            catching_up = asyncio.create_task(runtime.remembering.backlog.catch_up())
            await asyncio.wait({catching_up}, timeout=0.3)
            assert not catching_up.done()
            other.commit()
        await catching_up
        assert "I live in Lisbon" in await memories(runtime, ANA)


async def test_what_a_tool_gives_is_never_remembered(world: World) -> None:
    world.declared["agents"] = {"a": {"name": "a", "tools": ["calculator"]}}
    script = [call("calculator", expression="6 * 7"), "6 * 7 = 42."]
    async with opened(world, script) as runtime:
        await say(runtime, ANA, "Please multiply six by seven for the invoice")
        await runtime.remembering.backlog.catch_up()
        assert await memories(runtime, ANA) == ["Please multiply six by seven for the invoice"]


async def test_an_agent_remembers_and_recalls_by_its_tools(world: World) -> None:
    world.declared["agents"] = {"a": {"name": "a", "memory": {"tools": True, "recall": False}}}
    script = [
        call("remember", text="Ana is allergic to walnuts."),
        "Done.",
        call("recall", query="allergic to what?"),
        "Ana is allergic to walnuts.",
    ]
    async with opened(world, script) as runtime:
        await say(runtime, ANA, "Keep in mind that walnuts are bad for me")
        (note,) = (await runtime.memories.page(ANA, OF_ANA, kind="note")).items
        assert (note.text, note.source, note.agent) == ("Ana is allergic to walnuts.", "tool", "a")
        _, events = await say(runtime, ANA, "What must I not eat?")
        results = [event.result.text for event in events if event.type == "tool.completed"]  # pyright: ignore[reportAttributeAccessIssue] -- of that type
        assert note.id in results[0]
        assert (await runtime.memories.page(BOB, OF_BOB)).items == []


async def test_an_agent_that_says_so_remembers_nothing_and_one_shares_with_all(
    world: World,
) -> None:
    world.declared["agents"] = {
        "a": {"name": "a", "memory": {"remember": False}},
        "b": {"name": "b", "memory": {"scope": ["agent", "user"]}},
    }
    async with opened(world) as runtime:
        await say(runtime, ANA, "I live in Lisbon", agent="a")
        await say(runtime, ANA, "The printer on floor two is broken", agent="b")
        await runtime.remembering.backlog.catch_up()
        assert await memories(runtime, ANA) == []
        answer, _ = await say(runtime, BOB, "Which printer is broken?", agent="b")
        assert "floor two" in answer
        answer, _ = await say(runtime, BOB, "Which printer is broken?", agent="a")
        assert "floor two" not in answer


async def test_a_process_that_is_killed_loses_no_turn_and_stores_none_twice(world: World) -> None:
    async with opened(world) as runtime:
        # As if the process had died before the worker came to it.
        await runtime.remembering.backlog.stop()
        runtime.remembering.backlog.behind = False
        for text in ("I live in Lisbon", "My dog is called Rex"):
            await say(runtime, ANA, text)
        assert await memories(runtime, ANA) == []
    async with opened(world) as runtime:
        await runtime.remembering.backlog.catch_up()
        expected = ["I live in Lisbon", "My dog is called Rex"]
        assert [text for text in await memories(runtime, ANA) if "know" not in text] == expected
        # A worker that forgot where it stood begins anew, and finds all of it there.
        from muxi.storage import cursors

        whole = Principal("default", None)
        await runtime.database.write(whole, lambda tx: cursors.set(tx, "memory", None))
        await runtime.remembering.backlog.catch_up()
        assert [text for text in await memories(runtime, ANA) if "know" not in text] == expected


@pytest.mark.ci
async def test_of_two_nodes_one_remembers_for_both_and_the_other_takes_over(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    declared: dict[str, Any] = {
        "memory": {"embedder": "none"},
        "storage": {"url": postgres_database.url, "owner_url": postgres_database.owner_url},
    }
    first = World(tmp_path / "a", "postgresql", declared)
    second = World(tmp_path / "b", "postgresql", declared)
    async with opened(second) as other:
        async with opened(first) as one:
            for runtime in (one, other):
                await say(runtime, ANA, f"The boat of node {runtime.state.root.parent.name} leaks")
            await other.remembering.backlog.catch_up()
            await one.remembering.backlog.catch_up()
            stored = [text for text in await memories(one, ANA) if "boat" in text]
            assert stored == ["The boat of node a leaks", "The boat of node b leaks"]
        # Whoever it was has gone, and the one that is left works at once.
        await say(other, ANA, "The boat is mended")
        await other.remembering.backlog.catch_up()
        assert "The boat is mended" in await memories(other, ANA)


def hosted(provider: Embeddings, name: str = "e-1") -> dict[str, Any]:
    return {"model": f"openai/{name}", "base_url": provider.url, "key": "${NO_SUCH_VARIABLE:-k}"}


async def test_a_provider_that_fails_for_an_hour_holds_up_no_turn(world: World) -> None:
    async with embeddings() as provider:
        world.declared["models"] = {"vectors": hosted(provider)}
        async with opened(world, embedder="vectors") as runtime:
            await say(runtime, ANA, "I live in Lisbon")
            provider.status = 401
            await say(runtime, ANA, "My dog is called Rex")
            with pytest.raises(Exception, match="openai"):
                await runtime.remembering.backlog.catch_up()
            answer, events = await say(runtime, ANA, "What is my dog called?")
            assert "Rex" in answer
            told = recalled(events)
            assert told.embedder is None
            assert "openai/e-1" in str(told.note)
            assert (await runtime.remembering.stats(ANA, OF_ANA)).problem
            provider.status = 200
            await runtime.remembering.backlog.catch_up()
            stats = await runtime.remembering.stats(ANA, OF_ANA)
            assert (stats.missing, stats.problem) == (0, None)


async def test_a_text_that_the_provider_refuses_stops_no_other(world: World) -> None:
    async with embeddings() as provider:
        provider.refused = "poison"
        world.declared["models"] = {"vectors": hosted(provider)}
        async with opened(world, embedder="vectors") as runtime:
            for text in ("I live in Lisbon", "There is poison in the well", "My dog is called Rex"):
                await runtime.memories.add(ANA, OF_ANA, text)
            await runtime.remembering.backlog.catch_up()
            assert (await runtime.remembering.stats(ANA, OF_ANA)).missing == 0
            found = await runtime.memories.search(ANA, OF_ANA, "poison")
            assert "There is poison in the well" in [item.memory.text for item in found.items]


async def test_a_reranker_has_the_last_word_on_what_comes_first(world: World) -> None:
    async with embeddings() as provider:
        world.declared["models"] = {"order": {"model": "jina/r-1", "base_url": provider.url}}
        async with opened(world, reranker="order") as runtime:
            await runtime.memories.add(
                ANA, OF_ANA, "The harbour of Porto lies at the mouth of the river"
            )
            await runtime.memories.add(ANA, OF_ANA, "What the harbour is best known for")
            found = await runtime.memories.search(
                ANA, OF_ANA, "Where does the harbour of Porto lie?"
            )
            assert found.items[0].memory.text == "What the harbour is best known for"


async def test_questions_are_answered_while_the_embedder_is_switched(world: World) -> None:
    async with embeddings(64) as old, embeddings(96) as new:
        world.declared["models"] = {"old": hosted(old), "new": hosted(new, "e-2")}
        async with opened(world, embedder="old") as runtime:
            for number in range(300):
                await runtime.memories.add(
                    ANA, OF_ANA, f"Shelf {number} holds the box of colour {number}"
                )
            await runtime.remembering.backlog.catch_up()
            new.gate.clear()
            await runtime.remembering.use_embedder("new")
            for number in (7, 123, 299):
                found = await runtime.memories.search(
                    ANA, OF_ANA, f"Where is the box of colour {number}?"
                )
                assert found.items[0].memory.text.endswith(f"colour {number}")
                assert found.embedder == "openai/e-1"
                stats = await runtime.remembering.stats(ANA, OF_ANA)
                assert (stats.embedder, stats.next_embedder) == ("openai/e-1", "openai/e-2")
                assert stats.missing > 0
            # What is said meanwhile has vectors of the model that answers.
            await runtime.memories.add(ANA, OF_ANA, "The cello stands in the attic")
        # The process ends in the middle, and the next one goes on.
        async with opened(world, embedder="new") as runtime:
            found = await runtime.memories.search(ANA, OF_ANA, "Where is the box of colour 42?")
            assert found.embedder == "openai/e-1"
            new.gate.set()
            await runtime.remembering.backlog.catch_up()
            stats = await runtime.remembering.stats(ANA, OF_ANA)
            assert (stats.embedder, stats.next_embedder) == ("openai/e-2", None)
            assert (stats.embedded, stats.missing) == (301, 0)
            found = await runtime.memories.search(ANA, OF_ANA, "Where is the box of colour 42?")
            assert found.embedder == "openai/e-2"
            assert found.items[0].memory.text.endswith("colour 42")


async def test_vectors_are_made_while_turns_keep_coming(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embeddings(64) as provider:
        world.declared["models"] = {"hosted": hosted(provider)}
        async with opened(world, embedder="hosted") as runtime:
            follower = runtime.remembering.backlog.follower
            step, embedded = follower.step, asyncio.Event()

            async def there_is_more(tenant: str) -> bool:
                await step(tenant)
                return True

            embed = runtime.remembering.backlog.embedding.step

            async def seen(tenant: str) -> bool:
                busy = await embed(tenant)
                stats = await runtime.remembering.stats(ANA, OF_ANA)
                if stats.embedded:
                    embedded.set()
                return busy

            monkeypatch.setattr(follower, "step", there_is_more)
            monkeypatch.setattr(runtime.remembering.backlog.embedding, "step", seen)
            await say(runtime, ANA, "The cello stands in the attic")
            async with asyncio.timeout(30):
                await embedded.wait()


async def test_many_users_with_nearly_the_same_memories_never_see_each_others(
    world: World,
) -> None:
    source = random.Random(4)
    users = ["ann", "Ann", "ann ", "ann%", "_nn", "user:ann", "änn", "*"]
    kept: dict[str, dict[str, str]] = {user: {} for user in users}
    async with opened(world) as runtime:
        for step in range(150):
            user = source.choice(users)
            who, own = Principal("default", user), kept[user]
            deed = source.randrange(5)
            if deed < 2:
                text = f"The key of the house lies under stone {step} ({len(own)})"
                own[(await runtime.memories.add(who, owner_for(who), text)).id] = text
            elif deed == 2:
                page = await runtime.memories.page(who, owner_for(who), limit=200)
                assert {memory.id: memory.text for memory in page.items} == own
            elif deed == 3:
                found = await runtime.memories.search(
                    who, owner_for(who), "Where is the key?", limit=50
                )
                assert {item.memory.id for item in found.items} <= own.keys()
                assert bool(found.items) == bool(own)
            else:
                foreign = source.choice([key for ids in kept.values() for key in ids] or ["mem_0"])
                if foreign not in own:
                    with pytest.raises(NotFound):
                        await runtime.memories.get(who, foreign)
                else:
                    assert (await runtime.memories.get(who, foreign)).owner == f"user:{user}"
