"""Files that providers of models keep, so that bytes are sent to them once. A choice of `media`.

Called by `run_media` for what models are shown, by whoever lets blobs go, and by `recovery` once a
day. What is kept goes with its blob: a provider is asked to delete it until it has, or says that it
is not there. An id is known to one tenant only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from muxi.core.errors import ModelError, ModelRejected, MuxiError
from muxi.core.keeping import FileStore, KeptFile, Upload
from muxi.core.messages import MediaPart
from muxi.core.status import FilesAtProvider
from muxi.runtime.models import Models
from muxi.runtime.principal import Principal
from muxi.storage import provider_files as stored
from muxi.storage.provider_files import MOST_ATTEMPTS, Left, Place
from muxi.storage.records import micros
from muxi.storage.transaction import Database, Tx

if TYPE_CHECKING:
    from muxi.models.model import Model

_log = logging.getLogger("muxi.runtime")

SMALLEST: Final = 256 << 10
"""Bytes from which on a file is kept: a smaller one goes along sooner than it is sent by itself."""
_MARGIN: Final = 300.0
"""Seconds before its end in which a file is not counted on any more."""
_REST: Final = 300.0
"""Seconds for which a file is not sent again that an account refused, or none to one that fails."""
_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 86_400.0
"""Seconds between two attempts to delete a file; doubled after each."""
_AT_ONCE: Final = 100
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Original:
    """One stored content of one tenant. Implements `core.keeping.Original`."""

    kept: KeptFiles
    tenant: str
    hash: str
    store_it: Callable[[], Awaitable[None]]
    """Makes durable what speaks of the content, if that is only about to be stored."""

    async def kept_by(self, store: FileStore, upload: Upload) -> str | None:
        """See `core.keeping.Original`."""
        return await self.kept.keep(self, store, upload)

    async def lost_by(self, store: FileStore, file_id: str) -> None:
        """See `core.keeping.Original`."""
        drop = partial(stored.drop, account=store.account, file_id=file_id)
        await self.kept.database.write(Principal(self.tenant, None), drop)


@dataclass(kw_only=True)
class KeptFiles:
    """What the providers of a project's models keep of its blobs."""

    database: Database
    models: Models
    _sending: WeakValueDictionary[tuple[str, Place], asyncio.Lock] = field(
        default_factory=WeakValueDictionary[tuple[str, Place], asyncio.Lock]
    )
    _resting: dict[str | Place, float] = field(default_factory=dict[str | Place, float])
    """Until when accounts are not asked, or not for one content, by the monotonic clock."""
    _tenants: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whose blobs have gone, and whether what was put off is to be tried too."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def kept_part(
        self, tenant: str, digest: str, part: MediaPart, *, store_it: Callable[[], Awaitable[None]]
    ) -> MediaPart:
        """The part, whose bytes a provider may keep if they are many and the project wants it."""
        if self.models.project.media.keep_at_provider == "never":
            return part
        if part.data is None or len(part.data) < SMALLEST:
            return part
        return part.out_of(_Original(self, tenant, digest, store_it))

    async def keep(self, original: _Original, store: FileStore, upload: Upload) -> str | None:
        """See `core.keeping.Original.kept_by`."""
        place = Place(original.hash, store.account, store.form(upload))
        key = (original.tenant, place)
        # Whoever waits finds what the first one has sent.
        lock = self._sending.setdefault(key, asyncio.Lock())
        async with lock:
            whole = Principal(original.tenant, None)
            until = time.time_ns() // 1000 + round(_MARGIN * _MICRO)
            find = partial(stored.find, place=place, until=until)
            known = await self.database.read(whole, find, tiny=True)
            if known is not None or self._rests(store.account) or self._rests(place):
                return known
            return await self._send(original, place, store, upload)

    async def _send(
        self, original: _Original, place: Place, store: FileStore, upload: Upload
    ) -> str | None:
        whole = Principal(original.tenant, None)
        is_stored = partial(stored.is_stored, hash=place.hash)
        if not await self.database.read(whole, is_stored, tiny=True):
            await original.store_it()
            if not await self.database.read(whole, is_stored, tiny=True):
                # A run that leaves nothing here leaves nothing there.
                return None
        try:
            file = await store.put(upload)
        except ModelError as error:
            # A file that is refused says nothing of others.
            self._rest(place if isinstance(error, ModelRejected) else store.account)
            _log.warning("%s does not keep a file: %s", store.provider, error.message)
            return None
        await self.database.write(whole, partial(_add, place=place, store=store, file=file))
        # The blob may have gone meanwhile.
        if not await self.database.read(whole, is_stored, tiny=True):
            self.wake(original.tenant)
        return file.id

    def _rest(self, what: str | Place) -> None:
        now = time.monotonic()
        self._resting = {each: end for each, end in self._resting.items() if end > now}
        self._resting[what] = now + _REST

    def _rests(self, what: str | Place) -> bool:
        return time.monotonic() < self._resting.get(what, 0.0)

    async def counts(self, who: Principal) -> list[FilesAtProvider]:
        """What providers keep of the tenant's files, by provider."""
        return await self.database.read(Principal(who.tenant, None), stored.counts)

    def wake(self, tenant: str) -> None:
        """Blobs of the tenant may have gone; what providers keep of them goes soon."""
        self._tenants.setdefault(tenant, False)
        self._begin()

    async def sweep(self, tenant: str) -> None:
        """Speak no more of what has expired, and try again to delete what is left."""
        whole = Principal(tenant, None)
        try:
            await self.database.write(whole, stored.drop_expired)
            left = await self.database.read(whole, partial(stored.left, limit=1))
        except MuxiError as error:
            _log.warning("Files at providers could not be looked for: %s", error.message)
            return
        if left:
            self._tenants[tenant] = True
            self._begin()

    async def close(self) -> None:
        """Stop; what is left is gone on with at the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="files at providers")

    async def _work(self) -> None:
        """Delete until nothing is left that may be tried."""
        while self._tenants:
            self._woken.clear()
            waits: list[float] = []
            for tenant in list(self._tenants):
                # Before it is looked for: more may go meanwhile.
                at_once = self._tenants.pop(tenant)
                try:
                    wait = await self._delete(tenant, at_once=at_once)
                except MuxiError as error:
                    _log.warning("Files at providers could not be deleted: %s", error.message)
                    wait = _FIRST_WAIT
                if wait is not None:
                    self._tenants.setdefault(tenant, False)
                    waits.append(wait)
            if waits:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(waits))

    async def _delete(self, tenant: str, *, at_once: bool) -> float | None:
        """Seconds until there is more to do for the tenant; None if there is not."""
        whole = Principal(tenant, None)
        left = await self.database.read(whole, partial(stored.left, limit=_AT_ONCE))
        stores = await self._stores({file.provider for file in left})
        now = time.time_ns() // 1000
        waits: list[float] = []
        for file in left:
            if file.next_try > now and not at_once:
                waits.append((file.next_try - now) / _MICRO)
                continue
            wait = await self._delete_one(whole, file, stores.get(file.account))
            if wait is not None:
                waits.append(wait)
        return 0.0 if len(left) == _AT_ONCE and not waits else min(waits, default=None)

    async def _delete_one(
        self, whole: Principal, file: Left, store: FileStore | None
    ) -> float | None:
        """Seconds until it is to be tried again; None if it is gone, or given up."""
        try:
            if store is None:
                raise ModelError("No model of this project uses the account any more.")
            await store.delete(file.file_id)
        except ModelError as error:
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**file.attempts)
            next_try = time.time_ns() // 1000 + round(wait * _MICRO)
            later = partial(stored.try_later, file=file, next_try=next_try)
            await self.database.write(whole, later)
            _log.warning("A file at %s is not deleted yet: %s", file.provider, error.message)
            return wait if file.attempts + 1 < MOST_ATTEMPTS else None
        drop = partial(stored.drop, account=file.account, file_id=file.file_id)
        await self.database.write(whole, drop)
        return None

    async def _stores(self, providers: Collection[str]) -> dict[str, FileStore]:
        """Where the project's models keep files, by account."""
        found: dict[str, FileStore] = {}
        for provider in providers:
            for model in await self.models.behind(provider):
                found.update((store.account, store) for store in _stores_of(model))
        return found


def _stores_of(model: Model) -> Iterator[FileStore]:
    """Where a model's provider keeps files, or the providers of those that it stands before."""
    from muxi.models.fallback import FallbackModel
    from muxi.models.hosted import HostedModel
    from muxi.models.wrapper import ModelWrapper

    if isinstance(model, ModelWrapper):
        yield from _stores_of(model.inner)
    elif isinstance(model, FallbackModel):
        for each in model.models:
            yield from _stores_of(each)
    elif isinstance(model, HostedModel) and model.files is not None:
        yield model.files


def _add(tx: Tx, place: Place, store: FileStore, file: KeptFile) -> None:
    ends = None if file.expires_at is None else micros(file.expires_at)
    stored.add(tx, place, file.id, provider=store.provider, expires_at=ends)
