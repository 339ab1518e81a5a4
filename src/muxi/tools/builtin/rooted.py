"""A folder that no path leads out of. Used by the tools `files`.

A path is walked step by step over descriptors of the folders that were opened, never by its text,
so nobody can change its meaning between the check and the use. Links are followed while they stay
inside; whatever is no plain file or folder is refused before it is opened.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import unicodedata
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

from muxi.core.errors import ConfigError, ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.tools.builtin.setup import Setup

_MAX_PATH = 1_000
_MAX_LINKS = 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a path has led: a name in an open folder. It may not exist."""

    folder: int
    """Descriptor of the folder, open as long as the spot is in use."""
    name: str
    """`.` for the root itself."""
    path: str
    """The way from the root, without links and `..`; `.` for the root."""

    def status(self) -> os.stat_result | None:
        """What lies here, or None."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    @contextmanager
    def opened(self) -> Generator[int]:
        """A descriptor of the plain file that lies here, for reading.

        Raises:
            ToolFailed: There is none, or it cannot be read.
        """
        self._plain(self.status())
        with _told(self.path):
            descriptor = os.open(self.name, _FILE, dir_fd=self.folder)
        try:
            self._plain(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def entered(self) -> Generator[int]:
        """A descriptor of the folder that lies here. Raises `ToolFailed` if there is none."""
        with _told(self.path):
            descriptor = os.open(self.name, _FOLDER, dir_fd=self.folder)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def replace(self, data: bytes) -> None:
        """Put a file with `data` here; whoever looks sees the old one or all of the new one."""
        old = self.status()
        if old is not None:
            self._plain(old)
        mode = 0o644 if old is None else stat.S_IMODE(old.st_mode)
        beside = f".muxi-{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _told(self.path):
            descriptor = os.open(beside, flags, 0o600, dir_fd=self.folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    os.fchmod(file.fileno(), mode)
                os.replace(beside, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            except BaseException:
                os.unlink(beside, dir_fd=self.folder)
                raise

    def _plain(self, status: os.stat_result | None) -> None:
        if status is None:
            raise ToolFailed(f"There is no file `{shown(self.path)}`.", hint=_LOOK)
        if stat.S_ISDIR(status.st_mode):
            raise ToolFailed(f"`{shown(self.path)}` is a folder.", hint=_LOOK)
        if not stat.S_ISREG(status.st_mode):
            raise ToolDenied(f"`{shown(self.path)}` is no plain file.")


_LOOK = "See what is there with list_files."

PRIVATE = (".muxi", ".muxi-*", ".env", ".env.*", "*.pem", "*.key", "id_rsa*")
"""What tools that only read a folder never show."""


@dataclass(frozen=True, slots=True)
class Root:
    """One folder and what of it is hidden."""

    folder: Path
    hidden: Sequence[str] = ()
    """Patterns of names, or of paths if there is a slash in them."""
    sealed: Sequence[Path] = ()
    """Folders that are hidden wherever they lie and however they are spelled."""
    writing: threading.Lock = field(default_factory=threading.Lock)
    """Held from reading a file to writing it anew."""
    _patterns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if os.open not in os.supports_dir_fd:
            raise ConfigError("The tool files needs a system that opens files from folders.")
        object.__setattr__(self, "_patterns", tuple(_alike(each) for each in self.hidden))

    @contextmanager
    def at(self, path: str, *, make: bool = False) -> Generator[Spot]:
        """The spot that `path` leads to.

        Args:
            path: From the root; an absolute path counts if it begins with the root's own.
            make: Whether missing folders on the way are made.

        Raises:
            ToolArgumentsInvalid: It is no path.
            ToolDenied: It leads out of the root, or to something hidden.
            ToolFailed: A folder on the way is missing or cannot be opened.
        """
        steps = self._steps(path)
        if make:
            self.folder.mkdir(parents=True, exist_ok=True)
        walk = _Walk(self, path, make=make)
        try:
            yield walk.to(steps)
        finally:
            walk.close()

    def hides(self, path: Sequence[str]) -> bool:
        """Whether a path, given by its steps, is hidden by its last name or as a whole."""
        if not path:
            return False
        name, whole = _alike(path[-1]), _alike("/".join(path))
        return any(
            fnmatchcase(whole if "/" in each else name, each.strip("/")) for each in self._patterns
        )

    def seals(self, status: os.stat_result) -> bool:
        """Whether this is one of the sealed folders."""
        for folder in self.sealed:
            try:
                if os.path.samestat(status, folder.stat()):
                    return True
            except OSError:
                continue
        return False

    def _steps(self, path: str) -> list[str]:
        text = path.strip() or "."
        if len(text) > _MAX_PATH or any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in text):
            raise ToolArgumentsInvalid(f"`{shown(text[:80])}` is no path.", hint=_RELATIVE)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ToolArgumentsInvalid("The path has half of a character in it.") from None
        if text.startswith("/"):
            for root in (self.folder.absolute(), self.folder.resolve()):
                if text == str(root) or text.startswith(f"{root}/"):
                    return text[len(str(root)) :].split("/")
            raise _outside(path)
        return text.split("/")


def root_of(folder: str, setup: Setup, *, hidden: Sequence[str] = PRIVATE) -> Root:
    """The folder that a setting names, from the project's own; the project's state is sealed.

    Args:
        folder: As the setting has it.
        setup: Where the tool is made.
        hidden: As `Root.hidden`.
    """
    sealed = (setup.folder / ".muxi", *([setup.state] if setup.state is not None else []))
    return Root(setup.folder / Path(folder).expanduser(), hidden=hidden, sealed=sealed)


_RELATIVE = "Write the path from the folder of the files, such as `notes/today.md`."


class _Walk:
    """The way along a path: the folders that were opened, the root first."""

    def __init__(self, root: Root, path: str, *, make: bool) -> None:
        self._root = root
        self._path = path
        self._make = make
        self._names: list[str] = []
        self._links = 0
        try:
            self._folders = [os.open(root.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        except OSError:
            raise ToolFailed(
                "The folder of the files does not exist yet.", hint="Write a file to make it."
            ) from None

    def close(self) -> None:
        for descriptor in self._folders:
            os.close(descriptor)
        self._folders = []

    def to(self, steps: Sequence[str]) -> Spot:
        """The spot at the end of `steps`."""
        left = deque(steps)
        while left:
            step = left.popleft()
            if step in ("", "."):
                continue
            if step == "..":
                self._back()
                continue
            if self._root.hides([*self._names, step]):
                raise ToolFailed(f"There is no `{shown(self._path)}`.", hint=_LOOK)
            target = self._link(step)
            if target is not None:
                left.extendleft(reversed(target.split("/")))
            elif any(each not in ("", ".") for each in left):
                self._enter(step)
            else:
                return self._arrive(step)
        return Spot(self._folders[-1], ".", "/".join(self._names) or ".")

    def _back(self) -> None:
        """One folder up, along the way that was taken."""
        if len(self._folders) == 1:
            raise _outside(self._path)
        os.close(self._folders.pop())
        self._names.pop()

    def _link(self, step: str) -> str | None:
        """Where a link leads, from the folder that it lies in; None if this is none."""
        with _told(self._path):
            try:
                status = os.stat(step, dir_fd=self._folders[-1], follow_symlinks=False)
            except FileNotFoundError:
                return None
            if not stat.S_ISLNK(status.st_mode):
                return None
            target = os.readlink(step, dir_fd=self._folders[-1])
        self._links += 1
        if target.startswith("/") or self._links > _MAX_LINKS or len(target) > _MAX_PATH:
            raise _outside(self._path)
        return target

    def _enter(self, step: str) -> None:
        here = self._folders[-1]
        if self._make:
            try:
                os.mkdir(step, dir_fd=here)
            except FileExistsError:
                pass
            except OSError as error:
                _tell(error, self._path)
        with _told(self._path):
            descriptor = os.open(step, _FOLDER, dir_fd=here)
        self._folders.append(descriptor)
        self._names.append(step)
        if self._root.seals(os.fstat(descriptor)):
            raise ToolFailed(f"There is no `{shown(self._path)}`.", hint=_LOOK)

    def _arrive(self, step: str) -> Spot:
        spot = Spot(self._folders[-1], step, "/".join([*self._names, step]))
        with _told(self._path):
            status = spot.status()
        if status is not None and stat.S_ISDIR(status.st_mode) and self._root.seals(status):
            raise ToolFailed(f"There is no `{shown(self._path)}`.", hint=_LOOK)
        return spot


def shown(path: str) -> str:
    """A path as it can stand in a line: what is no printable character is escaped."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path
    )


def _alike(name: str) -> str:
    """The form in which names are compared: file systems differ in case, in composition and
    in what they ignore."""
    plain = "".join(sign for sign in name if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFC", plain).casefold()


def _outside(path: str) -> ToolDenied:
    return ToolDenied(f"`{shown(path[:80])}` leads out of the folder.", hint=_RELATIVE)


@contextmanager
def _told(path: str) -> Generator[None]:
    """Failures of the system, in words for the model."""
    try:
        yield
    except OSError as error:
        _tell(error, path)


def _tell(error: OSError, path: str) -> NoReturn:
    if error.errno in (errno.ELOOP, errno.ENXIO):
        raise ToolDenied(f"`{shown(path[:80])}` changed while it was opened.") from error
    reason = error.strerror or "it cannot be opened"
    raise ToolFailed(f"`{shown(path[:80])}`: {reason}.", hint=_LOOK) from error
