"""Readers of events: whoever they are and whenever they come, they get the same bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.proxy import cutting_proxy
from support.served import Served, frames, number_of, served

from muxi.client.client import Client
from muxi.core.errors import NotFound, ServerUnavailable
from muxi.core.events import RunCompleted
from muxi.core.messages import TextPart
from muxi.models.scripted import Gate, Reply, call
from muxi.runtime import feed as feed_file
from muxi.runtime.principal import LOCAL

WORDS = " ".join(f"word{number}" for number in range(40))


def _gated() -> tuple[Gate, Reply]:
    gate = Gate()
    return gate, Reply(parts=[TextPart(text=WORDS)], between=gate.wait)


async def _read(
    muxi: Served, path: str, *, since: int | None = None, most: int | None = None
) -> list[bytes]:
    """Frames of a stream: all, or the first few, after which the connection is dropped."""
    headers = {} if since is None else {"Last-Event-ID": str(since)}
    found: list[bytes] = []
    async with muxi.http.get(muxi.url + path, headers=headers) as response:
        assert response.status == 200
        async for frame in frames(response):
            found.append(frame)
            if len(found) == most:
                return found
    return found


async def test_a_dropped_reader_gets_the_rest_byte_for_byte(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        run = await muxi.client.start_run("Talk")
        path = f"/api/runs/{run.id}/events"
        whole = asyncio.create_task(_read(muxi, path))
        gate.open(15)
        first = await _read(muxi, path, most=10)
        gate.open(100)
        rest = await _read(muxi, path, since=number_of(first[-1]))
        assert first + rest == await whole
        assert rest[-1].startswith(b"id: ")
        assert b"event: run.completed" in rest[-1]
        for since in (0, 1, 7, 30):
            again = await _read(muxi, f"{path}?since={since}")
            assert again == [frame for frame in await whole if number_of(frame) > since]


async def test_a_started_stream_equals_its_replay(tmp_path: Path) -> None:
    script = [call("add", a=1, b=None), "Done: 🦊 \n\n data: x"]

    def add(a: int, b: int | None = None) -> str:
        """Add."""
        return f"{a} {b}"

    agents = {"a": {"name": "a", "tools": ["add"]}}
    async with served(tmp_path, script, tools={"add": add}, agents=agents) as muxi:
        body = {"input": "Add one to nothing"}
        async with muxi.http.post(f"{muxi.url}/api/runs/stream", json=body) as response:
            run_id = response.headers["X-Run-Id"]
            live = [frame async for frame in frames(response)]
        assert live[0].splitlines()[1] == b"event: run.started"
        assert await _read(muxi, f"/api/runs/{run_id}/events") == live
        thread = (await muxi.client.run(run_id)).thread_id
        assert await _read(muxi, f"/api/threads/{thread}/events", most=len(live)) == live


async def test_two_readers_see_the_same_order(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        run = await muxi.client.start_run("Talk")
        path = f"/api/runs/{run.id}/events"
        early = asyncio.create_task(_read(muxi, path))
        gate.open(20)
        late = asyncio.create_task(_read(muxi, path))
        gate.open(100)
        assert await early == await late
        numbers = [number_of(frame) for frame in await early]
        assert numbers == sorted(set(numbers))


async def test_a_slow_reader_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_file, "MAX_QUEUED", 1500)
    monkeypatch.setattr(feed_file, "PAGE", 16)
    async with served(tmp_path, [WORDS]) as muxi:
        thread = await muxi.client.create_thread()
        slow = muxi.runtime.streams.follow_thread(LOCAL, thread.id)
        run = await muxi.client.start_run("Talk", thread_id=thread.id)
        whole = b"".join(await _read(muxi, f"/api/runs/{run.id}/events"))
        read = b""
        while len(read) < len(whole):
            read += b"".join(frame.sse for frame in await slow.next() or ())
        slow.close()
        assert read == whole


async def test_the_client_comes_back_after_every_cut(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        run = await muxi.client.start_run("Talk")
        gate.open(100)
        token = muxi.runtime.state.token()
        async with (
            cutting_proxy(muxi.url, after=2000) as (url, cuts),
            Client(url, token=token) as client,
        ):
            seen = [event async for event in client.events(run.id)]
            assert cuts.count > 2
        assert seen == await muxi.follow(run.id)
        assert isinstance(seen[-1], RunCompleted)


async def test_a_client_without_a_server_gives_up_with_words() -> None:
    async with Client("http://127.0.0.1:9", token="none") as client:
        with pytest.raises(ServerUnavailable, match="No muxi server answers"):
            await client.status()
        with pytest.raises(ServerUnavailable):
            await anext(client.events("run_x", patience=0.2))


async def test_a_reader_that_leaves_does_not_stop_the_run(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        body = {"input": "Talk"}
        async with muxi.http.post(f"{muxi.url}/api/runs/stream", json=body) as response:
            run_id = response.headers["X-Run-Id"]
            await anext(frames(response))
        gate.open(100)
        events = await muxi.follow(run_id)
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == WORDS


async def test_a_thread_s_events_go_on_over_several_runs(tmp_path: Path) -> None:
    async with served(tmp_path, ["One.", "Two."]) as muxi:
        thread = await muxi.client.create_thread()
        events = muxi.client.thread_events(thread.id)
        await muxi.answer("First", thread_id=thread.id)
        await muxi.answer("Second", thread_id=thread.id)
        ends: list[str] = []
        numbers: list[int] = []
        async for event in events:
            numbers.append(event.seq)
            if isinstance(event, RunCompleted):
                ends.append(event.text)
            if len(ends) == 2:
                break
        await events.aclose()
        assert ends == ["One.", "Two."]
        assert numbers == sorted(set(numbers))


async def test_events_of_no_run_are_not_found(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        with pytest.raises(NotFound):
            await muxi.follow("run_none")
        async with muxi.http.get(f"{muxi.url}/api/threads/thr_none/events") as response:
            assert response.status == 404


async def test_readers_end_when_the_server_stops(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        run = await muxi.client.start_run("Talk")
        gate.open(3)
        async with muxi.http.get(f"{muxi.url}/api/runs/{run.id}/events") as response:
            reading = frames(response)
            await anext(reading)
            await muxi.runtime.stop_runs(0)
            assert all([b"run.completed" not in frame async for frame in reading])
