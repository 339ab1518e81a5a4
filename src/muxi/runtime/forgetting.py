"""Forgetting, and its proof. Called by doors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from muxi.config.project import Project
from muxi.core.errors import Conflict, MuxiError
from muxi.core.forgetting import Forget, Forgotten, MemorySize, Remains, RetentionReport
from muxi.memory.copies import Copies
from muxi.memory.forgetting import Forgetting
from muxi.memory.remains import Verifier
from muxi.memory.retention import Retention
from muxi.runtime.principal import Principal
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

    async def forget(
        self, who: Principal, owner: str, what: Forget, *, dry_run: bool = False
    ) -> Forgotten:
        """Forget, and return when nothing is left that can be reached.

        Raises:
            Conflict: An agent is at work in a thread that is to be forgotten.
            InvalidInput, NotFound, AccessDenied, StorageError: See `memory.forgetting`.
        """
        if not dry_run:
            await self._check_idle(who, owner, what)
        return await self.forgetting.forget(who, owner, what, dry_run=dry_run)

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
        owner: str,
        *,
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
        await self.database.read(who, partial(_may_name, owner=owner))
        whole = not (ids or texts) if everything is None else everything
        looked_for = owner if whole else None
        return await self.verifier.verify(who.tenant, looked_for, ids=ids, texts=texts)

    async def stats(self, who: Principal, owner: str) -> MemorySize:
        """How much the memory takes, and what it may."""
        return await self.database.read(who, partial(self.retaining.size, owner=owner))

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
    project: Project, state: StateFolder, *, memory: Remembering, runs: Runs
) -> ForgettingService:
    """The service of a project; whoever keeps what may be forgotten is told of it."""
    forgetting, database = memory.parts.forgetting, memory.parts.database
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
            listeners=[memory.parts.finder.forgot],
        ),
        runs=runs,
    )


def _may_name(tx: Tx, owner: str) -> None:
    """Raises `AccessDenied` for another user's memory."""
    owned(tx, owner)
