"""Puts a server into its bounds and then becomes it: the last thing before its program starts.

Run as a script of its own by `python -I -S`, never imported: it must start quickly and need nothing
but the standard library. It takes a JSON object as its first argument and a command after it, and
says on standard error why it could not, with exit code 126. With `probe` alone it prints what this
machine can do.

Files are bounded by Landlock (https://docs.kernel.org/userspace-api/landlock.html), the network by
a network namespace or Landlock's rules of ports.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH, _NET_PORT = 1, 2
_NO_NEW_PRIVS = 38
_NEW_NAMESPACES = {"user": 0x10000000, "net": 0x40000000, "mount": 0x00020000}
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_BIND, _CONNECT = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The system does not do what was asked."""


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise Refused(os.strerror(ctypes.get_errno()))
    return result


def landlock_version() -> int:
    """Version of Landlock's interface; 0 if the kernel has none."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    except (Refused, OSError):
        return 0


def _file_rights(version: int) -> int:
    return _ALL_BY_VERSION[max(known for known in _ALL_BY_VERSION if known <= version)]


def restrict(version: int, *, read: list[str], write: list[str], ports: list[int] | None) -> None:
    """Allow this process and what it starts nothing but this.

    Args:
        version: Of Landlock's interface.
        read: Files and folders that may be read and executed.
        write: Files and folders that may be changed, too.
        ports: TCP ports that may be connected to; None for all.
    """
    handled = _file_rights(version)
    network = _BIND | _CONNECT if version >= 4 and ports is not None else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    attributes = struct.pack("QQQ", handled, network, scoped)[: 24 if version >= 6 else 16]
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    reading = (_EXECUTE | _READ_FILE | _READ_DIR) & handled
    for paths, rights in ((read, reading), (write, handled)):
        for path in paths:
            _allow(ruleset, path, rights)
    for port in ports or () if network else ():
        rule = struct.pack("QQ", _CONNECT, port)
        _call(_ADD_RULE, ruleset, _NET_PORT, rule, 0)
    if _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise Refused("no_new_privs")
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # What does not exist needs no leave.
    try:
        if not os.path.isdir(path):  # noqa: PTH112 -- pathlib would double the time that this takes
            rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
        rule = struct.pack("=Qi", rights, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def separate(*, network: bool, hide: list[str]) -> None:
    """Take the network away, and hide files and folders behind empty ones.

    Raises:
        Refused: This machine does not allow it.
    """
    wanted = (_NEW_NAMESPACES["net"] if network else 0) | (_NEW_NAMESPACES["mount"] if hide else 0)
    if not wanted:
        return
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW_NAMESPACES["user"] | wanted):
        raise Refused(os.strerror(ctypes.get_errno()))
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as opened:  # noqa: PTH123 -- pathlib would double the time that this takes
            opened.write(text)
    if network:
        _loopback_up()
    for path in hide:
        _cover(path)


def _loopback_up() -> None:
    """A program's own loopback still works; it leads nowhere else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def _cover(path: str) -> None:
    if os.path.isdir(path):  # noqa: PTH112 -- pathlib would double the time that this takes
        done = _libc.mount(b"none", path.encode(), b"tmpfs", 0x1, b"size=4k,mode=0555")
    else:
        done = _libc.mount(b"/dev/null", path.encode(), None, 0x1000, None)
    if done:
        raise Refused(os.strerror(ctypes.get_errno()))


def probe() -> None:
    """Print what this machine can enforce."""
    try:
        separate(network=True, hide=[])
        namespaces = True
    except (OSError, Refused):
        namespaces = False
    json.dump({"landlock": landlock_version(), "namespaces": namespaces}, sys.stdout)


def main() -> None:
    """Do what the first argument says, and become the command after it."""
    if sys.argv[1:] == ["probe"]:
        probe()
        return
    bounds, command = json.loads(sys.argv[1]), sys.argv[2:]
    try:
        separate(network=bounds["unshare"], hide=bounds["hide"])
        if bounds["landlock"]:
            restrict(
                bounds["landlock"],
                read=bounds["read"],
                write=bounds["write"],
                ports=bounds["ports"],
            )
        os.execv(command[0], command)  # noqa: S606 -- the server that was to be started
    except (OSError, Refused) as error:
        sys.stderr.write(f"muxi: {command[0]} cannot be confined: {error}\n")
        sys.exit(126)


if __name__ == "__main__":
    main()
