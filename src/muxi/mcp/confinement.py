"""What a local server may touch: bounds that this machine can hold, and words for the rest.

Used by `servers` before a server is started. `confine` is the script that carries the bounds out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from muxi.config.mcp_settings import ServerPermissions
from muxi.core.errors import ConfigError

_SCRIPT: Final = Path(__file__).with_name("confine.py")
_SYSTEM: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/snap",
    "/etc", "/proc", "/sys", "/dev", "/run/systemd/resolve", "/run/nscd",
)  # fmt: skip
"""Programs, libraries and settings of the system, which every program needs to read."""
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_BESIDE: Final = ("bin", "lib", "lib64", "libexec", "include", "share/uv", "share/pipx", "Scripts")
"""What lies beside a program's own folder and belongs to it."""
_SOURCES: Final = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".sh", ".rb", ".jar"})
_USUAL_PORTS: Final = (80, 443)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this machine can enforce."""

    landlock: int = 0
    """Version of Landlock's interface; 0 for none, 4 and more bound ports too."""
    namespaces: bool = False
    """Whether a process may take the network away from itself and hide files."""


@cache
def abilities() -> Abilities:
    """What this machine can enforce; found out once, by a process of some 50 ms."""
    if sys.platform != "linux":
        return Abilities()
    try:
        done = subprocess.run(  # noqa: S603 -- our own script, with no argument from outside
            [sys.executable, "-I", "-S", str(_SCRIPT), "probe"],
            capture_output=True,
            timeout=10,
            check=True,
        )
        return Abilities(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return Abilities()


@dataclass(frozen=True, slots=True)
class Confinement:
    """Bounds of one server."""

    bounds: dict[str, Any] = field(default_factory=dict[str, Any])
    """What `confine` is told; empty if nothing can be enforced."""
    notes: tuple[str, ...] = ()
    """What cannot be enforced here, in words for people."""

    def wrapped(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command that puts itself into the bounds and becomes `command`."""
        if not self.bounds:
            return tuple(command)
        return (sys.executable, "-I", "-S", str(_SCRIPT), json.dumps(self.bounds), *command)


def confinement(
    permissions: ServerPermissions,
    command: Sequence[str],
    *,
    folder: Path,
    home: Path,
    secret: Path,
    able: Abilities | None = None,
) -> Confinement:
    """The bounds of a server.

    Args:
        permissions: What the project grants.
        command: The program's file and its arguments.
        folder: Where paths of the project start.
        home: A folder of the server's own, which it may always write to.
        secret: The project's state, which stays hidden but for `home` and what is installed.
        able: What this machine can enforce; it is found out by default.

    Raises:
        ConfigError: A path that is granted does not exist.
    """
    able = able or abilities()
    notes: list[str] = []
    ports = _ports(permissions, able, notes)
    read = [*_SYSTEM, *map(str, program_paths(command)), str(_SCRIPT)]
    write = [str(home), *_DEVICES]
    kept = secret.resolve()
    for name, access in permissions.files.items():
        path = (folder / Path(name).expanduser()).resolve()
        if not path.exists():
            raise ConfigError(
                f"The permissions name {name}, which does not exist.",
                hint="Make it, or correct `permissions.files` of this server.",
            )
        granted = [path]
        if not able.namespaces and (kept.is_relative_to(path) or path.is_relative_to(kept)):
            granted = list(_beside(path, kept))
        (write if access == "write" else read).extend(map(str, granted))
    hide: list[str] = []
    if able.namespaces and any(kept.is_relative_to(path) for path in (*read, *write)):
        hide = [str(each) for each in _secret_parts(kept, home.resolve())]
    if not able.landlock:
        notes.append("access to files cannot be bounded on this machine: it has no Landlock")
    blocked = permissions.network is False and able.namespaces
    if not able.landlock and not blocked and not hide:
        return Confinement(notes=tuple(notes))
    bounds = {
        "unshare": blocked,
        "hide": hide,
        "landlock": able.landlock,
        "read": sorted(set(read)),
        "write": write,
        "ports": ports,
    }
    return Confinement(bounds, tuple(notes))


def _ports(permissions: ServerPermissions, able: Abilities, notes: list[str]) -> list[int] | None:
    """The TCP ports that may be connected to; None for all."""
    network = permissions.network
    if network is True:
        return None
    bounded = able.landlock >= 4
    if network is False:
        if not able.namespaces and bounded:
            notes.append("the network is blocked for TCP only: namespaces are not allowed here")
        elif not able.namespaces:
            notes.append("access to the network cannot be blocked on this machine")
        return []
    ports = {int(port) for host in network if (port := host.rpartition(":")[2]).isdigit()}
    if any(not host.rpartition(":")[2].isdigit() for host in network):
        ports.update(_USUAL_PORTS)
    named = ", ".join(map(str, sorted(ports)))
    notes.append(
        f"hosts cannot be told apart here: any host may be reached at the TCP ports {named}"
        if bounded
        else "access to the network cannot be bounded to these hosts on this machine"
    )
    return sorted(ports)


def program_paths(command: Sequence[str]) -> Iterator[Path]:
    """The files and folders that a program consists of, as far as its file tells."""
    seen: set[Path] = set()
    waiting = [Path(command[0])]
    waiting += [Path(word) for word in command[1:] if Path(word).suffix in _SOURCES]
    while waiting:
        program = waiting.pop()
        if program in seen or not program.is_file():
            continue
        seen.add(program)
        yield from _around(program, waiting)
        if program.is_symlink():
            waiting.append(program.parent / program.readlink())
        waiting += _interpreter(program)


def _around(program: Path, waiting: list[Path]) -> Iterator[Path]:
    yield program
    modules = [parent for parent in program.parents if parent.name == "node_modules"]
    if modules:
        yield modules[-1]
        return
    root = program.parent.parent
    if program.parent.name not in ("bin", "Scripts"):
        if program.suffix in _SOURCES:
            yield program.parent
            yield from (each for each in (root / "node_modules", root / "package.json"))
        return
    settings = root / "pyvenv.cfg"
    if settings.is_file():
        yield root
        with suppress(OSError, ValueError):
            for line in settings.read_text("utf-8").splitlines():
                key, _, value = line.partition("=")
                if key.strip() == "home" and value.strip():
                    waiting += [Path(value.strip()) / "python3", Path(value.strip()) / "python"]
    yield from (root / name for name in _BESIDE)


def _interpreter(program: Path) -> list[Path]:
    """The program that a script names in its first line."""
    try:
        with program.open("rb") as opened:
            first = opened.readline(300)
    except OSError:
        return []
    if not first.startswith(b"#!"):
        return []
    words = first[2:].decode("utf-8", "replace").split()
    return [Path(words[0])] if words and not words[0].endswith("/env") else []


def _secret_parts(secret: Path, home: Path) -> Iterator[Path]:
    """All of the state folder but the way to what belongs to servers."""
    if not secret.is_dir():
        return
    for entry in secret.iterdir():
        if home.is_relative_to(entry):
            if entry not in (home, home.parent):
                yield from _secret_parts(entry, home)
        else:
            yield entry


def _beside(folder: Path, secret: Path) -> Iterator[Path]:
    """What is in `folder`, each by itself, without `secret`."""
    if folder.is_relative_to(secret):
        return
    for entry in folder.iterdir():
        if entry == secret:
            continue
        if secret.is_relative_to(entry):
            yield from _beside(entry, secret)
        else:
            yield entry
