"""A server is killed in the middle of an answer; the next one holds everything and goes on."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from support.processes import Process, started

from muxi.core.events import (
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    TextDelta,
    ToolCompleted,
)

LONG = " ".join(f"word{number}" for number in range(120))


def _text_a_reader_holds(events: list[Event]) -> list[str]:
    """What somebody who reads the stream from its beginning holds at the end."""
    held: dict[str, str] = {}
    open_id, numbers = "", {"": 0}
    for event in events:
        if isinstance(event, MessageStarted):
            open_id = event.message_id
            held[open_id] = ""
            numbers[open_id] = event.seq
        elif isinstance(event, TextDelta):
            held[open_id] += event.text
        elif isinstance(event, MessageCompleted):
            held[event.message.id] = event.message.text
            numbers[event.message.id] = 0
        elif isinstance(event, AttemptStarted):
            for void in [each for each in held if numbers[each] > event.replaces_from]:
                del held[void]
    return list(held.values())


async def _kill_while_it_speaks(server: Process, run_id: str) -> list[Event]:
    seen: list[Event] = []
    words = 0
    async for event in server.client.events(run_id):
        seen.append(event)
        words += isinstance(event, TextDelta)
        if words == 40:
            break
    await server.kill()
    return seen


async def test_an_answer_that_was_cut_by_a_kill_is_given_again(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        run = await server.client.start_run("Talk for a while")
        seen = await _kill_while_it_speaks(server, run.id)
    async with started(tmp_path) as server:
        rest = [event async for event in server.client.events(run.id, since=seen[-1].seq)]
        again = next(event for event in rest if isinstance(event, AttemptStarted))
        assert again.attempt == 2
        assert isinstance(rest[-1], RunCompleted)
        assert rest[-1].text == LONG
        messages = await server.client.messages(run.thread_id)
        assert [(m.role, m.text, m.status) for m in messages] == [
            ("user", "Talk for a while", "complete"),
            ("assistant", LONG, "complete"),
        ]
        replay = [event async for event in server.client.events(run.id)]
    # The one who was there and the one who came later hold the same, and that is the thread.
    assert _text_a_reader_holds(seen + rest) == [LONG]
    assert _text_a_reader_holds(replay) == [LONG]
    numbers = [event.seq for event in seen + rest]
    assert numbers == sorted(set(numbers))


async def test_a_finished_tool_call_is_not_made_again(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        run = await server.client.start_run("Please charge seven")
        seen = await _kill_while_it_speaks(server, run.id)
        assert any(isinstance(event, ToolCompleted) for event in seen)
    async with started(tmp_path) as server:
        rest = [event async for event in server.client.events(run.id, since=seen[-1].seq)]
        assert isinstance(rest[-1], RunCompleted)
        assert rest[-1].status == "completed"
        roles = [m.role for m in await server.client.messages(run.thread_id)]
    assert (tmp_path / "called.log").read_text().split() == ["7"]
    assert roles == ["user", "assistant", "tool", "assistant"]


async def test_completed_messages_outlive_the_kill(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        run = await server.client.start_run("First")
        first = [event async for event in server.client.events(run.id)]
        second = await server.client.start_run("Second", thread_id=run.thread_id)
        await _kill_while_it_speaks(server, second.id)
    completed = [event.message for event in first if isinstance(event, MessageCompleted)]
    async with started(tmp_path) as server:
        messages = await server.client.messages(run.thread_id)
        assert [m.text for m in messages][:3] == ["First", LONG, "Second"]
        assert messages[1] == completed[0]
        rest = [event async for event in server.client.events(second.id)]
        assert isinstance(rest[-1], RunCompleted)
        _, third = (
            await server.client.status(),
            await server.client.start_run("Third", thread_id=run.thread_id),
        )
        assert third.status == "running"


async def test_a_stopped_server_leaves_its_run_to_the_next(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        run = await server.client.start_run("Talk for a while")
        server.process.send_signal(signal.SIGTERM)
        await server.process.wait()
        assert server.process.returncode == 0
    async with started(tmp_path) as server:
        events = [event async for event in server.client.events(run.id)]
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == LONG


async def test_the_lock_of_a_killed_owner_is_taken_over(tmp_path: Path) -> None:
    async with started(tmp_path) as server:
        await server.kill()
    assert (tmp_path / ".muxi" / "muxi.lock").read_text()
    async with started(tmp_path) as server:
        status = await server.client.status()
        assert status.owner_pid == server.process.pid
        assert status.owner_pid != os.getpid()


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
