"""Answers that the client does not want to be stored: their threads go once they are over.

Called by the routes here. A run that waits for its client is kept until it has its results.
"""

from __future__ import annotations

import asyncio
import logging

from muxi.core.errors import MuxiError
from muxi.core.events import FINAL_STATUSES
from muxi.core.threads import Run
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal

_log = logging.getLogger("muxi.server")

_forgetting: set[asyncio.Task[None]] = set()


def forget_when_over(runtime: Runtime, who: Principal, run: Run) -> None:
    """Delete the thread of `run` when it has ended, if nothing else was said there."""
    task = asyncio.create_task(_forget(runtime, who, run), name=f"forget {run.id}")
    _forgetting.add(task)
    task.add_done_callback(_forgetting.discard)


async def _forget(runtime: Runtime, who: Principal, run: Run) -> None:
    attempt = runtime.runs.active.get(run.id)
    if attempt is not None:
        await attempt.wait()
    try:
        if (await runtime.runs.get(who, run.id)).status not in FINAL_STATUSES:
            return
        others = await runtime.runs.page(who, thread_id=run.thread_id, limit=2)
        if len(others.items) == 1:
            await runtime.threads.delete(who, run.thread_id)
    except MuxiError as error:
        _log.warning("Thread %s is not deleted: %s", run.thread_id, error.message)
