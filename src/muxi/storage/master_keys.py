"""Master keys: what wraps the keys of secrets, one that is used and those that were used before.

Made by `runtime` from wherever the project keeps them; used by `secrets`. They show their ids and
never themselves.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from muxi.core.errors import InvalidInput, StorageError, StorageReadOnly
from muxi.storage.private_files import DRAFT, draft, make_once, sync_folder
from muxi.storage.sql import master_keys as sql
from muxi.storage.transaction import Tx

KEY_BYTES = 32
_NONCE_BYTES = 12


class MasterKey:
    """The key that wraps the keys of secrets. It shows its id, never itself."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise InvalidInput(f"A master key has {KEY_BYTES} bytes, and this one {len(key)}.")
        self._key = key
        self.id = hashlib.sha256(b"muxi master key " + key).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id!r})"

    @classmethod
    def fresh(cls) -> MasterKey:
        """A random key."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> MasterKey:
        """The key that `text` names in hexadecimal, as in a file or an environment variable."""
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError:
            # Without the cause, whose text quotes a part of the key.
            raise InvalidInput("The master key is not a hexadecimal number.") from None

    @property
    def text(self) -> str:
        """The key itself in hexadecimal, for the file or the service that keeps it."""
        return self._key.hex()

    def wrap(self, key: bytes, about: bytes) -> bytes:
        """`key`, readable only with this master key and for the same purpose."""
        return seal(self._key, key, about)

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """The key that `wrap` was given."""
        return unseal(self._key, wrapped, about)


class KeyRing:
    """The master key that is used, and former ones as long as something is wrapped with them."""

    __slots__ = ("current", "former")

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        """`keys` begin with the one that is used.

        Raises:
            InvalidInput: There is none.
        """
        if not keys:
            raise InvalidInput("There is no master key.")
        self.current = keys[0]
        self.former = tuple(keys[1:])

    def __repr__(self) -> str:
        return f"KeyRing({[key.id for key in self.keys]})"

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Keys in hexadecimal, with spaces, lines or commas between them.

        Raises:
            InvalidInput: There is none, or one is no key.
        """
        return cls([MasterKey.parse(each) for each in text.replace(",", " ").split()])

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """All of them, the one that is used first."""
        return (self.current, *self.former)

    def find(self, id: str) -> MasterKey | None:
        """The key of that id."""
        return next((key for key in self.keys if key.id == id), None)

    def renewed(self) -> KeyRing:
        """These keys behind a new one."""
        return KeyRing([MasterKey.fresh(), *self.keys])


def load_file(path: Path) -> KeyRing:
    """The keys in the file at `path`, one on each line; it is made if there is none.

    Raises:
        StorageError: Others than the owner may read the file, or it cannot be made.
        InvalidInput: It holds no key.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            make_once(path, _text(KeyRing([MasterKey.fresh()])))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StorageError(
                f"Others than its owner may read the master key {path}.", hint=f"chmod 600 {path}"
            )
        return KeyRing.parse(path.read_text())
    except OSError as error:
        raise StorageReadOnly(f"The master key {path} cannot be used: {error.strerror}.") from error


def save_file(path: Path, ring: KeyRing) -> None:
    """Replace the file at `path` by one of these keys, whole or not at all.

    Raises:
        StorageError: It cannot be written; it is as it was.
    """
    try:
        draft(path, _text(ring)).replace(path)
        sync_folder(path)
        for left in path.parent.glob(f"{path.name}.*{DRAFT}"):
            # A process that was killed leaves its draft, with keys in it.
            left.unlink(missing_ok=True)
    except OSError as error:
        raise StorageReadOnly(
            f"The master key {path} cannot be written: {error.strerror}."
        ) from error


def stored(tx: Tx) -> list[tuple[str, bytes]]:
    """Ids of the keys that a key service has wrapped, with what it gave; the newest first."""
    return [(str(row[0]), bytes(row[1])) for row in tx.rows(sql.ALL)]


def add(tx: Tx, id: str, wrapped: bytes) -> None:
    """Store a key that a key service has wrapped, as the one that is used from now on."""
    tx.run(sql.ADD, id=id, wrapped=wrapped, created_at=tx.now())


def delete_others(tx: Tx, id: str) -> None:
    """Delete all stored keys but this one."""
    tx.run(sql.DELETE_OTHERS, id=id)


def seal(key: bytes, plain: bytes, about: bytes) -> bytes:
    """`plain`, readable only with `key` and for the same purpose (AES-256-GCM)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """What `seal` was given.

    Raises:
        StorageError: It was changed, or meant for something else.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, body, about)
    except (InvalidTag, ValueError):
        raise StorageError("A stored secret was changed or damaged.") from None


def _text(ring: KeyRing) -> str:
    return "".join(f"{key.text}\n" for key in ring.keys)
