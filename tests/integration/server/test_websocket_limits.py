"""A WebSocket within its bounds: slow readers, gaps, bad frames, credentials that end."""

from __future__ import annotations

import asyncio
import json
import os
import socket as system
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Any

import pytest
from support.served import Served, served
from support.sockets import WAIT, socket

from muxi.core.identities import User
from muxi.core.messages import TextPart
from muxi.core.record import now
from muxi.models.scripted import Reply
from muxi.server.realtime import hub as hub_file

TEXT, BINARY, CLOSE, PING, CONT = 1, 2, 8, 9, 0


class Raw:
    """A connection that sends whatever bytes it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, opcode: int, data: bytes, *, fin: bool = True, masked: bool = True) -> None:
        """One frame, which may be one that no client should send."""
        size = len(data)
        head = bytes([(0x80 if fin else 0) | opcode])
        flag = 0x80 if masked else 0
        if size < 126:
            head += bytes([flag | size])
        elif size < 1 << 16:
            head += struct.pack("!BH", flag | 126, size)
        else:
            head += struct.pack("!BQ", flag | 127, size)
        if masked:
            key = os.urandom(4)
            data = key + bytes(byte ^ key[at % 4] for at, byte in enumerate(data))
        self.writer.write(head + data)

    async def message(self) -> dict[str, Any]:
        """The next text message."""
        while True:
            opcode, data = await self.frame()
            if opcode == TEXT:
                return json.loads(data)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame; raises `IncompleteReadError` at the end."""
        async with asyncio.timeout(WAIT):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 15, await self.reader.readexactly(size)

    async def closed_with(self) -> int | None:
        """The code of the close frame; None if the connection just ends."""
        try:
            while True:
                opcode, data = await self.frame()
                if opcode == CLOSE:
                    return struct.unpack("!H", data[:2])[0]
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


def request_of(muxi: Served, port: int) -> bytes:
    """What asks for a WebSocket."""
    return (
        f"GET /ws HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {muxi.token}\r\n\r\n"
    ).encode()


