"""The Python client over WebSocket: nothing is lost or doubled, whatever happens to connections."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.proxy import cutting_proxy
from support.served import served

from muxi.client.backoff import Backoff
from muxi.client.client import Client
from muxi.client.live import Presence
from muxi.core.errors import AccessDenied, Conflict, InvalidInput, NotFound
from muxi.core.events import ApprovalDecision, ApprovalRequested, Event, RunCompleted
from muxi.models.scripted import call

WORDS = " ".join(f"word{number}" for number in range(60))


async def test_threads_are_followed_over_connections_that_break(tmp_path: Path) -> None:
    async with served(tmp_path, [WORDS] * 4) as muxi:
        threads = [(await muxi.client.create_thread()).id for _ in range(2)]
        async with (
            cutting_proxy(muxi.url, after=3000) as (url, cuts),
            Client(url, token=muxi.token) as client,
            client.live() as live,
        ):

            async def read(thread_id: str) -> list[Event]:
                found: list[Event] = []
                async for event in live.follow(thread_id):
                    found.append(event)
                    if sum(isinstance(each, RunCompleted) for each in found) == 2:
                        break
                return found

            async def talk(thread_id: str) -> None:
                for text in ("Talk", "Go on"):
                    run = await live.send(text, thread_id=thread_id)
                    await muxi.follow(run.id)

            told = [asyncio.ensure_future(read(thread)) for thread in threads]
            await asyncio.gather(*map(talk, threads))
            found = await asyncio.gather(*told)
            assert cuts.count > 3
        for thread, events in zip(threads, found, strict=True):
            assert len(await muxi.client.messages(thread)) == 4
            stored = muxi.client.thread_events(thread)
            assert [await anext(stored) for _ in events] == events
            await stored.aclose()


async def test_who_reads_a_thread_no_more_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muxi.client.live._MOST", 4)
    async with served(tmp_path, [WORDS]) as muxi, muxi.client.live() as live:
        thread = (await muxi.client.create_thread()).id
        reading = live.follow(thread)
        first = asyncio.ensure_future(anext(reading))
        run = await muxi.client.start_run("Talk", thread_id=thread)
        await muxi.follow(run.id)
        await first
        ping = asyncio.ensure_future(live.ping())
        await reading.aclose()
        await asyncio.wait_for(ping, 60)


async def test_questions_presence_and_errors_come_back(tmp_path: Path) -> None:
    def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
    script = [call("pay", amount=1), "Done."]
    seen: asyncio.Queue[Presence] = asyncio.Queue()
    async with (
        served(tmp_path, script, tools={"pay": pay}, agents=agents) as muxi,
        muxi.client.live(on_presence=seen.put_nowait) as live,
    ):
        await live.ping()
        run = await live.send("Pay")
        async for event in live.follow(run.thread_id):
            if isinstance(event, ApprovalRequested):
                await live.set_presence(run.thread_id, "deciding")
                decision = ApprovalDecision(decision="approve")
                await live.approve(event.approval.id, decision)
                with pytest.raises(Conflict):
                    await anext(live.follow(run.thread_id))
            if isinstance(event, RunCompleted):
                break
        assert event.text == "Done."
        assert (await seen.get()).state == "deciding"
        assert (await live.cancel(run.id)).status == "completed"
        with pytest.raises(NotFound):
            await live.cancel("run_none")
        with pytest.raises(NotFound):
            await anext(live.follow("thr_none"))
        with pytest.raises(InvalidInput):
            await live.send("")
        await live.renew(muxi.token)
        with pytest.raises(AccessDenied):
            await live.renew("wrong")


async def test_a_wrong_token_is_told_at_once(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi, Client(muxi.url, token="wrong") as client:
        with pytest.raises(AccessDenied):
            async with client.live():
                pass


def test_waits_between_attempts_grow_and_are_spread() -> None:
    least, most = Backoff(chance=lambda: 0.0), Backoff(chance=lambda: 1.0)
    assert [least.next() for _ in range(3)] == [0.05, 0.1, 0.2]
    assert [most.next() for _ in range(8)][-3:] == [3.2, 5.0, 5.0]
    most.succeeded()
    assert most.next() == 0.1
    assert len({Backoff().next() for _ in range(20)}) > 10
