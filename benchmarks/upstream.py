"""A provider of chat completions that answers at once, so that only the work of others is measured.

    python benchmarks/upstream.py [--tokens 8]

Prints its base URL and serves until it is killed: a bare protocol with answers that were made
beforehand, which costs some 20 us a turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

_END_OF_HEAD = b"\r\n\r\n"


def answer(tokens: int) -> bytes:
    """A whole streamed answer, head and chunks, as one write."""
    lines: list[str] = []
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}

    def piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        lines.append("data: " + json.dumps({**base, "choices": [choice], **more}))

    piece({"role": "assistant", "content": ""})
    for number in range(tokens):
        piece({"content": f"word{number} "})
    piece({}, "stop")
    usage = {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}
    lines.append("data: " + json.dumps({**base, "choices": [], "usage": usage}))
    lines.append("data: [DONE]")
    body = "".join(f"{line}\n\n" for line in lines).encode()
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


class Provider(asyncio.Protocol):
    """One connection: reads whole requests and writes the answer for each."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

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
            assert self._transport is not None
            self._transport.write(self._response)


async def serve(tokens: int) -> None:
    loop = asyncio.get_running_loop()
    response = answer(tokens)
    server = await loop.create_server(lambda: Provider(response), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=8)
    asyncio.run(serve(parser.parse_args().tokens))
