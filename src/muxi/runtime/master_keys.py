"""Where a project's master keys are: a file, the environment, or a key service's wrapping.

Made by `build`, used by `sealed`. They are a ring: the first is used, and others stay behind it as
long as a change of the key is under way.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from muxi.config.master_key_settings import MasterKeySettings
from muxi.config.project import Project
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import InvalidInput
from muxi.core.ports import KeyService
from muxi.core.scope import Scope
from muxi.runtime.state import StateFolder
from muxi.storage import master_keys
from muxi.storage.master_keys import KeyRing, MasterKey
from muxi.storage.transaction import Database, Tx

_OWNER = Scope(DEFAULT_TENANT, None)


class KeySource(Protocol):
    """Where the keys of a project are."""

    async def load(self) -> KeyRing:
        """The keys as they are now; the first one is made if there is none."""
        ...

    async def save(self, ring: KeyRing) -> None:
        """Let these be the keys from now on, on this machine and on others.

        Raises:
            InvalidInput: muxi cannot change them there.
        """
        ...

    async def unfinished(self) -> bool:
        """Whether a change of the key is under way. It makes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FileKeys:
    """Keys in a file of mode 600."""

    path: Path

    async def load(self) -> KeyRing:
        """See `KeySource`."""
        return await asyncio.to_thread(master_keys.load_file, self.path)

    async def save(self, ring: KeyRing) -> None:
        """See `KeySource`."""
        await asyncio.to_thread(master_keys.save_file, self.path, ring)

    async def unfinished(self) -> bool:
        """See `KeySource`."""
        return self.path.exists() and bool((await self.load()).former)


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """Keys in an environment variable, which only its owner can change."""

    variable: str

    async def load(self) -> KeyRing:
        """See `KeySource`."""
        text = os.environ.get(self.variable, "")
        if not text.strip():
            raise InvalidInput(
                f"The environment variable {self.variable} is to hold the master key and is empty.",
                hint="Set it to 64 hexadecimal digits: `openssl rand -hex 32`.",
            )
        return KeyRing.parse(text)

    async def save(self, ring: KeyRing) -> None:
        """See `KeySource`. What is set there already may stay; anything else cannot be written."""
        if ring.current.id != (await self.load()).current.id:
            raise InvalidInput(
                f"The master key is in the environment variable {self.variable}, which muxi cannot"
                " change.",
                hint="Set it to the new key, a space and the one that it holds now; start muxi"
                " again, then rotate.",
            )

    async def unfinished(self) -> bool:
        """See `KeySource`."""
        return bool((await self.load()).former)


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """Keys in the database, each wrapped by a key service."""

    database: Database
    service: KeyService

    async def load(self) -> KeyRing:
        """See `KeySource`."""
        stored = await self.database.read(_OWNER, master_keys.stored, tiny=True)
        if not stored:
            await self._add_first()
            stored = await self.database.read(_OWNER, master_keys.stored, tiny=True)
        return KeyRing([MasterKey(await self.service.unwrap(wrapped)) for _, wrapped in stored])

    async def save(self, ring: KeyRing) -> None:
        """See `KeySource`."""
        stored = await self.database.read(_OWNER, master_keys.stored, tiny=True)
        if ring.current.id not in dict(stored):
            await self._add(ring.current, unless_any=False)
        if not ring.former:
            delete = partial(master_keys.delete_others, id=ring.current.id)
            await self.database.write(_OWNER, delete)

    async def unfinished(self) -> bool:
        """See `KeySource`."""
        return len(await self.database.read(_OWNER, master_keys.stored, tiny=True)) > 1

    async def _add_first(self) -> None:
        await self._add(MasterKey.fresh(), unless_any=True)

    async def _add(self, key: MasterKey, *, unless_any: bool) -> None:
        wrapped = await self.service.wrap(bytes.fromhex(key.text))

        def add(tx: Tx) -> None:
            if not (unless_any and master_keys.stored(tx)):
                master_keys.add(tx, key.id, wrapped)

        await self.database.write(_OWNER, add)


def key_source(project: Project, state: StateFolder, database: Database) -> KeySource:
    """Where this project's master keys are."""
    settings: MasterKeySettings = project.storage.master_key
    source = settings.source
    if source == "service" and settings.service:
        from muxi.identity.key_services.command import CommandKeyService

        service = CommandKeyService(
            settings.service, folder=project.folder, seconds=settings.timeout
        )
        return ServiceKeys(database, service)
    if source == "environment" or (source == "auto" and os.environ.get(settings.variable)):
        return EnvironmentKeys(settings.variable)
    if settings.file is None:
        return FileKeys(state.master_key)
    return FileKeys((project.folder / Path(settings.file).expanduser()).absolute())
