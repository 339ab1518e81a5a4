"""Long conversations over HTTP: older messages are summarised, told of, and all still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.core.events import Event, HistoryCompacted, RunCompleted
from muxi.core.requests import ModelRequest
from muxi.memory.overlay import SUMMARY
from muxi.models.scripted import ScriptedModel, call

TURNS = 40
AGENT = {"name": "a", "history_tokens": 700}
QUIET = {"recall": {"enabled": False}, "embedder": "none"}


async def _talk(muxi: Served, turns: int, thread: str | None = None) -> tuple[str, list[Event]]:
    told: list[Event] = []
    for number in range(turns):
        where = {} if thread is None else {"thread_id": thread}
        thread, events = await muxi.answer(f"Parcel {number} weighs {number * 37} grams.", **where)
        told += events
        await muxi.runtime.runs.past.compactor.idle()
    assert thread is not None
    return thread, told


def _noted(request: ModelRequest) -> str:
    return f"Noted: {request.messages[-1].text}"


def _summary(model: ScriptedModel) -> dict[str, Any] | None:
    found: Any = model.requests[-1].messages[0].metadata.get(SUMMARY)
    return found


async def test_a_long_conversation_is_summarised_and_stays_readable(tmp_path: Path) -> None:
    model = ScriptedModel(_noted)
    async with served(tmp_path, model, agents={"a": AGENT}, memory=QUIET) as muxi:
        thread, events = await _talk(muxi, TURNS)
        told = [event for event in events if isinstance(event, HistoryCompacted)]
        assert told
        assert all(event.seq > 0 for event in told)
        # A reader that comes later gets them too.
        again = await muxi.follow(told[0].run_id)
        assert told[0] in again
        assert again[0].type == "run.started"
        stands_for = _summary(model)
        assert stands_for is not None
        assert sum(map(model.count, model.requests[-1].messages[:-1])) <= 700
        messages = await muxi.client.messages(thread)
        assert [message.text for message in messages[::2]] == [
            f"Parcel {number} weighs {number * 37} grams." for number in range(TURNS)
        ]
        assert messages[stands_for["messages"] - 1].id == stands_for["last_message_id"]
        # A branch that left before is given the messages themselves.
        await muxi.answer("Instead", thread_id=thread, parent_id=messages[5].id)
        given = [message.text for message in model.requests[-1].messages[:-1]]
        assert given == [message.text for message in messages[:6]]
    model = ScriptedModel(_noted)
    async with served(tmp_path, model, agents={"a": AGENT}, memory=QUIET) as muxi:
        await muxi.answer("And now?", thread_id=thread, parent_id=messages[-1].id)
        assert _summary(model) is not None
        await muxi.client.delete_thread(thread)


async def test_an_agent_decides_otherwise_than_its_project(tmp_path: Path) -> None:
    model = ScriptedModel(_noted)
    window = {**AGENT, "memory": {"compaction": {"strategy": "window"}}}
    async with served(tmp_path, model, agents={"a": window}, memory=QUIET) as muxi:
        _, events = await _talk(muxi, TURNS)
        assert not any(isinstance(event, HistoryCompacted) for event in events)
        assert model.requests[-1].messages[-2].text.startswith(f"Noted: Parcel {TURNS - 2}")


async def test_a_model_of_the_project_writes_the_summaries(tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str:
        if request.instructions.startswith("You condense"):
            return "All parcels are heavy."
        return _noted(request)

    model = ScriptedModel(answer)
    memory = {**QUIET, "compaction": {"model": "m/m", "strategy": "hierarchical"}}
    async with served(tmp_path, model, agents={"a": AGENT}, memory=memory) as muxi:
        _, events = await _talk(muxi, TURNS)
        told = [event for event in events if isinstance(event, HistoryCompacted)]
        assert told
        assert told[0].model == model.name
        assert told[0].usage is not None
        assert "All parcels are heavy." in model.requests[-1].messages[0].text


async def test_a_run_with_many_tool_calls_is_summarised_with_what_came_of_them(
    tmp_path: Path,
) -> None:
    def weigh(parcel: int) -> str:
        """Weigh a parcel."""
        return f"Parcel {parcel} weighs {parcel * 1000 + 7} grams. " + "It is a parcel. " * 20

    def answer(request: ModelRequest) -> Any:
        last = request.messages[-1]
        return call("weigh", parcel=len(request.messages)) if last.role == "user" else "Weighed."

    model = ScriptedModel(answer)
    agent = {**AGENT, "history_tokens": 1_600, "tools": ["weigh"]}
    memory = {**QUIET, "compaction": {"tokens": 400}}
    async with served(
        tmp_path, model, agents={"a": agent}, memory=memory, tools={"weigh": weigh}
    ) as muxi:
        thread, events = await _talk(muxi, 24)
        ends = [event for event in events if isinstance(event, RunCompleted)]
        assert {event.status for event in ends} == {"completed"}
        assert _summary(model) is not None
        assert "tools called besides: weigh " in model.requests[-1].messages[0].text
        assert len(await muxi.client.messages(thread)) == 96


async def test_two_nodes_share_the_summaries_of_a_thread(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = {"url": postgres_database.url, "owner_url": postgres_database.owner_url}
    one_model, two_model = ScriptedModel(_noted), ScriptedModel(_noted)
    declared: dict[str, Any] = {"storage": storage, "agents": {"a": AGENT}, "memory": QUIET}
    async with (
        served(tmp_path / "a", one_model, **declared) as one,
        served(tmp_path / "b", two_model, **declared) as two,
    ):
        thread, events = await _talk(one, 24)
        for _ in range(4):
            for node in (two, one):
                _, more = await _talk(node, 3, thread)
                events += more
        told = [event for event in events if isinstance(event, HistoryCompacted)]
        assert told
        messages = await one.client.messages(thread)
        assert len(messages) == 96
        for model in (one_model, two_model):
            stands_for = _summary(model)
            assert stands_for is not None
            place = stands_for["messages"] - 1
            assert messages[place].id == stands_for["last_message_id"]
