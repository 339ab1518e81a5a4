"""The client for code that does not wait: all that the other one has, over the same server."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from support.front_ends import front
from support.served import Served

from muxi.client.blocking import Face
from muxi.client.client import Client
from muxi.client.connection import Connection
from muxi.client.sync import SyncClient
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import Conflict, NotFound, ServerUnavailable
from muxi.core.events import ApprovalDecision, RunCompleted, RunSuspended, TextDelta
from muxi.core.messages import ImagePart, TextPart

R = TypeVar("R")

OWN = {"close"}
"""What the sync client has in a form of its own."""

NOT_HERE = {"converse"}
"""What only the CLI uses: a line of MCP's messages in both directions at once."""


async def _use(muxi: Served, work: Callable[[SyncClient], R]) -> R:
    """What `work` gives, which is done with a client in a thread of its own."""

    def whole() -> R:
        with SyncClient(muxi.url, token=muxi.runtime.state.token()) as client:
            return work(client)

    return await asyncio.to_thread(whole)


def _methods(kind: type) -> Iterator[str]:
    for name, each in inspect.getmembers(kind):
        if not name.startswith("_") and (
            inspect.iscoroutinefunction(each)
            or inspect.isasyncgenfunction(each)
            or name in ("events", "thread_events")
        ):
            yield name


def _parts(kind: type) -> dict[str, type]:
    """The parts of a client, by name."""
    found: dict[str, type] = {}
    for name, each in inspect.getmembers(kind):
        if name.startswith("_"):
            continue
        getter = each.fget if isinstance(each, property) else getattr(each, "func", None)
        if getter is not None:
            found[name] = inspect.signature(getter, eval_str=True).return_annotation
    return found


async def test_nothing_of_the_client_is_missing() -> None:
    assert issubclass(Client, Connection)
    sync, parts = _parts(SyncClient), _parts(Client)
    assert sync.keys() == parts.keys()
    pairs: list[tuple[type[Any], type[Any]]] = [(Client, SyncClient)]
    pairs += [(parts[name], sync[name]) for name in parts]
    for kind, face in pairs:
        assert Face in face.__mro__
        for name in set(_methods(kind)) - NOT_HERE - OWN:
            theirs, ours = getattr(kind, name), getattr(face, name, None)
            assert ours is not None, f"{face.__name__} has no {name}"
            assert inspect.signature(ours) == inspect.signature(theirs)
            assert ours.__doc__ == theirs.__doc__


async def test_a_conversation_without_waiting(tmp_path: Path) -> None:
    def talk(client: SyncClient) -> None:
        assert client.status().default_agent == "a"
        *told, end = client.stream("hello")
        assert isinstance(end, RunCompleted)
        assert end.text == "You said hello, after 0."
        assert "".join(e.text for e in told if isinstance(e, TextDelta)) == end.text
        (thread,) = client.threads().items
        run = client.start_run("again", thread_id=thread.id)
        (*_, end) = client.events(run.id)
        assert isinstance(end, RunCompleted)
        assert [m.role for m in client.messages(thread.id)] == ["user", "assistant"] * 2
        with pytest.raises(NotFound):
            client.run("run_none")
        asked = client.start_run("pay")
        (*_, stop) = client.events(asked.id)
        assert isinstance(stop, RunSuspended)
        client.resolve(stop.approvals[0].id, ApprovalDecision(decision="approve"))
        (*_, end) = client.events(asked.id)
        assert isinstance(end, RunCompleted)
        assert "paid 5" in end.text

    async with front(tmp_path) as (muxi, till):
        await _use(muxi, talk)
        assert till.paid == [5]


async def test_the_parts_of_the_client(tmp_path: Path) -> None:
    picture = ImagePart(media_type="image/png", data=b"\x89PNG\r\n\x1a\n")

    def use(client: SyncClient) -> None:
        client.secrets.put("key", "value")
        assert client.secrets.names() == ["key"]
        assert client.tools.get("pay").name == "pay"
        client.facts.put("city", "Rome")
        assert client.facts.tree("city") == "Rome"
        assert list(client.memories.export()) != []
        agent = client.save_agent(AgentDefinition(name="b", instructions="Be brief."))
        assert client.agent("b").name == agent.name == "b"
        with pytest.raises(Conflict):
            client.save_agent(AgentDefinition(name="a"))
        (*_, end) = client.stream([TextPart(text="look"), picture], agent="b")
        assert isinstance(end, RunCompleted)
        thread = client.threads().items[0]
        part = client.messages(thread.id)[0].parts[1]
        assert isinstance(part, ImagePart)
        assert client.blob(part.blob or "") == picture.data

    async with front(tmp_path) as (muxi, _):
        await _use(muxi, use)


async def test_a_stream_that_is_left_ends_and_the_client_goes_on(tmp_path: Path) -> None:
    def leave(client: SyncClient) -> None:
        run = client.start_run("slow")
        stream = client.events(run.id)
        assert next(stream).type == "run.started"
        stream.close()
        client.cancel(run.id)
        (*_, end) = client.events(run.id)
        assert isinstance(end, RunCompleted)
        assert end.status == "cancelled"

    async with front(tmp_path) as (muxi, _):
        await _use(muxi, leave)


async def test_several_threads_share_one_client(tmp_path: Path) -> None:
    def many(client: SyncClient) -> list[Any]:
        ends: list[Any] = []
        threads = [
            threading.Thread(target=lambda: ends.append([*client.stream("hello")][-1]))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends

    async with front(tmp_path) as (muxi, _):
        ends = await _use(muxi, many)
        assert [end.text for end in ends] == ["You said hello, after 0."] * 8


async def test_nobody_is_there() -> None:
    def ask() -> None:
        with (
            SyncClient("http://127.0.0.1:1", token="x") as client,
            pytest.raises(ServerUnavailable),
        ):
            client.status()

    await asyncio.to_thread(ask)
