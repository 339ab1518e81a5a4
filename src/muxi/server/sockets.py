"""The sockets that a project is served on: one TCP port of this machine, one Unix socket.

Opened by `serve` before anything is promised, so that a port in use is told at once.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from muxi.core.errors import Conflict, InvalidInput, MuxiError

_HERE = ("127.0.0.1", "localhost")
_BACKLOG = 2048


def open_tcp(host: str, port: int) -> socket.socket:
    """Listen on a port of this machine; port 0 takes any free one.

    Raises:
        InvalidInput: `host` is not this machine alone.
        Conflict: The port is in use.
    """
    if host not in _HERE:
        raise InvalidInput(
            f"muxi does not listen on {host}: whoever reaches it could use your agents.",
            hint="It serves 127.0.0.1 only. From elsewhere: `ssh -L 5050:127.0.0.1:5050 HOST`.",
        )
    # asyncio sends small pieces at once only where the protocol is named.
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        # A port whose last connections still fade may be taken again at once.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(("127.0.0.1", port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} is in use by another program.",
                hint=f"Stop it, or choose another port: `muxi up --port {port + 1}`.",
                port=port,
            ) from error
        raise MuxiError(f"Port {port} cannot be opened: {error.strerror}.") from error
    opened.setblocking(False)
    return opened


def open_unix(path: Path) -> socket.socket:
    """Listen on a socket in the file system that only its owner may use.

    Raises:
        MuxiError: It cannot be made.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        # Nobody can connect before `listen`, so there is no moment with looser permissions.
        path.chmod(0o600)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise MuxiError(f"The socket {path} cannot be made: {error.strerror}.") from error
    opened.setblocking(False)
    return opened
