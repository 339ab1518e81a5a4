"""Opens a conversation with a target over one of its transports. Used by all of the kit."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from muxi.core.errors import InvalidInput, ServerTooSlow, ServerUnavailable
from muxi.devkit.session import Session
from muxi.devkit.target import Target, Transport
from muxi.devkit.wires.envelope import HANDSHAKES, NEWEST
from muxi.devkit.wires.wire import Wire

START: Final = 30.0
"""Seconds until a first answer, where nobody says more."""
PATIENCE: Final = 30.0
"""Seconds until any further one."""
_HOST: Final = Path(__file__).parent / "host.py"


@asynccontextmanager
async def connected(
    target: Target,
    transport: Transport | None = None,
    revision: str | None = None,
    *,
    patience: float = PATIENCE,
    start: float = START,
) -> AsyncGenerator[Session]:
    """A session with `target`, which is ended with the block.

    Args:
        target: Who to speak with.
        transport: How; by default the first that works for it outside of this process.
        revision: In which revision of the protocol; by default the newest that it speaks.
        patience: Seconds that a request may take where nothing else is said.
        start: Seconds until the server must have answered for the first time.

    Raises:
        ServerUnavailable: It cannot be started or reached, or refuses the revision.
        ServerTooSlow: It does not answer in time.
        InvalidInput: It cannot be spoken to over this transport.
    """
    session = Session(wire_to(target, transport, start), revision or NEWEST, patience)
    try:
        try:
            await session.open(start, settle=revision is None)
        except ServerTooSlow:
            raise
        except ServerUnavailable:
            if revision is not None:
                raise
            # Some end at the first request that they do not know: once more, as they know it.
            await session.close()
            session = Session(wire_to(target, transport, start), HANDSHAKES[-1], patience)
            await session.open(start)
        yield session
    finally:
        await session.close()


def wire_to(target: Target, transport: Transport | None, patience: float) -> Wire:
    """The way to a target, not yet open.

    Raises:
        InvalidInput: It cannot be spoken to over this transport.
    """
    chosen = transport or usual_transport(target)
    if chosen not in target.transports:
        can = ", ".join(target.transports)
        raise InvalidInput(f"{target.text} cannot be reached over {chosen}, only over: {can}.")
    if target.tools:
        from muxi.devkit.wires.functions import FunctionsWire

        return FunctionsWire(_place(target), target.attribute)
    if chosen == "memory":
        from muxi.devkit.wires.memory import MemoryWire

        return MemoryWire(_place(target), target.attribute, target.env, target.cwd)
    if chosen == "http":
        from muxi.devkit.wires.streamable_http import HostedWire, HttpWire

        if target.url is not None:
            return HttpWire(target.url, target.headers)
        command = command_of(target, "http")
        return HostedWire(command, env=target.env, cwd=target.cwd, patience=patience)
    from muxi.devkit.wires.stdio import StdioWire

    return StdioWire(command_of(target), env=target.env, cwd=target.cwd)


def usual_transport(target: Target) -> Transport:
    """How a target is spoken to where nobody says: a server of its own process, over stdio."""
    if target.tools:
        return "memory"
    return "http" if target.url is not None else "stdio"


def command_of(target: Target, transport: Transport = "stdio") -> tuple[str, ...]:
    """The command that serves a target on this machine."""
    if not target.is_python:
        return target.command
    named = () if target.attribute is None else (target.attribute,)
    return (target.python, str(_HOST), transport, _place(target), *named)


def _place(target: Target) -> str:
    return str(target.file) if target.file is not None else str(target.module)
