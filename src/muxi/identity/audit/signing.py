"""The key that seals are signed with: in a file of the state folder, away from the rows.

Each node has its own; a seal bears the public key. It must never be written anywhere else.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from muxi.core.errors import StorageError
from muxi.identity.audit.chain import Cut, Seal, signed, signed_cut
from muxi.storage.private_files import make_once


class SigningKey:
    """Signs seals. It shows its public half, never itself."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw().hex()

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public!r})"

    def sign(self, tenant: str, seal: Seal) -> Seal:
        """`seal` with this key's signature."""
        return replace(seal, signature=self._key.sign(signed(tenant, seal)).hex())

    def sign_cut(self, tenant: str, seal: Seal, cut_at: int) -> Cut:
        """A word of this key's that everything up to `seal` was removed."""
        cut = Cut(cut_at, self.public, "")
        return replace(cut, signature=self._key.sign(signed_cut(tenant, seal, cut)).hex())


def signing_key(path: Path) -> SigningKey:
    """The key in the file at `path`, which is made if there is none.

    Raises:
        StorageError: The file holds no key, or others than its owner may read it.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StorageError(
                f"Others than its owner may read {path}, which signs the audit log.",
                hint=f"chmod 600 {path}",
            )
        return SigningKey(Ed25519PrivateKey.from_private_bytes(_read(path)))
    except FileNotFoundError:
        make_once(path, Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
        return signing_key(path)


def is_signed(tenant: str, seal: Seal) -> bool:
    """Whether the signature of a seal is that of the key it bears."""
    return _is_good(seal.key, seal.signature, signed(tenant, seal))


def is_signed_cut(tenant: str, seal: Seal, cut: Cut) -> bool:
    """Whether the signature of a cut is that of the key it bears."""
    return _is_good(cut.key, cut.signature, signed_cut(tenant, seal, cut))


def _is_good(key: str, signature: str, said: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), said)
    except (ValueError, InvalidSignature):
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        raise StorageError(
            f"The file {path} holds no key to sign the audit log with.",
            hint="Put the right file back, or delete it: a new key is made, and auditors are told.",
        ) from None
