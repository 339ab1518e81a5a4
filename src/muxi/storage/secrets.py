"""Secrets: each sealed under a key of its own, which the project's master key wraps.

Called by `runtime`, which hands values out through the `Credentials` port. Changing the master key
rewraps the keys and leaves the values alone. Values appear in no text, error or repr of this file.
"""

from __future__ import annotations

import os
from typing import Any

from muxi.core.errors import SecretMissing, StorageError
from muxi.storage.master_keys import KEY_BYTES, KeyRing, MasterKey, seal, unseal
from muxi.storage.sql import secrets as sql
from muxi.storage.transaction import Tx


def put(tx: Tx, keys: KeyRing, name: str, value: str, *, owner: str = "") -> None:
    """Store `value`, in place of what the name held.

    Args:
        tx: The transaction.
        keys: The master keys.
        name: Name of the secret, unique to its owner.
        value: What is kept secret.
        owner: User, agent or team; empty for the tenant.
    """
    tx.run(sql.PUT, **_row(tx, keys, name, value, owner=owner))


def get_or_put(tx: Tx, keys: KeyRing, name: str, value: str, *, owner: str = "") -> str:
    """The value of a secret, which is `value` from now on if it had none.

    However many ask at the same time, here and in other processes, all of them get the same.

    Raises:
        StorageError: See `get`.
    """
    tx.run(sql.PUT_FIRST, **_row(tx, keys, name, value, owner=owner))
    return get(tx, keys, name, owner=owner)


def get(tx: Tx, keys: KeyRing, name: str, *, owner: str = "") -> str:
    """The value of a secret.

    Raises:
        SecretMissing: There is none of that name.
        StorageError: It was sealed under a master key that is not there, or changed since.
    """
    row = tx.row(sql.GET, owner=owner, name=name)
    if row is None:
        raise SecretMissing(f"The secret {name} is not set.", name=name)
    key_id, wrapped, sealed = row
    about = _about(tx, owner, name)
    own = _key(keys, key_id, name).unwrap(bytes(wrapped), about)
    return unseal(own, bytes(sealed), about).decode("utf-8", "surrogatepass")


def names(tx: Tx, *, owner: str = "") -> dict[str, int]:
    """Names of the owner's secrets, and when each was set, in microseconds since 1970."""
    return {row[0]: row[1] for row in tx.rows(sql.NAMES, owner=owner)}


def delete(tx: Tx, name: str, *, owner: str = "") -> None:
    """Raises `SecretMissing` if there is none of that name."""
    if not tx.run(sql.DELETE, owner=owner, name=name):
        raise SecretMissing(f"The secret {name} is not set.", name=name)


def delete_of(tx: Tx, owner: str) -> int:
    """Delete all secrets of an owner, and return their number."""
    return tx.run(sql.DELETE_OF_OWNER, owner=owner)


def forget(tx: Tx, prefix: str, *, span: int) -> int:
    """Delete secrets whose names begin so and that were put more than `span` microseconds ago."""
    return tx.run(sql.FORGET, prefix=prefix, length=len(prefix), before=tx.now() - span)


def rewrap(tx: Tx, keys: KeyRing, *, limit: int) -> int:
    """Rewrap the keys of some of the tenant's secrets with the master key that is used.

    Args:
        tx: A transaction of the tenant as a whole.
        keys: The master keys; what is under the former ones is rewrapped.
        limit: The most secrets.

    Returns:
        How many were rewrapped; 0 when all of them are under the master key that is used.

    Raises:
        StorageError: A secret is under a key that is not there; nothing was changed.
    """
    rows = tx.rows(sql.OF_OTHER_KEYS, key_id=keys.current.id, limit=limit)
    for owner, name, key_id, wrapped in rows:
        about = _about(tx, owner, name)
        own = _key(keys, key_id, name).unwrap(bytes(wrapped), about)
        fresh = keys.current.wrap(own, about)
        tx.run(sql.REWRAP, owner=owner, name=name, key_id=keys.current.id, wrapped_key=fresh)
    return len(rows)


def _row(tx: Tx, keys: KeyRing, name: str, value: str, *, owner: str) -> dict[str, Any]:
    about = _about(tx, owner, name)
    own = os.urandom(KEY_BYTES)
    now = tx.now()
    return {
        "owner": owner,
        "name": name,
        "key_id": keys.current.id,
        "wrapped_key": keys.current.wrap(own, about),
        "sealed": seal(own, value.encode("utf-8", "surrogatepass"), about),
        "created_at": now,
        "updated_at": now,
    }


def _key(keys: KeyRing, id: str, name: str) -> MasterKey:
    key = keys.find(id)
    if key is None:
        raise StorageError(
            f"The secret {name} was stored under another master key.",
            hint="Use the master key that this project was made with, or set the secret anew.",
        )
    return key


def _about(tx: Tx, owner: str, name: str) -> bytes:
    """What a sealed value is bound to, so that it cannot be moved to another row."""
    return "\0".join((tx.scope.tenant, owner, name)).encode()
