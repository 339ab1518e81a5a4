"""A scripted model that speaks chat completions, so that anybody can repeat a measurement.

Run as a process of its own by `muxi bench`: `python -m muxi.cli.bench.provider`. The path says how
it answers: `/TOKENS/RATE/chat/completions` gives so many words, so many each second, or all at once
with a rate of 0. Each word is the time at which it was said, in nanoseconds of the machine's
monotonic clock, so that whoever hears it knows how late it is.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_CHUNK: Final = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'


def _piece(text: str) -> bytes:
    choice = f'"choices":[{{"index":0,"delta":{{"content":"{text} "}},"finish_reason":null}}]'
    return f"data: {_CHUNK}{choice}}}\n\n".encode()


def _last(tokens: int) -> bytes:
    choice = '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]'
    usage = f'"usage":{{"prompt_tokens":12,"completion_tokens":{tokens},"total_tokens":{tokens}}}'
    events = (f"{_CHUNK}{choice}}}", f'{_CHUNK}"choices":[],{usage}}}', "[DONE]")
    return "".join(f"data: {event}\n\n" for event in events).encode()


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    """One connection: reads whole requests and answers each."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._said = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END_OF_HEAD)) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            whole = end + len(_END_OF_HEAD) + length
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            _, tokens, rate, *_ = head.split(b" ", 2)[1].split(b"/")
            self._answer(int(tokens), float(rate))

    def _answer(self, tokens: int, rate: float) -> None:
        assert self._transport is not None
        if not rate:
            # Each word is another: some programs take an answer that repeats itself for a loop.
            now = time.monotonic_ns()
            pieces = (_piece(str(now + number)) for number in range(tokens))
            body = b"".join([*pieces, _last(tokens)])
            self._transport.write(_HEAD + _chunked(body) + b"0\r\n\r\n")
            return
        self._transport.write(_HEAD)
        self._said = 0
        self._say(tokens, rate, asyncio.get_running_loop().time())

    def _say(self, tokens: int, rate: float, began: float) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        if self._said == tokens:
            self._transport.write(_chunked(_last(tokens)) + b"0\r\n\r\n")
            return
        self._said += 1
        self._transport.write(_chunked(_piece(str(time.monotonic_ns()))))
        # By the clock, not by pauses: a busy machine must not slow the script down.
        when = began + self._said / rate
        asyncio.get_running_loop().call_at(when, self._say, tokens, rate, began)


async def serve() -> None:
    """Print the address and answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
