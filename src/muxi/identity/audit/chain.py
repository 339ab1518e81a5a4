"""How entries are linked and seals are signed. Plain functions, used by the log and its verifier.

The text of an entry is JSON with sorted names and without blanks. A link is SHA-256 over the link
before, the entry's number and that text, so no entry can be changed, moved, added or removed
without changing every link after it. A seal signs a link with Ed25519, so that whoever can write
the rows cannot make the links anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

START: Final = "0" * 64
"""The link before the first entry."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed link."""

    number: int
    seq: int
    """The last entry that it covers."""
    sealed_at: int
    """Microseconds since 1970."""
    hash: str
    """The link of that entry."""
    key: str
    """The public key, in hexadecimal."""
    signature: str


def text_of(entry: Mapping[str, Any]) -> str:
    """An entry as the text that is stored and linked."""
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def link(before: str, seq: int, text: str) -> str:
    """The link of the entry `text`, the `seq`th, after the link `before`."""
    return hashlib.sha256(f"{before}\n{seq}\n{text}".encode()).hexdigest()


def signed(tenant: str, seal: Seal) -> bytes:
    """What the signature of a seal is about."""
    said = [tenant, seal.number, seal.seq, seal.sealed_at, seal.hash]
    return json.dumps(["muxi audit", *said], separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """A signed word that everything up to a seal was removed, since it was old enough."""

    cut_at: int
    """Microseconds since 1970."""
    key: str
    """The public key, in hexadecimal."""
    signature: str


def signed_cut(tenant: str, seal: Seal, cut: Cut) -> bytes:
    """What the signature of a cut is about."""
    said = [tenant, seal.number, seal.seq, seal.hash, cut.cut_at]
    return json.dumps(["muxi audit cut", *said], separators=(",", ":")).encode()


def fingerprint(key: str) -> str:
    """A short name of a public key, for people to compare."""
    digest = hashlib.sha256(bytes.fromhex(key)).hexdigest()
    return ":".join(digest[at : at + 4] for at in range(0, 32, 4))
