"""The owner of a project leaves: whoever it was answering goes on, and every answer comes once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from muxi.config.load import load_project
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL
from muxi.server.serve import Server, serving
from tests.support.command import Muxi, Provider, Running


@asynccontextmanager
async def served(project: Muxi) -> AsyncIterator[tuple[Runtime, Server]]:
    """The project with this process as its owner."""
    runtime = await open_runtime(load_project(project.folder))
    try:
        async with serving(runtime) as server:
            yield runtime, server
    finally:
        await runtime.close()


async def attempts(project: Muxi) -> list[int]:
    """How many attempts each run took."""
    async with served(project) as (runtime, _):
        return [run.attempt for run in (await runtime.runs.page(LOCAL)).items]


async def test_an_answer_goes_on_in_the_command_that_waits_for_it(
    project: Muxi, provider: Provider
) -> None:
    async with AsyncExitStack() as stack:
        async with served(project) as (_, server):
            running = await stack.enter_async_context(
                project.start("run", "--json", "slow two three four")
            )
            await running.until(lambda it: "slow" in it.out)
            server.grace = 0.0
        provider.release.set()
        done = await running.end()
    assert (done.code, done.err) == (0, "")
    kinds = [event["type"] for event in done.events]
    assert kinds.count("attempt.started") == 1
    assert kinds.count("message.completed") == 1
    assert kinds[-1] == "run.completed"
    numbers = [event["seq"] for event in done.events]
    assert numbers == sorted(set(numbers))
    assert await attempts(project) == [2]


@asynccontextmanager
async def owner_and_guest(project: Muxi) -> AsyncIterator[tuple[Running, Running]]:
    """A chat that owns the project, and a command that it answers; the chat's input has ended."""
    async with project.start("chat", input=True) as owner:
        owner.type("hello\n")
        await owner.until(lambda it: it.out.endswith("\n"))
        async with project.start("run", "slow two three four") as guest:
            await guest.until(lambda it: "slow" in it.out)
            assert owner.process.stdin is not None
            owner.process.stdin.close()
            await owner.until(lambda it: "Other commands are still being answered" in it.err)
            yield owner, guest


@pytest.mark.ci
async def test_an_owner_whose_work_is_done_stays_for_the_answers_of_others(
    project: Muxi, provider: Provider
) -> None:
    async with owner_and_guest(project) as (owner, guest):
        provider.release.set()
        assert (await owner.end()).code == 0
        done = await guest.end()
    assert (done.code, done.out, done.err) == (0, "You said: slow two three four\n", "")
    assert await attempts(project) == [1, 1]


@pytest.mark.ci
async def test_an_owner_that_stays_leaves_at_once_when_told_to(
    project: Muxi, provider: Provider
) -> None:
    async with owner_and_guest(project) as (owner, guest):
        owner.signal(signal.SIGINT)
        left = await owner.end()
        assert left.code == 0
        assert "Traceback" not in left.err
        provider.release.set()
        done = await guest.end()
    assert done.code == 0
    assert done.out == "You said: slow \nYou said: slow two three four\n"
    assert "this one takes its place" in done.err
    assert sorted(await attempts(project)) == [1, 2]
