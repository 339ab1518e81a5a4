"""A client whose server goes away goes on with the next one, and asks nothing twice that counts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from muxi.client.client import Client
from muxi.core.errors import ServerUnavailable
from muxi.core.events import ApprovalDecision, RunCompleted
from muxi.core.threads import Run

Asked = tuple[str, str, Any]
Answer = Callable[[web.Request], web.StreamResponse]


class Owners:
    """Servers at one socket, one after the other: `begin` ends the last one."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.asked: list[Asked] = []
        self.lost: list[ServerUnavailable] = []
        self.next: list[Answer] = []
        self._runner: web.AppRunner | None = None

    async def begin(self, answer: Answer) -> None:
        await self.end()

        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            self.asked.append((request.method, request.path, json.loads(body) if body else None))
            return answer(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.socket).start()

    async def end(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def regain(self, error: ServerUnavailable) -> None:
        """What a client is given: the next of these servers."""
        self.lost.append(error)
        await self.begin(self.next.pop(0))


def cut(request: web.Request) -> web.StreamResponse:
    """Break the connection off instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def stopping(request: web.Request) -> web.StreamResponse:
    """Refuse, as an owner does that is about to leave."""
    return _problem(503, "server_unavailable")


def nothing(request: web.Request) -> web.StreamResponse:
    """Know only how to begin a run."""
    return _problem(404, "not_found") if request.method != "POST" else found(request)


def found(request: web.Request) -> web.StreamResponse:
    """Answer whatever is asked with a run."""
    return web.json_response(json.loads(Run(thread_id="t", agent="a").model_dump_json()))


def _problem(status: int, code: str) -> web.Response:
    return web.json_response({"code": code, "detail": "No."}, status=status)


@pytest.fixture
async def owners(tmp_path: Path) -> AsyncIterator[Owners]:
    owners = Owners(tmp_path / "s")
    yield owners
    await owners.end()


@pytest.fixture
async def client(owners: Owners) -> AsyncIterator[Client]:
    async with Client(socket=owners.socket, regain=owners.regain) as client:
        yield client


def methods(owners: Owners) -> list[str]:
    """What was asked, one after the other; aiohttp itself repeats a GET and a DELETE at once."""
    return [method for method, _ in groupby(method for method, _, _ in owners.asked)]


async def test_what_nobody_received_is_asked_of_the_next_owner(
    owners: Owners, client: Client
) -> None:
    owners.next = [found]
    await client.start_run("hello")
    assert methods(owners) == ["POST"]


async def test_what_a_leaving_owner_refused_is_asked_of_the_next_one(
    owners: Owners, client: Client
) -> None:
    await owners.begin(stopping)
    owners.next = [found]
    await client.start_run("hello")
    first, second = owners.asked
    assert first == second


async def test_a_run_whose_beginning_was_not_answered_is_found(
    owners: Owners, client: Client
) -> None:
    await owners.begin(cut)
    owners.next = [found]
    await client.start_run("hello")
    begun, looked = owners.asked
    assert (begun[0], looked[0]) == ("POST", "GET")
    assert looked[1] == f"/api/runs/{begun[2]['id']}"


async def test_a_run_that_was_not_begun_is_begun_under_the_same_id(
    owners: Owners, client: Client
) -> None:
    await owners.begin(cut)
    owners.next = [cut, nothing]
    await client.start_run("hello")
    assert methods(owners) == ["POST", "GET", "POST"]
    assert owners.asked[0] == owners.asked[-1]


async def test_a_decision_is_not_sent_twice_if_it_may_have_arrived(
    owners: Owners, client: Client
) -> None:
    await owners.begin(cut)
    with pytest.raises(ServerUnavailable):
        await client.resolve("x", ApprovalDecision(decision="approve"))
    assert methods(owners) == ["POST"]
    assert not owners.lost


async def test_a_deletion_whose_answer_was_lost_is_done(owners: Owners, client: Client) -> None:
    await owners.begin(cut)
    owners.next = [nothing]
    await client.delete_thread("t")
    assert len(owners.asked) > 1
    assert methods(owners) == ["DELETE"]


async def test_a_server_that_nobody_replaces_is_told(owners: Owners) -> None:
    async def give_up(error: ServerUnavailable) -> None:
        raise error

    async with Client(socket=owners.socket, regain=give_up) as client:
        with pytest.raises(ServerUnavailable, match="No muxi server answers"):
            await client.status()
        with pytest.raises(ServerUnavailable, match="No muxi server answers"):
            await anext(client.events("r"))


async def test_owners_that_all_vanish_are_given_up_at_last(owners: Owners, client: Client) -> None:
    await owners.begin(cut)
    owners.next = [cut] * 100
    with pytest.raises(ServerUnavailable, match="was cut"):
        await client.status()


async def test_events_go_on_after_the_last_that_was_seen(owners: Owners, client: Client) -> None:
    text = RunCompleted(status="completed", usage={}, seq=8, run_id="r").model_dump_json()  # pyright: ignore[reportArgumentType] -- pydantic makes it of a dict

    def first(request: web.Request) -> web.StreamResponse:
        assert request.headers["Last-Event-ID"] == "6"
        return web.Response(body=b'data: {"type":"text.delta","text":"a","seq":7}\n\n')

    def second(request: web.Request) -> web.StreamResponse:
        assert request.headers["Last-Event-ID"] == "7"
        return web.Response(
            body=f'data: {{"type":"gap","from_seq":1,"thread_id":"t"}}\n\ndata: {text}\n\n'.encode()
        )

    owners.next = [first, cut, second]
    seen: list[int] = []
    async for event in client.events("r", since=6):
        seen.append(event.seq)
        if event.seq == 7:
            await owners.end()
    assert seen == [7, 0, 8]
