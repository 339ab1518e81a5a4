"""Ports for servers that must be told where to listen, and addresses at which nobody does."""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_taken = itertools.count()


def free_port() -> int:
    """A port that nothing listens on, another one with each call.

    It lies below those that the kernel gives to outgoing connections and to whoever takes any:
    nobody gets it by chance before its server listens, or while that is dead. Processes of these
    tests, whose numbers are likely to follow each other, look at different places.
    """
    lowest = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 49_152
    span = lowest - 10_000
    for number in _taken:
        port = lowest - 1 - (os.getpid() * 41 + number) % span
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("the count has no end")
