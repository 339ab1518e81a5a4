"""The project's secrets: resolved for models and tools, set by doors.

Called by `models` and `tools` for `SecretRef`s of the project file, by `credentials` where a user
has none of their own, and by doors that set one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from muxi.config.secret import SecretRef
from muxi.core.errors import SecretMissing
from muxi.runtime.principal import Principal
from muxi.runtime.sealed import Sealed
from muxi.telemetry.redaction import SECRETS


class Secrets:
    """The secrets of one project, which belong to the tenant as a whole."""

    def __init__(self, sealed: Sealed, tenant: str) -> None:
        self._sealed = sealed
        self._whole = Principal(tenant, None)

    async def get(self, name: str) -> str:
        """The stored value. Raises `SecretMissing`."""
        return await self._sealed.get(self._whole, name)

    async def put(self, name: str, value: str) -> None:
        """Store a value, in place of what the name held."""
        await self._sealed.put(self._whole, name, value)

    async def delete(self, name: str) -> None:
        """Raises `SecretMissing` if there is none of that name."""
        await self._sealed.delete(self._whole, name)

    async def names(self) -> list[str]:
        """Names of all stored secrets."""
        return list(await self._sealed.names(self._whole))

    async def resolve(
        self, reference: SecretRef, credentials: Mapping[str, str] | None = None
    ) -> str:
        """The value behind a reference of the project file.

        Args:
            reference: Where it is.
            credentials: What a user has brought of what it is made with.

        Raises:
            SecretMissing: It is not stored, or its environment variable is not set.
        """
        if reference.name is not None:
            return await self.get(reference.name)
        value = reference.of_user(credentials or {})
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
        return await self._sealed.seal(plain, purpose)

    async def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """What `seal` was given.

        Raises:
            StorageError: It was sealed for another purpose or under another key, or is damaged.
        """
        return await self._sealed.unseal(sealed, purpose)
