"""Forgetting, its proof, and memory that comes and goes by files. Called by doors and by tools.

Without an owner named, it is about the user who asks; for the tenant as a whole, about what its
users share.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from muxi.config.project import Project
from muxi.core.errors import Conflict, MuxiError
from muxi.core.forgetting import (
    Forget,
    Forgotten,
    Imported,
    MemorySize,
    Remains,
    RetentionReport,
)
from muxi.memory import transfer
from muxi.memory.copies import Copies
from muxi.memory.forgetting import Forgetting
from muxi.memory.remains import Verifier
from muxi.memory.retention import Retention
from muxi.memory.transfer import Format
from muxi.runtime.principal import Principal, owner_for
from muxi.runtime.remembering import Remembering
from muxi.runtime.runs import Runs
from muxi.runtime.state import StateFolder
from muxi.storage import erasing
from muxi.storage.blob_files import BlobFiles
from muxi.storage.owners import owned
from muxi.storage.snapshots import Snapshots
from muxi.storage.sqlite import SqliteDatabase
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger("muxi.runtime")


@dataclass(kw_only=True)
class ForgettingService:
    """Lets the memory of the project forget, and proves that it did."""

    database: Database
    forgetting: Forgetting
    verifier: Verifier
    retaining: Retention
    runs: Runs
    changed: Callable[[], None]
    """Called when there is something new to be embedded."""

    async def forget(
        self, who: Principal, what: Forget, *, owner: str | None = None, dry_run: bool = False
    ) -> Forgotten:
        """Forget, and return when nothing is left that can be reached.

        Raises:
            Conflict: An agent is at work in a thread that is to be forgotten.
            InvalidInput, NotFound, AccessDenied, StorageError: See `memory.forgetting`.
        """
        named = owner_for(who, owner)
        if not dry_run:
            await self._check_idle(who, named, what)
        return await self.forgetting.forget(who, named, what, dry_run=dry_run)

    async def start(self) -> None:
        """Go through with what a dead process had begun to forget; prune from now on."""
        try:
            await self.forgetting.resume()
        except MuxiError as error:
            # A full disk must not keep a project from being opened; `verify` tells what is pending.
            _log.warning("What was to be forgotten is not gone yet: %s", error.message)
        self.retaining.start()

    async def close(self) -> None:
        """Prune no longer."""
        await self.retaining.stop()

    async def verify(
        self,
        who: Principal,
        *,
        owner: str | None = None,
        ids: Sequence[str] = (),
        texts: Sequence[str] = (),
        everything: bool | None = None,
    ) -> Remains:
        """Look for what should be forgotten, in every table and file.

        Args:
            who: Who asks.
            owner: Whose memory.
            ids: Ids of what should be gone.
            texts: What should stand nowhere.
            everything: Whether nothing of the owner should be left; None: if nothing else is named.
        """
        named = owner_for(who, owner)
        await self.database.read(who, partial(_may_name, owner=named))
        whole = not (ids or texts) if everything is None else everything
        looked_for = named if whole else None
        return await self.verifier.verify(who.tenant, looked_for, ids=ids, texts=texts)

    def export(self, who: Principal, *, owner: str | None = None) -> AsyncGenerator[str]:
        """The whole memory as lines of JSON, without line ends."""
        return transfer.export(self.database, who, owner_for(who, owner))

    async def import_(
        self,
        who: Principal,
        lines: AsyncIterable[str] | Iterable[str],
        *,
        format: Format = "muxi",
        owner: str | None = None,
        new_ids: bool = False,
        first_line: int = 1,
    ) -> Imported:
        """Take in what was exported, here or by another program; see `memory.transfer`."""
        importer = transfer.Importer(
            database=self.database,
            who=who,
            owner=owner_for(who, owner),
            new_ids=new_ids,
            first_line=first_line,
        )
        done = await importer.take(lines, format)
        for listener in self.forgetting.listeners:
            listener(who.tenant, importer.owner)
        self.changed()
        return done

    async def stats(self, who: Principal, *, owner: str | None = None) -> MemorySize:
        """How much the memory takes, and what it may."""
        named = owner_for(who, owner)
        return await self.database.read(who, partial(self.retaining.size, owner=named))

    async def retention(self, who: Principal, *, dry_run: bool = True) -> RetentionReport:
        """What retention would remove now, of the whole tenant; or let it remove that."""
        return await self.retaining.run(who.tenant, dry_run=dry_run)

    async def _check_idle(self, who: Principal, owner: str, what: Forget) -> None:
        busy = {attempt.run.thread_id for attempt in self.runs.active.values()}
        if not busy or not (what.threads or what.everything):
            return
        user = owner.removeprefix("user:")
        whole = Principal(who.tenant, None)
        own = (
            await self.database.read(whole, partial(erasing.threads_of, user=user))
            if what.everything and owner.startswith("user:")
            else what.threads
        )
        for thread_id in own:
            if thread_id in busy:
                raise Conflict(
                    "The agent is at work in a thread that is to be forgotten.",
                    hint="Cancel its run first.",
                    thread_id=thread_id,
                )


def forgetting_of(state: StateFolder, database: Database, files: BlobFiles) -> Forgetting:
    """What forgets in a project, in its database and in the files beside it."""
    file = database.path if isinstance(database, SqliteDatabase) else None
    copies = None if file is None else Copies(file, state.snapshots)
    return Forgetting(database=database, files=files, copies=copies)


def forgetting_service(
    project: Project,
    state: StateFolder,
    forgetting: Forgetting,
    *,
    memory: Remembering,
    runs: Runs,
) -> ForgettingService:
    """The service of a project; whoever keeps what may be forgotten is told of it."""
    database = forgetting.database
    searcher = memory.finder.searcher
    forgetting.listeners.append(searcher.changed)
    forgetting.thread_listeners.append(runs.past.history.drop)
    snapshots = Snapshots(state.snapshots, keep=project.storage.snapshots.keep)
    return ForgettingService(
        database=database,
        forgetting=forgetting,
        verifier=Verifier(database=database, folder=state.root, copies=forgetting.copies),
        retaining=Retention(
            database=database,
            settings=project.memory.retention,
            holder=memory.backlog.holder,
            snapshots=snapshots if database.dialect == "sqlite" else None,
            listeners=[searcher.changed],
        ),
        runs=runs,
        changed=memory.backlog.wake,
    )


def _may_name(tx: Tx, owner: str) -> None:
    """Raises `AccessDenied` for another user's memory."""
    owned(tx, owner)
