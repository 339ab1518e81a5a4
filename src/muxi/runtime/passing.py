"""Runs that are to leave nothing and wait for somebody who may never come back.

Called by `recovery`, once a day. All others take their threads along when they end.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from muxi.core.errors import MuxiError
from muxi.core.record import now
from muxi.core.threads import Run
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.storage import runs, threads
from muxi.storage.transaction import Tx

_log = logging.getLogger("muxi.runtime")

KEPT_FOR = timedelta(days=1)
"""How long they wait at least."""

_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Passing:
    """Gives up what nobody has come back to."""

    runs: Runs

    async def sweep(self, tenant: str) -> None:
        """End the runs of a tenant that have waited too long, so that they go."""
        try:
            for run, owner in await self.runs.database.read(Principal(tenant, None), _abandoned):
                await self.runs.cancel(Principal(tenant, owner), run.id)
        except MuxiError as error:
            _log.warning("A run that waits too long is not ended: %s", error.message)


def _abandoned(tx: Tx) -> list[tuple[Run, str]]:
    """The runs that have waited too long, with the owners of their threads."""
    found: list[tuple[Run, str]] = []
    before, after = now() - KEPT_FOR, None
    while True:
        page = runs.page(tx, status="waiting", after=after, limit=_PAGE)
        found += [
            (run, threads.get(tx, run.thread_id).owner)
            for run in page.items
            if run.is_passing and run.created_at < before
        ]
        after = page.next
        if after is None:
            return found
