"""What is stored sealed: secrets of the project and of its users, and the change of their key.

Called by `secrets`, `credentials` and `federation`. Every value that passes is masked in logs from
then on. Changing the master key can be broken off at any moment, by `kill -9` too: former keys stay
beside the new one until nothing is under them any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import MuxiError, SecretMissing, StorageError, summarize
from muxi.core.scope import Scope
from muxi.core.status import KeyRotation
from muxi.runtime.master_keys import EnvironmentKeys, KeySource
from muxi.storage import master_keys, secrets
from muxi.storage.master_keys import KEY_BYTES, KeyRing
from muxi.storage.transaction import Database
from muxi.telemetry.redaction import SECRETS

_BATCH = 200
"""Secrets that are rewrapped in one transaction."""
_PROJECT = Scope(DEFAULT_TENANT, None)
SYSTEM = "system"
"""The owner of what is neither the project's nor a user's to see."""
_DATA_KEY = "data_key"
_log = logging.getLogger("muxi.secrets")
T = TypeVar("T")


class Sealed:
    """Sealed values of one database.

    Args:
        database: Where they are.
        source: Where their master keys are.
    """

    def __init__(self, database: Database, source: KeySource) -> None:
        self._database = database
        self._source = source
        self._ring: KeyRing | None = None
        self._data: bytes | None = None
        self._alone = database.dialect == "sqlite"
        self._turn = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._resuming: asyncio.Task[None] | None = None

    async def get(self, who: Scope, name: str, *, owner: str = "") -> str:
        """A stored value. Raises `SecretMissing`."""
        ring = await self._keys()
        read = partial(secrets.get, name=name, owner=owner)
        try:
            value = await self._database.read(who, partial(read, keys=ring), tiny=True)
        except StorageError:
            # Another process may have changed the key since.
            fresh = await self._keys(fresh=True)
            if _ids(fresh) == _ids(ring):
                raise
            value = await self._database.read(who, partial(read, keys=fresh), tiny=True)
        SECRETS.learn(value, passing=bool(owner))
        return value

    async def put(self, who: Scope, name: str, value: str, *, owner: str = "") -> None:
        """Store a value, in place of what the name held."""
        SECRETS.learn(value, passing=bool(owner))
        await self._write(who, partial(secrets.put, name=name, value=value, owner=owner))

    async def delete(self, who: Scope, name: str, *, owner: str = "") -> None:
        """Raises `SecretMissing` if there is none of that name."""
        await self._database.write(who, partial(secrets.delete, name=name, owner=owner))

    async def delete_of(self, who: Scope, owner: str) -> int:
        """Delete all values of an owner, and return their number."""
        return await self._database.write(who, partial(secrets.delete_of, owner=owner))

    async def forget(self, tenant: str, prefix: str, *, seconds: float) -> None:
        """Delete values of a tenant whose names begin so, and that were put so long ago."""
        old = partial(secrets.forget, prefix=prefix, span=int(seconds * 1_000_000))
        await self._database.write(Scope(tenant, None), old)

    async def names(self, who: Scope, *, owner: str = "") -> dict[str, int]:
        """Names of an owner's values, and when each was set, in microseconds since 1970."""
        return await self._database.read(who, partial(secrets.names, owner=owner), tiny=True)

    async def seal(self, plain: bytes, purpose: str) -> bytes:
        """`plain`, to be read by this project and for the same purpose only."""
        return master_keys.seal(await self._data_key(), plain, purpose.encode())

    async def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given.

        Raises:
            StorageError: It was sealed for another purpose or under another key, or is damaged.
        """
        return master_keys.unseal(await self._data_key(), sealed, purpose.encode())

    async def rotate(self) -> KeyRotation:
        """Change the master key, or finish a change that was broken off.

        Raises:
            InvalidInput: The key is where muxi cannot change it.
            StorageError: Something is under a key that is not there; the former keys stay.
            KeyServiceFailed: The key service cannot be asked.
        """
        async with self._turn:
            ring = await self._keys(fresh=True)
            if not ring.former:
                ring = ring.renewed()
                await self._source.save(ring)
                self._ring = ring
            return await self._finish(ring)

    async def resume(self) -> None:
        """Go on in the background with a change of the key that was broken off."""
        try:
            if await self._source.unfinished():
                self._resuming = asyncio.create_task(self._go_on(), name="change of the master key")
        except MuxiError as error:
            _log.warning("%s", summarize(error))

    async def close(self) -> None:
        """Leave an unfinished change of the key to the next start."""
        if self._resuming is not None:
            self._resuming.cancel()
            await asyncio.gather(self._resuming, return_exceptions=True)

    async def _data_key(self) -> bytes:
        """A key for values that are no rows; itself a secret, so that it outlives rotations."""
        if self._data is None:
            try:
                found = await self.get(_PROJECT, _DATA_KEY, owner=SYSTEM)
            except SecretMissing:
                fresh = os.urandom(KEY_BYTES).hex()
                put = partial(secrets.get_or_put, name=_DATA_KEY, value=fresh, owner=SYSTEM)
                found = await self._write(_PROJECT, put)
                SECRETS.learn(found, passing=True)
            self._data = bytes.fromhex(found)
        return self._data

    async def _write(self, who: Scope, put: Callable[..., T]) -> T:
        """What `put` returns, once it has written with a master key that is still there."""
        while True:
            ring = await self._keys(fresh=not self._alone)
            result = await self._database.write(who, partial(put, keys=ring))
            # The key may have been changed, and dropped, while this was being written with it.
            if (await self._keys(fresh=not self._alone)).find(ring.current.id) is not None:
                return result

    async def _go_on(self) -> None:
        try:
            done = await self.rotate()
        except MuxiError as error:
            _log.warning("The change of the master key was not finished: %s", summarize(error))
        else:
            _log.info("The master key is %s; %d secrets went on.", done.key_id, done.rewrapped)

    async def _finish(self, ring: KeyRing) -> KeyRotation:
        rewrap = partial(secrets.rewrap, keys=ring, limit=_BATCH)
        rewrapped = 0
        for tenant in await self._database.tenants("change of the master key"):
            whole = Scope(tenant, None)
            while done := await self._database.write(whole, rewrap):
                rewrapped += done
        await self._source.save(KeyRing([ring.current]))
        self._ring = await self._source.load()
        note = None
        if isinstance(self._source, EnvironmentKeys):
            note = f"Nothing is under the former key: take it out of {self._source.variable}."
        return KeyRotation(key_id=ring.current.id, rewrapped=rewrapped, note=note)

    async def _keys(self, *, fresh: bool = False) -> KeyRing:
        if self._ring is not None and not fresh:
            return self._ring
        async with self._loading:
            if self._ring is None or fresh:
                self._ring = await self._source.load()
                for key in self._ring.keys:
                    SECRETS.learn(key.text)
            return self._ring


def _ids(ring: KeyRing) -> list[str]:
    return [key.id for key in ring.keys]
