"""Runs: pieces of work of an agent in a thread. Made and finished by `runtime`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxi.core.errors import NotFound
from muxi.core.events import FINAL_STATUSES, RunStatus
from muxi.core.record import now
from muxi.core.threads import OfferedTool, Run
from muxi.storage.records import Page, column, cursor, encode, listed, micros, place
from muxi.storage.sql import runs as sql
from muxi.storage.transaction import Row, Tx

_LAST_ID = "\U0010ffff"


def create(tx: Tx, run: Run) -> Run:
    """Store a new run; the scope's principal is its owner.

    Raises:
        Conflict: The id is taken.
        NotFound: There is no such thread.
    """
    tx.run(
        sql.INSERT,
        id=run.id,
        thread_id=run.thread_id,
        owner=tx.scope.principal or "",
        agent=column(run.agent),
        agent_hash=run.agent_hash,
        status=run.status,
        input_id=run.input_id,
        root_run_id=run.root_run_id,
        parent_run_id=run.parent_run_id,
        attempt=run.attempt,
        created_at=micros(run.created_at),
        finished_at=None if run.finished_at is None else micros(run.finished_at),
        record=encoded(run),
    )
    return run


def encoded(run: Run) -> str:
    """The run as it is stored: without empty fields, which were a third of it."""
    # A bound that is missing has its default, and an empty one is lifted.
    return encode(run, exclude_none=run.limits is None and run.terms is None)


def get(tx: Tx, run_id: str) -> Run:
    """Raises `NotFound` if there is none, or it is not the principal's to see."""
    row = tx.row(sql.GET, id=run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id}.", run_id=run_id)
    return Run.model_validate_json(row[0])


def update(tx: Tx, run: Run) -> Run:
    """Store `run` as it is now. A final status gives it its end, if it has none yet.

    Raises:
        NotFound: There is no such run.
    """
    if run.finished_at is None and run.status in FINAL_STATUSES:
        run.finished_at = now()
    changed = tx.run(
        sql.UPDATE,
        id=run.id,
        status=run.status,
        attempt=run.attempt,
        agent_hash=run.agent_hash,
        finished_at=None if run.finished_at is None else micros(run.finished_at),
        record=encoded(run),
    )
    if not changed:
        raise NotFound(f"There is no run {run.id}.", run_id=run.id)
    return run


def set_status(tx: Tx, run_id: str, status: RunStatus) -> Run:
    """Change nothing but the status."""
    run = get(tx, run_id)
    run.status = status
    return update(tx, run)


def set_tools(tx: Tx, run_id: str, tools: Sequence[OfferedTool]) -> Run:
    """Change nothing but what its model was shown."""
    run = get(tx, run_id)
    run.tools = list(tools)
    return update(tx, run)


def page(
    tx: Tx,
    *,
    thread_id: str | None = None,
    status: RunStatus | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Run]:
    """Runs, the newest first, of one thread or of one status or of all."""
    before = place(after, 1)[0] if after else _LAST_ID
    given: dict[str, Any] = {"status": status, "before_id": before, "limit": limit + 1}
    if thread_id is not None:
        rows = tx.rows(sql.LIST_OF_THREAD, **given, thread_id=thread_id)
    elif status not in (None, "completed"):
        rows = _these(tx, [row[0] for row in tx.rows(sql.IDS_UNUSUAL, **given)])
    elif tx.scope.principal is None:
        rows = tx.rows(sql.LIST, **given)
    else:
        # Who has most of the runs finds a page among the newest, who has few by their threads.
        rows = tx.rows(sql.LIST_NEAR, **given)
        if len(rows) <= limit:
            rows = _newest_by_threads(tx, **given)
    found = [Run.model_validate_json(row[0]) for row in rows[:limit]]
    return Page(found, cursor(found[-1].id) if len(rows) > limit else None)


def _newest_by_threads(tx: Tx, *, limit: int, **given: Any) -> Sequence[Row]:
    """The newest runs of the principal's threads, without a look at anybody else's."""
    found: list[str] = []
    for thread_id, newest in tx.rows(sql.THREADS, **given, limit=limit):
        if len(found) == limit and newest < found[-1]:
            # Threads come by their newest run: none of the others has one of the page.
            break
        ids = tx.rows(sql.IDS_OF_THREAD, **given, thread_id=thread_id, limit=limit)
        found = sorted({*found, *(row[0] for row in ids)}, reverse=True)[:limit]
    return _these(tx, found)


def _these(tx: Tx, ids: Sequence[str]) -> Sequence[Row]:
    return tx.rows(sql.LIST_THESE, ids=listed(tx.dialect, ids)) if ids else []


def unfinished(tx: Tx) -> list[Run]:
    """Runs without a final status, the oldest first."""
    return [Run.model_validate_json(row[0]) for row in tx.rows(sql.UNFINISHED)]


def ready(tx: Tx) -> list[Run]:
    """As `unfinished`, without those that wait for a person: what a recovering process looks at."""
    return [Run.model_validate_json(row[0]) for row in tx.rows(sql.READY)]
