"""`from muxi import Memory`, in a program without agents and with one in a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.embeddings import embeddings

from muxi import Agent, Memory
from muxi.core.errors import InvalidInput, NotFound
from muxi.core.forgetting import Forget
from muxi.core.messages import user_message
from muxi.core.requests import ModelRequest
from muxi.models.resolve import embedder
from muxi.models.scripted import ScriptedModel


async def test_what_was_added_is_found_by_another_program(tmp_path: Path) -> None:
    place = str(tmp_path / "memories.db")
    async with Memory(place) as memory:
        await memory.add("I live in Lisbon", user="ana")
        await memory.add("The cello stands in the attic", user="ana")
    async with Memory(place) as memory:
        found = await memory.search("where does she live?", user="ana")
        assert found.items[0].memory.text == "I live in Lisbon"
        assert found.embedder == "embedded/wordllama-256"
        assert (await memory.search("where does she live?", user="bob")).items == []


async def test_facts_are_nested_and_keep_their_past() -> None:
    async with Memory() as memory:
        assert await memory.facts(user="ana") == {}
        await memory.set_facts({"name": "Ana", "location": {"city": "Lisbon"}}, user="ana")
        await memory.set_facts({"location": {"city": "Porto"}}, user="ana")
        assert await memory.facts("location", user="ana") == {"city": "Porto"}
        assert await memory.facts("location", user="bob") == {}


async def test_a_conversation_is_remembered_turn_by_turn() -> None:
    async with Memory(embedder=None) as memory:
        stored = await memory.add_turns(
            [
                {"role": "user", "content": "Hi!"},
                {"role": "assistant", "content": "Which town do you live in?"},
                {"role": "user", "content": "Lisbon"},
                {"role": "tool", "content": "noise of a tool"},
                user_message("It is sunny there"),
            ],
            user="ana",
            thread="thr_1",
        )
        assert [entry.speaker for entry in stored] == ["assistant", "ana", "ana"]
        found = await memory.search("town", user="ana")
        assert "Lisbon" in [item.memory.text for item in found.items]
        page = await memory.list(user="ana", thread="thr_1")
        assert len(page.items) == 3


async def test_what_is_forgotten_is_gone_and_what_is_exported_comes_back() -> None:
    async with Memory(embedder=None) as memory, Memory(embedder=None) as other:
        kept = await memory.add("I live in Lisbon", user="ana")
        gone = await memory.add("My dog is called Rex", user="ana")
        await memory.forget(gone.id, user="ana")
        with pytest.raises(NotFound):
            await memory.get(gone.id, user="ana")
        lines = [line async for line in memory.export(user="ana")]
        assert "Rex" not in "".join(lines)
        await other.take_in(lines, user="ana")
        assert (await other.get(kept.id, user="ana")).text == "I live in Lisbon"
        await other.forget(Forget(everything=True), user="ana")
        assert (await other.list(user="ana")).items == []


@pytest.mark.parametrize("whose", [{}, {"user": ""}, {"user": "a", "agent": "b"}, {"owner": "x"}])
async def test_there_is_no_memory_without_an_owner(whose: dict[str, str]) -> None:
    async with Memory(embedder=None) as memory:
        with pytest.raises(InvalidInput):
            await memory.add("I live in Lisbon", **whose)  # pyright: ignore[reportArgumentType] -- on purpose
        with pytest.raises(InvalidInput):
            await memory.search("Lisbon", **whose)  # pyright: ignore[reportArgumentType] -- on purpose


async def test_a_provider_that_fails_loses_nothing_and_is_made_up_for() -> None:
    async with embeddings() as provider:
        model = embedder("openai/e-1", key="k", base_url=provider.url)
        async with Memory(embedder=model) as memory:
            provider.status = 401
            await memory.add("I live in Lisbon", user="ana")
            found = await memory.search("Where do I live?", user="ana")
            assert [item.memory.text for item in found.items] == ["I live in Lisbon"]
            assert found.note is not None
            assert "openai/e-1" in found.note
            provider.status = 200
            await memory.add("My dog is called Rex", user="ana")
            assert {"I live in Lisbon", "My dog is called Rex"} <= set(provider.texts)


def quoting(request: ModelRequest) -> str:
    """Says what it was given, as a model does that was asked for it."""
    lines = [line for line in request.instructions.splitlines() if line.startswith("- ")]
    return "You told me:\n" + "\n".join(lines) if lines else "Noted."


async def test_an_agent_in_a_script_remembers_its_users_apart() -> None:
    async with Memory() as memory:
        agent = Agent("bot", ScriptedModel(quoting), memory=memory)
        assert agent.memory is memory
        await agent.run("I live in Lisbon", user="ana")
        events = [event async for event in agent.stream("My dog is called Rex", user="ana")]
        assert events[-1].type == "run.completed"
        assert "I live in Lisbon" in (await agent.run("Where do I live?", user="ana")).text
        assert (await agent.run("Where do I live?", user="bob")).text == "Noted."
        texts = [entry.text for entry in (await memory.list(user="ana")).items]
        assert texts == ["Where do I live?", "My dog is called Rex", "I live in Lisbon"]
