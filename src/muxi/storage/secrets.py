"""Secrets: each sealed under a key of its own, which the project's master key wraps.

Called by `runtime`, which hands values out through the `Credentials` port. Changing the master key
rewraps the keys and leaves the values alone. Values appear in no text, error or repr of this file.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from muxi.core.errors import Conflict, InvalidInput, SecretMissing, StorageError, StorageReadOnly
from muxi.storage.sql import secrets as sql
from muxi.storage.transaction import Tx

_KEY_BYTES = 32
_NONCE_BYTES = 12


class MasterKey:
    """The key that wraps the keys of secrets. It shows its id, never itself."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise InvalidInput(f"A master key has {_KEY_BYTES} bytes, and this one {len(key)}.")
        self._key = key
        self.id = _digest(b"muxi master key " + key)[:16]

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id!r})"

    @classmethod
    def fresh(cls) -> MasterKey:
        """A random key."""
        return cls(os.urandom(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> MasterKey:
        """The key that `text` names in hexadecimal, as in a file or an environment variable."""
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError:
            # Without the cause, whose text quotes a part of the key.
            raise InvalidInput("The master key is not a hexadecimal number.") from None

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner may read."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def wrap(self, key: bytes, about: bytes) -> bytes:
        """`key`, readable only with this master key and for the same purpose."""
        return _seal(self._key, key, about)

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """The key that `wrap` was given."""
        return _open(self._key, wrapped, about)


def master_key(path: Path) -> MasterKey:
    """The key in the file at `path`, which is made if there is none.

    Raises:
        StorageError: Others than the owner may read the file, or it cannot be made.
        InvalidInput: It holds no key.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _save_first(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise StorageError(
                f"Others than its owner may read the master key {path}.", hint=f"chmod 600 {path}"
            )
        return MasterKey.parse(path.read_text())
    except OSError as error:
        raise StorageReadOnly(f"The master key {path} cannot be used: {error.strerror}.") from error


def _save_first(path: Path) -> None:
    """Make the file whole or not at all, whoever else is about to make it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    MasterKey.fresh().save(draft)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def put(tx: Tx, key: MasterKey, name: str, value: str, *, owner: str = "") -> None:
    """Store `value`, in place of what the name held.

    Args:
        tx: The transaction.
        key: The master key.
        name: Name of the secret, unique to its owner.
        value: What is kept secret.
        owner: User, agent or team; empty for the tenant.
    """
    about = _about(tx, owner, name)
    own = os.urandom(_KEY_BYTES)
    now = tx.now()
    tx.run(
        sql.PUT,
        owner=owner,
        name=name,
        key_id=key.id,
        wrapped_key=key.wrap(own, about),
        sealed=_seal(own, value.encode("utf-8", "surrogatepass"), about),
        created_at=now,
        updated_at=now,
    )


def get(tx: Tx, key: MasterKey, name: str, *, owner: str = "") -> str:
    """The value of a secret.

    Raises:
        SecretMissing: There is none of that name.
        StorageError: It was sealed under another master key, or changed since.
    """
    row = tx.row(sql.GET, owner=owner, name=name)
    if row is None:
        raise SecretMissing(f"The secret {name} is not set.", name=name)
    key_id, wrapped, sealed = row
    if key_id != key.id:
        raise StorageError(
            f"The secret {name} was stored under another master key.",
            hint="Use the master key that this project was made with, or set the secret anew.",
        )
    about = _about(tx, owner, name)
    own = key.unwrap(bytes(wrapped), about)
    return _open(own, bytes(sealed), about).decode("utf-8", "surrogatepass")


def names(tx: Tx, *, owner: str = "") -> list[str]:
    """Names of the owner's secrets."""
    return [row[0] for row in tx.rows(sql.NAMES, owner=owner)]


def delete(tx: Tx, name: str, *, owner: str = "") -> None:
    """Raises `SecretMissing` if there is none of that name."""
    if not tx.run(sql.DELETE, owner=owner, name=name):
        raise SecretMissing(f"The secret {name} is not set.", name=name)


def rotate(tx: Tx, old: MasterKey, new: MasterKey) -> int:
    """Rewrap the keys of all the tenant's secrets from `old` to `new` and return their number.

    Raises:
        Conflict: A secret is under a third key; nothing was changed.
    """
    rows = tx.rows(sql.ALL)
    changed = 0
    for owner, name, key_id, wrapped in rows:
        if key_id == new.id:
            continue
        if key_id != old.id:
            raise Conflict(f"The secret {name} is under a third master key.")
        about = _about(tx, owner, name)
        fresh = new.wrap(old.unwrap(bytes(wrapped), about), about)
        tx.run(sql.REWRAP, owner=owner, name=name, key_id=new.id, wrapped_key=fresh)
        changed += 1
    return changed


def _about(tx: Tx, owner: str, name: str) -> bytes:
    """What a sealed value is bound to, so that it cannot be moved to another row."""
    return "\0".join((tx.scope.tenant, owner, name)).encode()


def _seal(key: bytes, plain: bytes, about: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def _open(key: bytes, sealed: bytes, about: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, body, about)
    except InvalidTag:
        raise StorageError("A stored secret was changed or damaged.") from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
