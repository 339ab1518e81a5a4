"""The sockets that a project is served on: one TCP port, one Unix socket.

Opened by `serve` before anything is promised, so that a port in use is told at once.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import stat
from contextlib import suppress
from pathlib import Path

from muxi.config.server_settings import TlsSettings
from muxi.core.errors import ConfigError, Conflict, InvalidInput, MuxiError

_BACKLOG = 2048


def open_tcp(host: str, port: int) -> socket.socket:
    """Listen on a port; port 0 takes any free one.

    Raises:
        InvalidInput: `host` is no address of this machine.
        Conflict: The port is in use.
    """
    family, address = _resolved(host, port)
    # asyncio sends small pieces at once only where the protocol is named.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        # A port whose last connections still fade may be taken again at once.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if family == socket.AF_INET6:
            # `::` is every address, also of the older protocol.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_here(host) from error
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} is in use by another program.",
                hint=f"Stop it, or choose another port: `muxi up --port {port + 1}`.",
                port=port,
            ) from error
        raise MuxiError(f"Port {port} cannot be opened: {error.strerror}.") from error
    opened.setblocking(False)
    return opened


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The first address of this machine that `host` means."""
    # The older protocol only: what calls this machine by this name does so too.
    name = "127.0.0.1" if host == "localhost" else host
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise _not_here(host) from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), port)


def _not_here(host: str) -> InvalidInput:
    return InvalidInput(
        f"{host} is no address of this machine.",
        hint="`127.0.0.1` serves this machine alone, `0.0.0.0` every network it is in.",
    )


def tls_context(settings: TlsSettings, folder: Path) -> ssl.SSLContext:
    """What speaks TLS with a certificate of the project.

    Raises:
        ConfigError: The certificate or its key cannot be read, or they do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / settings.certificate, folder / settings.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The certificate of `server.tls` cannot be used: {error.strerror or error}.",
            hint="`certificate` and `key` are PEM files, of one another.",
        ) from error
    return context


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
