"""A provider that fails: asked again where that is safe, else a typed error, never with the key."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from muxi.core.events import Event, ModelRetried
from tests.support.hostile import KEY, REQUEST_ID
from tests.support.unlucky import Unlucky, ending

IN_ONE_CALL, ASKED_AGAIN = 1, 2


@pytest.mark.parametrize(
    ("question", "code", "told", "calls"),
    [
        ("status 401", "model_auth_error", {"status": 401}, IN_ONE_CALL),
        ("steal", "model_auth_error", {"status": 401}, IN_ONE_CALL),
        ("status 404", "model_rejected", {"status": 404}, IN_ONE_CALL),
        ("status 302", "model_rejected", {"status": 302}, IN_ONE_CALL),
        ("status 429", "model_rate_limited", {"status": 429}, ASKED_AGAIN),
        ("retry-after 429 0.01", "model_rate_limited", {"retry_after": 0.01}, ASKED_AGAIN),
        ("retry-after 429 300", "model_rate_limited", {"retry_after": 300}, IN_ONE_CALL),
        ("status 500", "model_unavailable", {"status": 500}, ASKED_AGAIN),
        ("status 503", "model_unavailable", {"status": 503}, ASKED_AGAIN),
        ("cut", "model_connection_error", {}, ASKED_AGAIN),
        ("cut-late", "model_connection_error", {}, IN_ONE_CALL),
        ("close-late", "model_connection_error", {}, IN_ONE_CALL),
        ("malformed", "model_protocol_error", {}, IN_ONE_CALL),
        ("binary", "model_connection_error", {}, ASKED_AGAIN),
        ("empty", "model_connection_error", {}, ASKED_AGAIN),
        ("page", "model_protocol_error", {}, IN_ONE_CALL),
    ],
)
async def test_a_failure_is_typed_and_the_thread_goes_on(
    question: str, code: str, told: dict[str, Any], calls: int, unlucky: Unlucky
) -> None:
    async with unlucky.served() as muxi:
        thread, events = await muxi.answer(question)
        assert len(unlucky.provider.asked) == calls
        problem = ending(events).problem
        assert ending(events).status == "failed"
        assert problem is not None
        assert problem.code == code
        assert problem.message.startswith("openai/fake: ")
        assert problem.hint
        assert told.items() <= problem.details.items()
        if "status" in told:
            assert f"(HTTP {told['status']}, request {REQUEST_ID})" in problem.message
        assert KEY not in _everything(events)
        _, events = await muxi.answer("hello", thread_id=thread)
        assert ending(events).text.startswith("You said")
        said = [message.text for message in await muxi.client.messages(thread)]
        assert said[0] == question
        assert said[-2] == "hello"
        if question.endswith("-late"):
            assert said[1] == "The beginning "


async def test_a_failure_that_passes_is_not_even_noticed_in_the_answer(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        _, events = await muxi.answer("once 503")
    assert ending(events).status == "completed"
    assert [event for event in events if isinstance(event, ModelRetried)]


async def test_a_long_pause_that_the_provider_wants_is_told(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        _, events = await muxi.answer("retry-after 429 300")
    problem = ending(events).problem
    assert problem is not None
    assert "300 s" in (problem.hint or "")


async def test_a_silent_provider_times_out(unlucky: Unlucky) -> None:
    file = unlucky.folder / "muxi.yaml"
    limited = file.read_text().replace("attempts: 2", "attempts: 1")
    file.write_text(limited.replace("agents:\n", "agents:\n  hasty: {limits: {seconds: 1}}\n"))
    async with unlucky.served() as muxi:
        for question in ("silent", "silent-late"):
            thread, events = await muxi.answer(question, agent="hasty")
            assert ending(events).status == "limited"
            unlucky.provider.release.set()
            _, events = await muxi.answer("hello", thread_id=thread, agent="assistant")
            assert ending(events).status == "completed"
            unlucky.provider.release.clear()


@pytest.mark.ci
async def test_the_command_tells_it_and_its_exit_code_does_too(unlucky: Unlucky) -> None:
    done = await unlucky("run", "steal")
    assert (done.code, done.out) == (1, "")
    assert "openai/fake" in done.err
    assert "HTTP 401" in done.err
    assert "\nhint: " in done.err
    done = await unlucky("run", "--json", "cut-late")
    thread = done.events[0]["thread_id"]
    assert done.code == 1
    shown = await unlucky("threads", "show", thread)
    assert "The beginning" in shown.out
    done = await unlucky("run", "-t", thread, "hello")
    assert (done.code, done.out) == (0, "You said 5 letters: hello\n")


@pytest.mark.ci
async def test_a_stored_key_is_nowhere_in_clear(unlucky: Unlucky) -> None:
    file = unlucky.folder / "muxi.yaml"
    file.write_text(file.read_text().replace("${PLANTED_KEY}", "secret://planted"))
    done = await unlucky("secrets", "set", "planted", input=KEY)
    assert done.code == 0, done.err
    assert (await unlucky("run", "steal")).code == 1
    async with unlucky.start("run", "silent") as running:
        await unlucky.provider.arrived.wait()
        # The write-ahead log is still beside the database.
        assert unlucky.leaks() == []
        running.signal(signal.SIGINT)
        unlucky.said += [(await running.end()).err]
    assert (await unlucky("doctor")).code in (0, 1)


def _everything(events: list[Event]) -> str:
    return "".join(event.model_dump_json() for event in events)
