"""What a way to a server must do, and what it tells of.

Implemented by the other files of this folder, driven by `devkit.session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from muxi.devkit.target import Transport

Message = dict[str, Any]
"""One message of JSON-RPC 2.0."""

MAX_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes of the longest message that is read; a longer one is dropped and told of."""


class Inbox(Protocol):
    """Who is told of what comes in."""

    def received(self, message: object) -> None:
        """A value of JSON came in; whether it is a message is for the inbox to judge."""
        ...

    def stray(self, text: str) -> None:
        """Something came in that is no JSON."""
        ...

    def oversized(self, size: int) -> None:
        """A message was dropped after `size` bytes."""
        ...

    def said(self, text: str) -> None:
        """The server wrote a line for people, on its standard error."""
        ...

    def refused(self, message: Message, status: int, text: str) -> None:
        """HTTP answered `message` with something else than JSON-RPC."""
        ...

    def ended(self, why: str) -> None:
        """Nothing more will come in."""
        ...


class Wire(Protocol):
    """A way to one server. `open`, then `send`, then `close` in any case."""

    @property
    def transport(self) -> Transport:
        """Of which kind it is."""
        ...

    async def open(self, inbox: Inbox) -> None:
        """Start the server, or reach it.

        Raises:
            ServerUnavailable: It cannot be started or reached.
        """
        ...

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        """Send one message; `headers` go with it where there are headers."""
        ...

    async def abandon(self, request: int | str) -> None:
        """Stop waiting for the answer to a request, as the transport says that."""
        ...

    async def close(self) -> None:
        """End the server, or leave it. Never raises."""
        ...
