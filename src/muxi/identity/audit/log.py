"""The log of one project: takes entries with what they tell of, and seals them within a second.

Made by `runtime`, as `runtime.audit`. Doors say what is being done before they have it done; the
entry then goes into the very transaction that does it, so that neither is stored without the other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from muxi.core.audit import AuditEntry, AuditHead, AuditReport, Outcome
from muxi.core.caller import STRANGER, Caller
from muxi.core.errors import MuxiError, StorageError
from muxi.core.pages import Page
from muxi.core.record import clean, now
from muxi.core.scope import Scope
from muxi.identity.audit.chain import START, Seal, fingerprint, link, text_of
from muxi.storage import audit
from muxi.storage.audit import SealRow
from muxi.storage.transaction import Database, Tx, along_with
from muxi.telemetry.context import REQUEST_ID

if TYPE_CHECKING:
    from muxi.identity.audit.signing import SigningKey

_log = logging.getLogger(__name__)

_SEAL_AFTER: Final = 0.5
"""Seconds for which entries wait for others to share their seal."""
_AT_ONCE: Final = 200
"""Entries under one seal, so that no transaction takes long."""
_CUT_EVERY: Final = 3_600.0
"""Seconds between two looks for entries that are too old."""
_CUT_AT_ONCE: Final = 20
"""Seals whose entries are removed in one transaction."""
_TOGETHER: Final = 1_000
"""Lines that are verified at once."""
_QUIET: Final = 60.0
"""Seconds in which the same refusal is told once."""
_MOST_REFUSALS: Final = 10_000


_entry: ContextVar[AuditEntry | None] = ContextVar("muxi_audit_entry", default=None)


@dataclass(slots=True)
class _Told:
    """A refusal that was told."""

    at: float
    since: int = 0
    """How often it has happened since."""


@dataclass(slots=True)
class _Note:
    """An entry that waits for a transaction."""

    entry: AuditEntry
    tenant: str
    log: AuditLog
    written: bool = False

    def __call__(self, tx: Tx) -> None:
        self.log.write(tx, self.entry)
        self.written = True


@dataclass(kw_only=True)
class AuditLog:
    """Who did what.

    Args:
        database: Where entries are kept.
        key_file: Where the key is that seals are signed with.
        keep_days: Days for which entries are kept; None for ever.
    """

    database: Database
    key_file: Path
    keep_days: int | None = None
    _key: SigningKey | None = None
    _pending: set[str] = field(default_factory=set[str])
    """Tenants that have entries without a seal."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _sealing: asyncio.Task[None] | None = None
    _cutting: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _refusals: dict[tuple[object, ...], _Told] = field(
        default_factory=dict[tuple[object, ...], "_Told"]
    )

    async def start(self) -> None:
        """Seal what a process before has left, and then whatever comes."""
        self._loop = asyncio.get_running_loop()
        self._sealing = asyncio.create_task(self._seal_on(), name="audit")
        if self.keep_days is not None:
            self._cutting = asyncio.create_task(self._cut_on(), name="audit of old")

    async def close(self) -> None:
        """Seal everything that is stored."""
        for work in (self._sealing, self._cutting):
            if work is not None:
                work.cancel()
                await asyncio.wait([work])
        with suppress(StorageError):
            await self.seal()

    @asynccontextmanager
    async def during(
        self, caller: Caller, action: str, resource: str | None = None, **details: str
    ) -> AsyncGenerator[AuditEntry]:
        """Enter what is done inside of the block, in the transaction that does it.

        What fails before it has changed anything leaves no entry; what fails afterwards leaves
        another one that says so. The entry may be added to until it is stored.
        """
        entry = entry_of(caller, action, resource, "done", details)
        note = _Note(entry, caller.tenant, self)
        try:
            with along_with(caller.tenant, note), _entering(entry):
                yield entry
        except MuxiError:
            if note.written:
                failed = entry_of(caller, action, resource, "failed", entry.details)
                with suppress(StorageError):
                    await self._store(caller.tenant, failed)
            raise
        if not note.written:
            await self._store(caller.tenant, entry)

    async def record(
        self,
        caller: Caller,
        action: str,
        resource: str | None = None,
        outcome: Outcome = "done",
        **details: str,
    ) -> None:
        """Enter something that needs no transaction of its own."""
        await self._store(caller.tenant, entry_of(caller, action, resource, outcome, details))

    async def refused(
        self, caller: Caller, action: str, resource: str | None = None, **details: str
    ) -> None:
        """Enter that somebody was not let do something; what repeats is counted, not told."""
        shown = caller.credential
        key = (caller.tenant, caller.user, caller.acting_for, shown.id, action, resource)
        told, moment = self._refusals.get(key), time.monotonic()
        if told is not None and moment - told.at < _QUIET:
            told.since += 1
            return
        if len(self._refusals) >= _MOST_REFUSALS:
            self._refusals.clear()
        if told is not None and told.since:
            details["repeated"] = str(told.since)
        self._refusals[key] = _Told(moment)
        await self.record(caller, action, resource, "refused", **details)

    def write(self, tx: Tx, entry: AuditEntry) -> None:
        """Store an entry in a transaction that is under way, on whatever thread."""
        plain = entry.model_dump(mode="json", exclude={"seq", "hash"}, exclude_none=True)
        audit.add(tx, entry, text_of(plain))
        tenant = tx.scope.tenant
        if tenant not in self._pending and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the next process seals
                self._loop.call_soon_threadsafe(self._look_at, tenant)

    async def page(
        self,
        tenant: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        outcome: Outcome | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """Entries of a tenant, the newest first."""
        read = partial(
            audit.page, actor=actor, action=action, outcome=outcome, after=cursor, limit=limit
        )
        found = await self.database.read(Scope(tenant, None), read)
        return Page[AuditEntry](items=list(found.items), next=found.next)

    async def head(self, tenant: str) -> AuditHead:
        """Where the chain of a tenant ends."""
        key = await self._signing_key()

        def read(tx: Tx) -> tuple[SealRow | None, int]:
            return audit.last_seal(tx), audit.waiting(tx)

        last, waiting = await self.database.read(Scope(tenant, None), read, tiny=True)
        return AuditHead(
            seq=0 if last is None else last.seq,
            hash=START if last is None else last.hash,
            seals=0 if last is None else last.number,
            waiting=waiting,
            key=fingerprint(key.public),
        )

    async def export(self, tenant: str) -> AsyncGenerator[str]:
        """The whole sealed log of a tenant as lines, for its verifier and for keeping elsewhere."""
        await self._seal_tenant(tenant)
        scope, number, seq = Scope(tenant, None), 0, 0
        yield text_of({"muxi_audit": 1, "tenant": tenant})
        first = await self.database.read(scope, audit.first_seal)
        if first is not None and first[1] is not None:
            seal, said = first
            yield f'{{"seal":{text_of(seal._asdict())},"cut":{said}}}'
            number, seq = seal.number, seal.seq
        while True:
            seals = await self.database.read(scope, partial(audit.seals, after=number, limit=1))
            if not seals:
                return
            seal = seals[0]
            read = partial(audit.linked, after=seq, upto=seal.seq)
            for each in await self.database.read(scope, read):
                # The text itself, not a reading of it: that is what the links are about.
                yield f'{{"seq":{each.seq},"hash":"{each.hash}","entry":{each.record}}}'
            yield text_of({"seal": seal._asdict()})
            number, seq = seal.number, seal.seq

    async def cut(self) -> None:
        """Remove what is older than it is to be kept, of every tenant, and enter that."""
        if self.keep_days is None:
            return
        before = round((time.time() - self.keep_days * 86_400) * 1_000_000)
        key = await self._signing_key()
        for tenant in await self.database.tenants("audit"):
            gone = 0
            work = partial(_cut, before=before, key=key)
            while count := await self.database.write(Scope(tenant, None), work):
                gone += count
            if gone:
                who = replace(STRANGER, tenant=tenant)
                await self.record(who, "audit.cut", entries=str(gone))

    async def verify(self, tenant: str) -> AuditReport:
        """What the verifier finds in the whole log of a tenant.

        Whoever could change the server too looks at an export elsewhere.
        """
        from muxi.identity.audit.verifying import ExportVerifier

        verifier, some = ExportVerifier(), list[str]()
        async for line in self.export(tenant):
            some.append(line)
            if len(some) == _TOGETHER:
                await asyncio.to_thread(verifier.take, some)
                some = []
        await asyncio.to_thread(verifier.take, some)
        return verifier.end()

    async def seal(self) -> None:
        """Seal all that is stored, now."""
        for tenant in list(self._pending):
            await self._seal_tenant(tenant)

    async def _store(self, tenant: str, entry: AuditEntry) -> None:
        def write(tx: Tx) -> None:
            self.write(tx, entry)

        await self.database.write(Scope(tenant, None), write, tiny=True)

    def _look_at(self, tenant: str) -> None:
        self._pending.add(tenant)
        self._wake.set()

    async def _cut_on(self) -> None:
        while True:
            try:
                await self.cut()
            except StorageError as error:
                _log.warning("Old entries of the audit log stay for now: %s", error.message)
            await asyncio.sleep(_CUT_EVERY)

    async def _seal_on(self) -> None:
        for tenant in await self.database.tenants("audit"):
            if await self.database.read(Scope(tenant, None), audit.waiting, tiny=True):
                self._look_at(tenant)
        while True:
            await self._wake.wait()
            await asyncio.sleep(_SEAL_AFTER)
            self._wake.clear()
            try:
                await self.seal()
            except StorageError as error:
                _log.warning("The audit log is not sealed yet: %s", error.message)
                self._wake.set()

    async def _seal_tenant(self, tenant: str) -> None:
        key = await self._signing_key()
        async with self._turn:
            # Before the rows are looked at: what is added meanwhile is looked at again.
            self._pending.discard(tenant)
            work = partial(_seal, key=key)
            try:
                while await self.database.write(Scope(tenant, None), work):
                    continue
            except StorageError:
                self._pending.add(tenant)
                raise

    async def _signing_key(self) -> SigningKey:
        if self._key is None:
            from muxi.identity.audit.signing import signing_key

            self._key = await asyncio.to_thread(signing_key, self.key_file)
        return self._key


@contextmanager
def _entering(entry: AuditEntry) -> Generator[None]:
    token = _entry.set(entry)
    try:
        yield
    finally:
        _entry.reset(token)


def tell(**details: str) -> None:
    """Add to the entry of what is being done here, as long as it is not stored."""
    if (entry := _entry.get()) is not None:
        entry.details.update(details)


def entry_of(
    caller: Caller, action: str, resource: str | None, outcome: Outcome, details: dict[str, str]
) -> AuditEntry:
    """What `caller` did, as an entry."""
    shown = caller.credential
    said = {name: clean(value) for name, value in details.items()}
    if (request_id := REQUEST_ID.get()) is not None:
        said.setdefault("request_id", request_id)
    return AuditEntry(
        id=audit.fresh_id(),
        at=now(),
        actor=caller.user or "",
        acting_for=caller.acting_for,
        credential=shown.kind,
        credential_id=shown.id or None,
        action=action,
        resource=None if resource is None else clean(resource),
        outcome=outcome,
        details=said,
    )


def _seal(tx: Tx, key: SigningKey) -> bool:
    """Link and seal some entries; whether there may be more."""
    rows = audit.unsealed(tx, _AT_ONCE)
    if not rows:
        return False
    last = audit.last_seal(tx)
    number, seq, before = (0, 0, START) if last is None else (last.number, last.seq, last.hash)
    links: list[tuple[str, int, str]] = []
    for which, text in rows:
        seq += 1
        before = link(before, seq, text)
        links.append((which, seq, before))
    fresh = Seal(number + 1, seq, tx.now(), before, key.public, "")
    sealed = key.sign(tx.scope.tenant, fresh)
    row = SealRow(
        sealed.number, sealed.seq, sealed.sealed_at, sealed.hash, sealed.key, sealed.signature
    )
    # Another process may have been faster, and then has these too.
    return audit.seal(tx, row, links) and len(rows) == _AT_ONCE


def _cut(tx: Tx, before: int, key: SigningKey) -> int:
    """Remove some of the entries that were sealed before; gives how many there were."""
    first = audit.first_seal(tx)
    if first is None:
        return 0
    found = audit.old_seal(tx, before=before, upto=first[0].number + _CUT_AT_ONCE)
    if found is None or (found.number == first[0].number and first[1] is not None):
        return 0
    cut = key.sign_cut(tx.scope.tenant, Seal(*found), tx.now())
    return audit.cut(tx, found, text_of(asdict(cut)))
