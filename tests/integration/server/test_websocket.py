"""The WebSocket: the events of SSE, of many threads, over one connection."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.served import Served, frames, served
from support.sockets import Socket, socket

from muxi.core.messages import TextPart
from muxi.models.scripted import Gate, Reply, call

WORDS = " ".join(f"word{number}" for number in range(40))


def _gated(text: str = WORDS) -> tuple[Gate, Reply]:
    gate = Gate()
    return gate, Reply(parts=[TextPart(text=text)], between=gate.wait)


async def _sse(muxi: Served, run_id: str, since: int = 0) -> list[str]:
    """The events of a run as SSE tells them."""
    async with muxi.http.get(f"{muxi.url}/api/runs/{run_id}/events?since={since}") as response:
        return [
            line.removeprefix("data: ")
            async for frame in frames(response)
            for line in frame.decode().splitlines()
            if line.startswith("data: ")
        ]


async def _heard(ws: Socket, kind: str) -> dict[str, Any]:
    """An event of a kind, also one that came before the answer to a command."""
    before = (each["event"] for each in ws.heard if each["type"] == "event")
    return next((each for each in before if each["type"] == kind), None) or await ws.event(kind)


async def test_a_socket_tells_what_sse_tells_byte_for_byte(tmp_path: Path) -> None:
    async with served(tmp_path, [WORDS]) as muxi, socket(muxi.url, muxi.token) as ws:
        run = await ws.say("send", run={"input": "Talk"})
        await ws.event("run.completed")
        assert ws.events(run["thread_id"]) == await _sse(muxi, run["id"])


async def test_two_users_and_three_tabs_see_one_order(tmp_path: Path) -> None:
    first, second = _gated(), _gated("Another answer")
    async with served(tmp_path, [first[1], second[1]]) as muxi, AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(socket(muxi.url, muxi.token)) for _ in range(5)]
        thread = (await muxi.client.create_thread()).id
        for tab in tabs[:3]:
            assert (await tab.say("subscribe", thread_id=thread))["since"] == 0
        await tabs[0].say("send", run={"input": "Talk", "thread_id": thread})
        first[0].open(20)
        await tabs[1].event("text.delta")
        # Who comes in the middle gets the beginning too.
        for tab in tabs[3:]:
            await tab.say("subscribe", thread_id=thread, since=0)
        first[0].open(100)
        for tab in tabs:
            await tab.event("run.completed")
        await tabs[4].say("send", run={"input": "Go on", "thread_id": thread})
        second[0].open(100)
        for tab in tabs:
            await tab.event("run.completed")
        told = [tab.events(thread) for tab in tabs]
        assert told[0]
        assert all(each == told[0] for each in told)


async def test_one_socket_follows_many_threads(tmp_path: Path) -> None:
    async with served(tmp_path, ["One", "Two", "Three"]) as muxi, socket(muxi.url, muxi.token) as s:
        threads = []
        for text in ("a", "b", "c"):
            threads.append((await s.say("send", run={"input": text}))["thread_id"])
            await s.event("run.completed")
        await s.say("unsubscribe", thread_id=threads[0])
        assert len(set(threads)) == 3
        for thread in threads:
            assert len(s.events(thread)) > 4


async def test_a_dropped_socket_resumes_byte_for_byte(tmp_path: Path) -> None:
    gate, reply = _gated()
    async with served(tmp_path, [reply]) as muxi:
        run = await muxi.client.start_run("Talk")
        held: list[str] = []
        since = 0
        for _ in range(10):
            async with socket(muxi.url, muxi.token) as ws:
                await ws.say("subscribe", thread_id=run.thread_id, since=since)
                gate.open(3)
                since = (await ws.until("event"))["event"]["seq"]
                held += ws.events(run.thread_id)
                since = max(since, *(int(m["event"]["seq"]) for m in ws.heard if "event" in m))
        gate.open(100)
        async with socket(muxi.url, muxi.token) as ws:
            await ws.say("subscribe", thread_id=run.thread_id, since=since)
            await ws.event("run.completed")
            held += ws.events(run.thread_id)
        assert held == await _sse(muxi, run.id)


async def test_questions_are_answered_and_runs_cancelled_over_the_socket(tmp_path: Path) -> None:
    def pay(amount: int) -> str:
        """Pay."""
        return f"paid {amount}"

    gate, reply = _gated()
    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
    script = [call("pay", amount=1), "Done.", reply]
    async with (
        served(tmp_path, script, tools={"pay": pay}, agents=agents) as muxi,
        socket(muxi.url, muxi.token) as ws,
    ):
        run = await ws.say("send", run={"input": "Pay"})
        asked = await ws.event("approval.requested")
        await ws.event("run.suspended")
        decision = {"decision": "approve"}
        approved = await ws.say("approve", approval_id=asked["approval"]["id"], decision=decision)
        assert approved["id"] == run["id"]
        assert (await ws.event("run.completed"))["text"] == "Done."
        talk = await ws.say("send", run={"input": "Talk", "thread_id": run["thread_id"]})
        gate.open(5)
        await ws.event("text.delta")
        cancelled = await ws.say("cancel", run_id=talk["id"])
        assert cancelled["status"] == "cancelled"


@pytest.mark.parametrize(
    ("decision", "paid"),
    [
        ({"decision": "approve"}, [7]),
        ({"decision": "approve", "arguments": {"amount": 5}}, [5]),
        ({"decision": "deny", "reason": "Too much."}, []),
    ],
    ids=["approved", "approved with other arguments", "denied"],
)
async def test_an_approval_asked_in_one_tab_is_answered_over_the_socket_of_another(
    tmp_path: Path, decision: dict[str, object], paid: list[int]
) -> None:
    done: list[int] = []

    def pay(amount: int) -> str:
        """Pay."""
        done.append(amount)
        return f"paid {amount}"

    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
    script = [call("pay", amount=7), "Done."]
    async with (
        served(tmp_path, script, tools={"pay": pay}, agents=agents) as muxi,
        socket(muxi.url, muxi.token) as first,
        socket(muxi.url, muxi.token) as second,
    ):
        run = await first.say("send", run={"input": "Pay"})
        await _heard(first, "run.suspended")
        await second.say("subscribe", thread_id=run["thread_id"], since=0)
        asked = (await _heard(second, "approval.requested"))["approval"]
        assert asked["arguments"] == {"amount": 7}
        assert done == []
        resolved = await second.say("approve", approval_id=asked["id"], decision=decision)
        assert resolved["id"] == run["id"]
        for tab in (first, second):
            assert (await _heard(tab, "run.completed"))["text"] == "Done."
        assert done == paid
        # Once answered, nobody answers again.
        assert "code" in await first.say("approve", approval_id=asked["id"], decision=decision)
        assert done == paid
        told = str((await muxi.client.messages(run["thread_id"]))[-2])
        assert f"paid {paid[0]}" in told if paid else "Too much." in told


async def test_presence_is_told_to_those_who_follow(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as ann:
        thread = (await muxi.client.create_thread()).id
        await ann.say("subscribe", thread_id=thread)
        async with socket(muxi.url, muxi.token) as ben:
            await ben.say("subscribe", thread_id=thread)
            await ben.say("presence", thread_id=thread, state="typing")
            told = await ann.until("presence")
            assert (told["state"], told["user"]) == ("typing", "local")
            async with socket(muxi.url, muxi.token) as third:
                present = (await third.say("subscribe", thread_id=thread))["present"]
                assert [each["state"] for each in present] == ["typing"]
        assert (await ann.until("presence", connection=told["connection"]))["state"] == "gone"
        assert "code" in await ann.say("presence", thread_id="thr_other", state="typing")


async def test_a_ticket_opens_one_socket(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        async with muxi.http.post(f"{muxi.url}/api/socket-tickets") as response:
            assert response.status == 201
            ticket = (await response.json())["ticket"]
        async with socket(muxi.url, query=f"?ticket={ticket}") as ws:
            assert await ws.say("ping") is None
        for query in (f"?ticket={ticket}", "?ticket=", ""):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with socket(muxi.url, query=query):
                    pass
            assert refused.value.status == 401


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ws", {"Authorization": "Bearer wrong"}, 401),
        ("/ws", {"Origin": "https://elsewhere.example"}, 403),
        ("/ws", {"Host": "elsewhere.example"}, 403),
        ("/api/runs", {}, 404),
        ("/ws", {"Sec-WebSocket-Version": "7"}, 400),
    ],
)
async def test_an_upgrade_that_is_not_in_order_is_refused(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    async with served(tmp_path, []) as muxi, aiohttp.ClientSession() as http:
        sent = {
            "Authorization": f"Bearer {muxi.token}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **headers,
        }
        async with http.get(muxi.url + path, headers=sent) as response:
            assert response.status == status, await response.text()
            if status != 400:
                assert response.content_type == "application/problem+json"


async def test_the_end_of_the_server_tells_where_to_resume(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        muxi = await stack.enter_async_context(served(tmp_path, [WORDS]))
        async with socket(muxi.url, muxi.token) as ws:
            run = await ws.say("send", run={"input": "Talk"})
            end = await ws.event("run.completed")
            stop = asyncio.ensure_future(stack.aclose())
            assert await ws.ended() == 1012
            await stop
        # One by one as their events end, or all with the last word.
        places = {m["thread_id"]: m["since"] for m in ws.heard if m["type"] == "unsubscribed"}
        places |= ws.heard[-1]["threads"]
        assert ws.heard[-1]["type"] == "closing"
        assert places == {run["thread_id"]: end["seq"]}
