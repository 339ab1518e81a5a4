"""Messages go in over HTTP, are answered, and are all there afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from support.served import served

from muxi.core.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from muxi.core.events import MessageCompleted, RunCompleted, TextDelta
from muxi.core.messages import ImagePart, TextPart
from muxi.models.scripted import Gate, Reply, ScriptedModel


def _end(events: list[object]) -> RunCompleted:
    assert isinstance(events[-1], RunCompleted)
    return events[-1]


async def test_an_answer_is_streamed_and_stored(tmp_path: Path) -> None:
    async with served(tmp_path, ["Four words are here"]) as muxi:
        thread, events = await muxi.answer("Say four words")
        assert [event.type for event in events] == [
            "run.started",
            "message.started",
            *["text.delta"] * 4,
            "message.completed",
            "run.completed",
        ]
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Four words are here"
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        messages = await muxi.client.messages(thread)
        assert [(m.role, m.text) for m in messages] == [
            ("user", "Say four words"),
            ("assistant", "Four words are here"),
        ]
        assert messages[1].parent_id == messages[0].id
        run = await muxi.client.run(events[0].run_id)
        assert run.status == "completed"
        assert run.finished_at is not None
        assert run.usage.requests == 1
        assert (await muxi.client.thread(thread)).title == "Say four words"


async def test_a_message_that_was_told_is_stored_when_it_is_told(tmp_path: Path) -> None:
    async with served(tmp_path, ["An answer"]) as muxi:
        run = await muxi.client.start_run("A question")
        async for event in muxi.client.events(run.id):
            if isinstance(event, MessageCompleted):
                stored = await muxi.client.messages(run.thread_id)
                assert event.message in stored
                break
        else:
            pytest.fail("no message was completed")


async def test_the_model_sees_what_was_said_before(tmp_path: Path) -> None:
    model = ScriptedModel(["One.", "Two.", "Three."])
    async with served(tmp_path, model) as muxi:
        thread, _ = await muxi.answer("First")
        await muxi.answer("Second", thread_id=thread)
        await muxi.answer("Third", thread_id=thread)
        said = [message.text for message in model.requests[-1].messages]
        assert said == ["First", "One.", "Second", "Two.", "Third"]


async def test_history_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, ["One."]) as muxi:
        thread, _ = await muxi.answer("First")
    model = ScriptedModel(["Two."])
    async with served(tmp_path, model) as muxi:
        await muxi.answer("Second", thread_id=thread)
        assert [m.text for m in model.requests[-1].messages] == ["First", "One.", "Second"]
        assert len(await muxi.client.messages(thread)) == 4


async def test_a_fork_answers_an_earlier_message(tmp_path: Path) -> None:
    model = ScriptedModel(["One.", "Two.", "Other."])
    async with served(tmp_path, model) as muxi:
        thread, _ = await muxi.answer("First")
        first_answer = (await muxi.client.messages(thread))[-1]
        await muxi.answer("Second", thread_id=thread)
        await muxi.answer("Instead", thread_id=thread, parent_id=first_answer.id)
        assert [m.text for m in model.requests[-1].messages] == ["First", "One.", "Instead"]
        path = [m.text for m in await muxi.client.messages(thread)]
        assert path == ["First", "One.", "Instead", "Other."]


@pytest.mark.parametrize(
    "text",
    ["🦊 émoji ünd 中文", "مرحبا بالعالم", "a\0b", "line\r\nline\u2028line", "x" * 5_000_000],
    ids=["emoji", "right to left", "NUL", "line ends", "5 MB"],
)
async def test_any_text_comes_back_as_it_went_in(text: str, tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: request.messages[-1].text) as muxi:
        thread, events = await muxi.answer(text)
        assert _end(list(events)).text == text
        assert [m.text for m in await muxi.client.messages(thread)] == [text, text]


async def test_half_a_surrogate_pair_becomes_the_replacement_character(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: request.messages[-1].text) as muxi:
        async with muxi.http.post(
            f"{muxi.url}/api/runs",
            data=b'{"input": "half \\ud83d"}',
            headers={"Content-Type": "application/json"},
        ) as response:
            assert response.status == 201
            run = json.loads(await response.read())
        await muxi.follow(run["id"])
        messages = await muxi.client.messages(run["thread_id"])
        assert [m.text for m in messages] == ["half \N{REPLACEMENT CHARACTER}"] * 2


async def test_an_image_reaches_the_model(tmp_path: Path) -> None:
    model = ScriptedModel(["A pixel."])
    picture = ImagePart(media_type="image/png", data=b"\x89PNG" * 100)
    async with served(tmp_path, model) as muxi:
        run = await muxi.client.start_run([TextPart(text="What is this?"), picture])
        await muxi.follow(run.id)
        sent = model.requests[-1].messages[-1].parts[1]
        assert isinstance(sent, ImagePart)
        assert sent.data == picture.data


async def test_a_thread_answers_one_message_at_a_time(tmp_path: Path) -> None:
    gate = Gate()
    reply = Reply(parts=[TextPart(text="one two three")], between=gate.wait)
    async with served(tmp_path, [reply, "Next."]) as muxi:
        run = await muxi.client.start_run("First")
        with pytest.raises(Conflict, match="still at work"):
            await muxi.client.start_run("Too early", thread_id=run.thread_id)
        with pytest.raises(Conflict, match="at work"):
            await muxi.client.delete_thread(run.thread_id)
        gate.open(10)
        await muxi.follow(run.id)
        _, events = await muxi.answer("Now", thread_id=run.thread_id)
        assert _end(list(events)).text == "Next."


async def test_a_failing_model_ends_the_run_and_leaves_the_thread_usable(tmp_path: Path) -> None:
    script = [ModelUnavailable("The provider is down."), "Back again."]
    async with served(tmp_path, script) as muxi:
        thread, events = await muxi.answer("Hello?")
        end = _end(list(events))
        assert end.status == "failed"
        assert end.problem is not None
        assert end.problem.code == "model_unavailable"
        assert (await muxi.client.run(end.run_id)).problem == end.problem
        _, events = await muxi.answer("Hello!", thread_id=thread)
        assert _end(list(events)).text == "Back again."


async def test_what_does_not_exist_is_told_and_nothing_is_stored(tmp_path: Path) -> None:
    async with served(tmp_path, ["Never."]) as muxi:
        with pytest.raises(NotFound, match="no agent nobody"):
            await muxi.client.start_run("Hi", agent="nobody")
        with pytest.raises(NotFound, match="no thread thr_none"):
            await muxi.client.start_run("Hi", thread_id="thr_none")
        with pytest.raises(InvalidInput, match="empty"):
            await muxi.client.start_run("")
        assert (await muxi.client.threads()).items == []


async def test_threads_are_listed_in_pages_latest_first(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: "ok") as muxi:
        made = [await muxi.client.create_thread(f"Thread {n}") for n in range(5)]
        await muxi.answer("Up with you", thread_id=made[1].id)
        seen: list[str | None] = []
        cursor = None
        while True:
            page = await muxi.client.threads(cursor=cursor, limit=2)
            seen += [thread.title for thread in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == ["Thread 1", "Thread 4", "Thread 3", "Thread 2", "Thread 0"]


async def test_a_thread_is_renamed_and_deleted_with_all_it_holds(tmp_path: Path) -> None:
    async with served(tmp_path, ["Gone soon."]) as muxi:
        thread, events = await muxi.answer("Remember me")
        assert (await muxi.client.rename_thread(thread, "New")).title == "New"
        await muxi.client.delete_thread(thread)
        for asked in (
            muxi.client.thread(thread),
            muxi.client.messages(thread),
            muxi.client.run(events[0].run_id),
            muxi.client.delete_thread(thread),
        ):
            with pytest.raises(NotFound):
                await asked


async def test_many_threads_are_answered_at_once_and_none_is_lost(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: request.messages[-1].text) as muxi:
        answers = await asyncio.gather(*(muxi.answer(f"Number {n}") for n in range(60)))
        for number, (thread, events) in enumerate(answers):
            assert _end(list(events)).text == f"Number {number}"
            assert len(await muxi.client.messages(thread)) == 2