@asynccontextmanager
async def raw(muxi: Served, *, narrow: bool = False) -> AsyncIterator[Raw]:
    """A connection that is open; a narrow one takes little that is not read."""
    port = muxi.url.rpartition(":")[2]
    opened = system.socket()
    if narrow:
        opened.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    opened.connect(("127.0.0.1", int(port)))
    limit = 4096 if narrow else 2**16
    reader, writer = await asyncio.open_connection(sock=opened, limit=limit)
    writer.write(request_of(muxi, int(port)))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
    assert b" 101 " in head
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets are looked at every few hundredths of a second."""
    monkeypatch.setattr(hub_file, "_SLOTS", 2)
    monkeypatch.setattr(hub_file, "_PAUSE", 0.05)


async def test_bad_frames_close_their_own_connection_only(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as other:

        async def code(*frames: tuple[int, bytes, dict[str, bool]]) -> int | None:
            async with raw(muxi) as connection:
                for opcode, data, options in frames:
                    connection.send(opcode, data, **options)
                return await connection.closed_with()

        assert await code((BINARY, b"{}", {})) == 1003
        assert await code((TEXT, b"\xff\xfe", {})) == 1007
        assert await code((TEXT, b"{}", {"masked": False})) == 1002
        assert await code((7, b"", {})) == 1002
        assert await code((CONT, b"x", {})) == 1002
        assert await code((PING, b"x" * 126, {})) == 1002
        assert await code((TEXT, b"x" * 300_000, {})) == 1009
        part = (CONT, b"x" * 100_000, {"fin": False})
        assert await code((TEXT, b"x", {"fin": False}), part, part, part) == 1009
        assert await code((CLOSE, struct.pack("!H", 1000), {})) == 1000
        async with raw(muxi) as cut:
            cut.writer.write(b"\x81")
        assert await other.say("ping") is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\xc1\x80abcd", id="a reserved bit"),
        pytest.param(b"\x81\xff" + b"\xff" * 8 + b"abcd", id="a length beyond all numbers"),
        pytest.param(b"\x81\xff" + b"\x00" * 7 + b"\x05abcd", id="a short length written long"),
        pytest.param(b"\x09\x80abcd", id="a ping in parts"),
        pytest.param(b"\x88\x81abcdx", id="half a code of a close"),
        pytest.param(b"\x88\x82" + b"\0" * 4 + struct.pack("!H", 999), id="a code of nobody"),
        pytest.param(b"\x88\x84" + b"\0" * 4 + b"\x03\xe8\xff\xfe", id="a reason that is no text"),
        pytest.param(b"\x01\x80abcd\x81\x80abcd", id="a message within a message"),
        pytest.param(b"\x00\x80abcd" * 3, id="parts of no message"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\x81\xff" + b"\0" * 4 + b"\x80" + b"\0" * 7, id="gigabytes announced"),
    ],
)
async def test_what_is_no_frame_ends_its_connection(tmp_path: Path, frame: bytes) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as other:
        async with raw(muxi) as connection:
            connection.writer.write(frame)
            assert await connection.closed_with() in (1002, 1007, 1009, None)
        assert await other.say("ping") is None


async def test_a_message_may_come_byte_by_byte_and_among_pings(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi, raw(muxi) as connection:
        for byte in b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}':
            connection.writer.write(bytes([byte]))
            await connection.writer.drain()
        connection.send(TEXT, b'{"type":', fin=False)
        for _ in range(2_000):
            connection.send(PING, b"x")
        connection.send(CONT, b'"ping","id":2}')
        while (message := await connection.message()).get("id") != 2:
            assert message["type"] in ("ready", "reply"), message


async def test_what_comes_before_the_grant_is_not_heard(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        port = int(muxi.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_of(muxi, port) + b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}')
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
        assert b" 101 " in head
        connection = Raw(reader, writer)
        connection.send(TEXT, b'{"type":"ping","id":2}')
        assert (await connection.message())["type"] == "ready"
        assert (await connection.message())["id"] == 2
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("wrong", "right", "statuses"),
    [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", {b"426", b"400"}),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", {b"400"}),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", {b"400"}),
        ("GET /ws", "POST /ws", {b"400", b"404", b"405"}),
        ("GET /ws", "GET /ws/../ws", {b"404"}),
        ("Upgrade: websocket", "Upgrade: websocket\r\nX: a\rb", {b"400"}),
        ("Upgrade: websocket", "Upgrade: websocket\r\nX: " + "a" * 70_000, {b"431", b"400"}),
        ("Authorization: ", "Authorization: Bearer x\r\nAuthorization: ", {b"401", b"400"}),
    ],
)
async def test_a_request_that_is_not_whole_opens_nothing(
    tmp_path: Path, wrong: str, right: str, statuses: set[bytes]
) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as other:
        port = int(muxi.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = request_of(muxi, port)
        assert wrong.encode() in request
        writer.write(request.replace(wrong.encode(), right.encode()))
        async with asyncio.timeout(WAIT):
            line = await reader.readline()
        writer.close()
        assert line.split(b" ")[1] in statuses, line
        # Half a request, whose sender goes.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request[: len(request) // 2])
        writer.close()
        assert await other.say("ping") is None


async def test_events_that_wait_for_others_come_together_and_in_order(tmp_path: Path) -> None:
    events = {"events": {"gather": 0.5}}
    async with served(tmp_path, _answers(1), server=events) as muxi:
        thread = (await muxi.client.create_thread()).id
        async with raw(muxi) as connection:
            connection.send(TEXT, json.dumps({"type": "subscribe", "thread_id": thread}).encode())
            while (await connection.message())["type"] != "reply":
                pass
            run = await muxi.client.start_run("Talk", thread_id=thread)
            pieces, data = 0, b""
            async with asyncio.timeout(WAIT):
                while b'"run.completed"' not in data:
                    data += await connection.reader.read(1 << 20)
                    pieces += 1
            told = await muxi.follow(run.id)
        places = [data.find(f'"seq":{event.seq},'.encode()) for event in told]
        assert -1 not in places
        assert places == sorted(places)
        assert len(told) > 400
        assert pieces < 100, "several hundred events, a few packets"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"type": 7}',
        '{"type": "nothing"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "thread_id": "thr_x", "since": -1}',
        '{"type": "subscribe", "thread_id": "thr_x", "more": 1}',
        '{"type": "subscribe", "thread_id": "thr_none"}',
        '{"type": "subscribe", "thread_id": "\\ud800"}',
        '{"type": "send", "run": {}}',
        '{"type": "send", "run": {"input": ""}}',
        '{"type": "approve", "approval_id": "apr_none", "decision": {"decision": "approve"}}',
        '{"type": "approve", "approval_id": "x", "decision": {"decision": "deny", "by": "me"}}',
        '{"type": "cancel", "run_id": "run_none"}',
        '{"type": "presence", "thread_id": "thr_x", "state": "typing"}',
        '{"type": "renew"}',
        '{"type": "renew", "token": "wrong"}',
        '{"type": "renew", "ticket": "wrong"}',
        '{"type": "ping", "id": {"a": 1}}',
        "[" * 5_000,
        '{"type": "ping", "id": ' + "9" * 5_000 + "}",
    ],
)
async def test_what_cannot_be_done_is_answered_with_a_problem(tmp_path: Path, said: str) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as ws:
        await ws.ws.send_str(said)
        problem = (await ws.until("error"))["problem"]
        assert problem["code"] != "muxi_error", problem
        assert 400 <= problem["status"] < 500
        assert await ws.say("ping") is None


@pytest.mark.usefixtures("quick_rounds")
async def test_half_a_message_is_not_waited_for(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        async with raw(muxi) as half:
            half.writer.write(b"\x81\xfe\x10\x00" + b"x" * 50)
            assert await half.closed_with() == 1008
        async with raw(muxi) as silent:
            # It never answers a ping.
            assert await silent.closed_with() is None


@pytest.mark.usefixtures("quick_rounds")
async def test_who_answers_pings_stays(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi, socket(muxi.url, muxi.token) as ws:
        waiting = asyncio.ensure_future(ws.hear())
        async with raw(muxi) as silent:
            assert await silent.closed_with() is None
        waiting.cancel()
        assert not ws.ws.closed


def _answers(count: int) -> list[Reply | str]:
    text = " ".join(f"word{number}" for number in range(400))
    return [Reply(parts=[TextPart(text=text)]) for _ in range(count)]


async def test_a_slow_reader_delays_nobody_and_gets_a_gap(tmp_path: Path) -> None:
    window = {"events": {"window": 1_000}}
    async with served(tmp_path, _answers(30), server=window) as muxi:
        thread = (await muxi.client.create_thread()).id
        async with raw(muxi, narrow=True) as slow, socket(muxi.url, muxi.token) as quick:
            slow.send(TEXT, json.dumps({"type": "subscribe", "thread_id": thread}).encode())
            await quick.say("subscribe", thread_id=thread)
            for _ in range(30):
                await quick.say("send", run={"input": "Talk", "thread_id": thread})
                end = await quick.event("run.completed")
            told: list[dict[str, Any]] = []
            while not told or told[-1]["seq"] < end["seq"]:
                message = await slow.message()
                if message["type"] == "event":
                    told.append(message["event"])
        gap = next(event for event in told if event["type"] == "gap")
        assert gap["snapshot"] == f"/api/threads/{thread}/messages"
        assert gap["seq"] == end["seq"] - 1
        async with muxi.http.get(muxi.url + gap["snapshot"]) as response:
            assert len((await response.json())["items"]) == 60
        assert told[-1] == end


async def test_a_reader_outside_the_window_is_told_of_the_gap_by_sse_too(tmp_path: Path) -> None:
    window = {"events": {"window": 1_000}}
    async with served(tmp_path, _answers(6), server=window) as muxi:
        thread = (await muxi.client.create_thread()).id
        for _ in range(6):
            run = await muxi.client.start_run("Talk", thread_id=thread)
            events = await muxi.follow(run.id)
        told = muxi.client.thread_events(thread)
        first = await anext(told)
        assert (first.type, first.seq) == ("gap", events[-1].seq - 1)
        assert await anext(told) == events[-1]
        await told.aclose()
        # Within the window, everything is told.
        near = muxi.client.thread_events(thread, since=events[-1].seq - 900)
        assert [(await anext(near)).type for _ in range(300)].count("gap") == 0
        await near.aclose()


async def test_a_credential_is_renewed_and_its_end_closes_the_socket(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        identity = muxi.runtime.identity
        await identity.users.create("default", User(id="ann", roles=["member"], created_at=now()))
        keys = [await identity.keys.create("default", "ann") for _ in range(2)]
        async with socket(muxi.url, keys[0].key) as ws:
            assert (await ws.say("renew", token=keys[1].key))["user"] == "ann"
            assert (await ws.say("renew", token=muxi.token))["code"] == "invalid_input"
            await identity.keys.revoke("default", keys[0].id)
            assert await ws.say("ping") is None
            await identity.keys.revoke("default", keys[1].id)
            assert await ws.ended() == 4401
