"""What one turn of the loop writes goes out together, in its order, and nothing is kept back."""

from __future__ import annotations

import asyncio

from muxi.server.corked import Corked


class Wire(asyncio.Transport):
    """Remembers each packet."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.packets.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_writes_of_one_turn_are_one_packet() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(b"head ")
    corked.write(b"body")
    assert wire.packets == []
    await asyncio.sleep(0)
    corked.write(b"later")
    await asyncio.sleep(0)
    assert wire.packets == [b"head body", b"later"]


async def test_a_close_sends_what_was_written_before_it() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(b"last words")
    corked.close()
    assert wire.packets == [b"last words"]
    assert corked.is_closing()
    await asyncio.sleep(0)


async def test_much_at_once_does_not_wait() -> None:
    wire = Wire()
    corked = Corked(wire, asyncio.get_running_loop())
    corked.write(bytes(40_000))
    corked.write(bytes(40_000))
    assert [len(packet) for packet in wire.packets] == [80_000]
    await asyncio.sleep(0)
    assert len(wire.packets) == 1
