"""A server that is told to stop, or to read its file again, as its clients see it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from muxi.core.events import Event, RunCompleted
from muxi.server.serve import DEFAULT_PORT
from tests.support.command import DEADLINE, Muxi, Provider
from tests.support.ports import free_port
from tests.support.sockets import socket
from tests.support.up import Up, declare, up

pytestmark = [pytest.mark.ci, pytest.mark.skipif(sys.platform == "win32", reason="signals")]

SLOW = "slow one two three four five"


async def _text(stream: AsyncIterator[Event]) -> tuple[list[int], str]:
    """The numbers of a run's events, and its answer."""
    events = [event async for event in stream]
    assert isinstance(events[-1], RunCompleted)
    return [event.seq for event in events], events[-1].text


async def test_readers_see_the_end_of_what_runs_and_newcomers_are_told_to_come_back(
    project: Muxi, provider: Provider
) -> None:
    declare(project.folder, server={"grace": 60})
    async with up(project) as server:
        async with (
            socket(server.url, server.token) as follower,
            server.http.get(f"{server.url}/healthz") as healthy,
        ):
            run = await follower.say("send", run={"input": SLOW})
            await follower.event("text.delta")
            stream = server.client.events(run["id"])
            first = await anext(stream)
            server.running.signal(signal.SIGTERM)
            refused = await server.stopping()
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert refused.headers["Connection"] == "close"
            with pytest.raises(aiohttp.WSServerHandshakeError) as closed:
                await server.http.ws_connect(f"{server.url}/ws")
            assert closed.value.status == 503
            assert (closed.value.headers or {})["Retry-After"] == "5"
            problem = await follower.say("send", run={"input": "More"})
            assert problem["code"] == "server_unavailable"
            assert problem["details"]["retry_after"] == 5
            assert healthy.status == 200
            provider.release.set()
            end = await follower.event("run.completed")
            assert await follower.ended() == 1012
            seqs, text = await _text(stream)
        done = await server.running.end()
    assert done.code == 0
    assert "Traceback" not in done.err
    assert (seqs[-1], text) == (end["seq"], f"You said: {SLOW}")
    assert [first.seq, *seqs] == sorted({first.seq, *seqs})
    places = {m["thread_id"]: m["since"] for m in follower.heard if m["type"] == "unsubscribed"}
    assert {**places, **follower.heard[-1]["threads"]} == {run["thread_id"]: end["seq"]}


@pytest.mark.parametrize("how", ["no time to end", "a second signal"])
async def test_what_does_not_end_in_time_goes_on_in_the_next_process(
    how: str, project: Muxi, provider: Provider
) -> None:
    declare(project.folder, server={"grace": 60 if how == "a second signal" else 0})
    async with up(project, str(free_port())) as server:
        run = await server.client.start_run(SLOW)
        stream = server.client.events(run.id, patience=DEADLINE)
        first = await anext(stream)
        server.running.signal(signal.SIGTERM)
        if how == "a second signal":
            await server.stopping()
            server.running.signal(signal.SIGTERM)
        done = await server.running.end()
        assert done.code == (-signal.SIGTERM if how == "a second signal" else 0)
        assert "Traceback" not in done.err
        provider.release.set()
        # The reader of the first process goes on with the second one.
        async with up(project, server.port) as successor:
            seqs, text = await _text(stream)
            assert text == f"You said: {SLOW}"
            assert [first.seq, *seqs] == sorted({first.seq, *seqs})
            messages = await successor.client.messages(run.thread_id)
            assert [each.text for each in messages] == [SLOW, text]


async def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(project: Muxi) -> None:
    file = project.folder / "muxi.yaml"
    async with up(project) as server:

        async def reload(text: str) -> dict[str, Any]:
            """What the log says of the file, once it was read."""
            before = len(server.running.err)
            server.running.signal(signal.SIGHUP)
            await server.running.until(lambda it: text in it.err[before:])
            await server.running.until(lambda it: it.err.endswith("\n"))
            lines = server.running.err[before:].splitlines()
            return next(json.loads(line) for line in lines if text in line)

        assert "agent" not in await _names(server)
        declare(
            project.folder,
            agents={"assistant": {}, "agent": {"instructions": "Be new."}},
            server={"logs": {"format": "json", "requests": True}, "port": DEFAULT_PORT},
        )
        line = await reload("was read again")
        assert line["changed"] == ["agents", "server.logs"]
        assert "agent" in await _names(server)
        await server.running.until(lambda it: '"path": "/api/agents"' in it.err)
        for broken in ("agents: [", "agents: {a: {nmae: 1}}", "model: 7", "\x00"):
            kept = file.read_bytes()
            file.write_text(broken)
            assert (await reload("was not taken up"))["level"] == "error"
            assert "agent" in await _names(server)
            file.write_bytes(kept)
        file.unlink()
        await reload("was not taken up")
        assert "agent" in await _names(server)
        server.running.signal(signal.SIGTERM)
        assert (await server.running.end()).code == 0


async def _names(server: Up) -> list[str]:
    return [each.name for each in await server.client.agents()]
