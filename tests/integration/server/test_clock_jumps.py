"""The clock goes back or forth: nobody is locked out, nothing is lost or counted twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.served import Served, served

from muxi.client.client import Client
from muxi.core import record
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import AccessDenied, BudgetExceeded
from muxi.core.events import RunCompleted
from muxi.core.identities import User
from muxi.core.messages import TextPart
from muxi.core.requests import ModelRequest
from muxi.identity.audit.verifying import verify_lines
from muxi.models.scripted import Answer, Reply

HOUR, DAY = 3600.0, 86400.0
PASSWORD = "correct horse battery"
WAIT = 60.0


class Clock:
    """The clock of the machine, which can be set."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        return self._time() + self.ahead

    def time_ns(self) -> int:
        return self._time_ns() + int(self.ahead * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=clock.ahead)

    monkeypatch.setattr(time, "time", clock.time)
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    monkeypatch.setattr(record, "datetime", Moved)
    return clock


class Voice:
    """A model that waits in the middle of an answer where it is asked to."""

    def __init__(self) -> None:
        self.waits, self.go = asyncio.Event(), asyncio.Event()

    def say(self, request: ModelRequest) -> Answer:
        said = request.messages[-1].text
        if said != "wait":
            return f"You said {said}."
        return Reply(parts=[TextPart(text="begin and end")], between=self._wait)

    async def _wait(self) -> None:
        self.waits.set()
        await self.go.wait()


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
async def muxi(tmp_path: Path, voice: Voice, clock: Clock) -> AsyncIterator[Served]:
    budgets = {"daily": {"per": "user", "every": "day", "runs": 100}}
    memory = {"embedder": "none"}
    async with served(tmp_path, voice.say, memory=memory, budgets=budgets) as living:
        yield living


JUMPS = pytest.mark.parametrize("jump", [-400 * DAY, -HOUR, HOUR, 400 * DAY])


async def _user(muxi: Served, name: str = "ann") -> User:
    user = User(id=name, roles=["member"], created_at=record.now())
    await muxi.runtime.identity.users.create(DEFAULT_TENANT, user)
    return user


@JUMPS
async def test_a_run_goes_on_and_its_thread_stays_in_order(
    muxi: Served, voice: Voice, clock: Clock, jump: float
) -> None:
    thread, _ = await muxi.answer("one")
    run = await muxi.client.start_run("wait", thread_id=thread)
    await asyncio.wait_for(voice.waits.wait(), WAIT)
    clock.ahead = jump
    stream = muxi.client.events(run.id)
    first = await anext(stream)
    voice.go.set()
    events = [first, *[event async for event in stream]]
    assert isinstance(events[-1], RunCompleted)
    assert events[-1].status == "completed"
    _, events = await muxi.answer("two", thread_id=thread)
    assert isinstance(events[-1], RunCompleted)
    clock.ahead = 0
    await muxi.answer("three", thread_id=thread)
    told = [each.text for each in await muxi.client.messages(thread)]
    assert told[::2] == ["one", "wait", "two", "three"]
    seqs = [
        event.seq
        for run in reversed((await muxi.client.runs(thread_id=thread)).items)
        for event in await muxi.follow(run.id)
    ]
    assert seqs == sorted(set(seqs))


@JUMPS
async def test_a_request_that_is_sent_again_is_not_carried_out_again_too_soon(
    muxi: Served, clock: Clock, jump: float
) -> None:
    async def start() -> str:
        headers = {"Idempotency-Key": "once"}
        url = f"{muxi.url}/api/runs"
        async with muxi.http.post(url, json={"input": "x"}, headers=headers) as response:
            assert response.status == 201
            return (await response.json())["id"]

    first = await start()
    clock.ahead = jump
    again = await start()
    # A key is good for a day.
    assert (again == first) == (jump < DAY)
    assert await start() == again


@JUMPS
async def test_the_audit_log_stays_in_one_piece(muxi: Served, clock: Clock, jump: float) -> None:
    await muxi.client.create_thread("before")
    clock.ahead = jump
    await muxi.client.create_thread("meanwhile")
    clock.ahead = 0
    await muxi.client.create_thread("after")
    lines = [line async for line in muxi.client.audit.export()]
    assert verify_lines(lines).good


async def test_sessions_and_keys_are_good_for_their_time_and_no_longer(
    muxi: Served, clock: Clock
) -> None:
    await _user(muxi)
    identity = muxi.runtime.identity
    await muxi.client.users.set_password("ann", PASSWORD)
    until = record.now() + timedelta(days=2)
    key = await identity.keys.create(DEFAULT_TENANT, "ann", expires_at=until)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as browser,
        Client(muxi.url, token=key.key) as program,
    ):
        form = {"name": "ann", "password": PASSWORD}
        async with browser.post(f"{muxi.url}/login", data=form, allow_redirects=False) as response:
            assert response.status == 303
            sent = {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}

        async def status() -> int:
            async with (
                aiohttp.ClientSession(headers=sent) as bare,
                bare.get(f"{muxi.url}/api/me") as response,
            ):
                return response.status

        for ahead in (0, -HOUR, -400 * DAY, 0, HOUR):
            clock.ahead = ahead
            assert await status() == 200
            await program.threads()
        clock.ahead = 3 * DAY
        with pytest.raises(AccessDenied):
            await program.threads()
        clock.ahead = 400 * DAY
        assert await status() == 401
        # A key that is made in the wrong time is good by the clock of that time.
        fresh = await identity.keys.create(DEFAULT_TENANT, "ann")
        clock.ahead = 0
        async with Client(muxi.url, token=fresh.key) as client:
            await client.threads()


async def test_a_budget_opens_with_its_day_and_keeps_what_was_spent(
    tmp_path: Path, voice: Voice, clock: Clock
) -> None:
    budgets = {"daily": {"per": "user", "every": "day", "runs": 2}}
    memory = {"embedder": "none"}
    async with served(tmp_path, voice.say, memory=memory, budgets=budgets) as muxi:

        async def spend() -> None:
            for _ in range(2):
                await muxi.answer("x")
            with pytest.raises(BudgetExceeded):
                await muxi.client.start_run("x")

        await spend()
        for ahead in (2 * DAY, -2 * DAY):
            clock.ahead = ahead
            await spend()
            clock.ahead = 0
            with pytest.raises(BudgetExceeded):
                await muxi.client.start_run("x")


@JUMPS
async def test_the_server_starts_again_at_any_time(
    tmp_path: Path, voice: Voice, clock: Clock, jump: float
) -> None:
    async with served(tmp_path, voice.say, memory={"embedder": "none"}) as muxi:
        thread, _ = await muxi.answer("one")
    clock.ahead = jump
    async with served(tmp_path, voice.say, memory={"embedder": "none"}) as muxi:
        await muxi.answer("two", thread_id=thread)
        told = [each.text for each in await muxi.client.messages(thread)]
        assert told[::2] == ["one", "two"]
