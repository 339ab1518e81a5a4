"""What a file is, before anything reads it: its size, its age, its hash. Called by `indexing`."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from muxi.core.errors import DocumentUnreadable
from muxi.knowledge.formats import SNIFFED

_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file at one moment."""

    size: int
    modified: int
    """Nanoseconds since 1970."""
    hash: str
    """SHA-256."""
    head: bytes
    """Its first bytes."""


def state_of(path: Path) -> tuple[int, int]:
    """Size, and instant of the last change in nanoseconds since 1970.

    Raises:
        DocumentUnreadable: There is no such file, or it is no plain one.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise DocumentUnreadable(f"The file cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise DocumentUnreadable("This is not a file.")
    return found.st_size, found.st_mtime_ns


def fingerprint(path: Path, *, most: int) -> Fingerprint:
    """Read a file once.

    Raises:
        DocumentUnreadable: It cannot be read, or has more than `most` bytes.
    """
    size, modified = state_of(path)
    if size > most:
        raise too_large(size, most)
    digest = hashlib.sha256()
    head = b""
    read = 0
    try:
        # Between the look and the opening it may have become a pipe, which would never open.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            while data := file.read(_READ):
                head = head or data[:SNIFFED]
                read += len(data)
                if read > most:
                    raise too_large(read, most)
                digest.update(data)
    except OSError as error:
        raise DocumentUnreadable(f"The file cannot be read: {error.strerror}.") from error
    return Fingerprint(read, modified, digest.hexdigest(), head)


def too_large(size: int, most: int) -> DocumentUnreadable:
    """The refusal of what has more bytes than may be."""
    return DocumentUnreadable(
        f"The document has {size / 1e6:,.0f} MB, more than the {most >> 20} MB that may be read.",
        hint="Split it, or raise `knowledge.conversion.megabytes` in muxi.yaml.",
    )
