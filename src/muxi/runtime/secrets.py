"""The project's secrets: stored sealed, resolved for models and tools, handed out by the port.

Called by `models` and `tools` for `SecretRef`s of the project file, by agents as `Credentials`, and
by doors that set one. Every value that passes is masked in logs from then on.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial

from muxi.config.secret import SecretRef
from muxi.core.errors import SecretMissing
from muxi.core.ports import Context
from muxi.runtime.principal import Principal
from muxi.runtime.state import StateFolder
from muxi.storage import secrets
from muxi.storage.secrets import MasterKey, master_key
from muxi.storage.transaction import Database
from muxi.telemetry.redaction import SECRETS

_KEY_VARIABLE = "MUXI_MASTER_KEY"


class Secrets:
    """The secrets of one project, which belong to the tenant as a whole."""

    def __init__(self, database: Database, state: StateFolder, tenant: str) -> None:
        self._database = database
        self._state = state
        self._whole = Principal(tenant, None)
        self._key: MasterKey | None = None

    async def secret(self, ctx: Context, name: str) -> str:
        """The value that a run may use; see `core.ports.Credentials`."""
        return await self.get(name)

    async def get(self, name: str) -> str:
        """The stored value. Raises `SecretMissing`."""
        key = await self._master_key()
        read = partial(secrets.get, key=key, name=name)
        value = await self._database.read(self._whole, read, tiny=True)
        SECRETS.learn(value)
        return value

    async def put(self, name: str, value: str) -> None:
        """Store a value, in place of what the name held."""
        SECRETS.learn(value)
        key = await self._master_key()
        await self._database.write(
            self._whole, partial(secrets.put, key=key, name=name, value=value)
        )

    async def delete(self, name: str) -> None:
        """Raises `SecretMissing` if there is none of that name."""
        await self._database.write(self._whole, partial(secrets.delete, name=name))

    async def names(self) -> list[str]:
        """Names of all stored secrets."""
        return await self._database.read(self._whole, secrets.names)

    async def resolve(self, reference: SecretRef) -> str:
        """The value behind a reference of the project file.

        Raises:
            SecretMissing: It is not stored, or its environment variable is not set.
        """
        if reference.name is not None:
            return await self.get(reference.name)
        value = reference.reveal()
        if value is None:
            raise SecretMissing(
                f"The environment variable {reference.missing} is not set.",
                name=reference.missing,
            )
        SECRETS.learn(value)
        return value

    async def find(self, *names: str) -> str | None:
        """The value of the first of these that the environment or the store has."""
        for name in names:
            if value := os.environ.get(name):
                SECRETS.learn(value)
                return value
        stored = set(await self.names()) if names else set[str]()
        known = next((name for name in names if name in stored), None)
        return None if known is None else await self.get(known)

    async def seal(self, plain: bytes, purpose: str) -> bytes:
        """`plain`, to be read by this project and for the same purpose only."""
        return (await self._master_key()).wrap(plain, purpose.encode())

    async def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given.

        Raises:
            StorageError: It was sealed for another purpose or under another key, or is damaged.
        """
        return (await self._master_key()).unwrap(sealed, purpose.encode())

    async def _master_key(self) -> MasterKey:
        if self._key is None:
            given = os.environ.get(_KEY_VARIABLE)
            if given:
                SECRETS.learn(given)
                self._key = MasterKey.parse(given)
            else:
                self._key = await asyncio.to_thread(master_key, self._state.master_key)
        return self._key
