"""What a reader who comes back is told: all that they missed, or what the last of it led to.

Called by `streams`. A reader who is far behind gets a `gap` and goes on where the thread's messages
end, so that what a slow reader costs is bounded and what it holds in the end is whole.
"""

from __future__ import annotations

from muxi.core.events import FINAL_STATUSES, Event, Gap, RunStatus
from muxi.core.threads import Run
from muxi.storage import events, runs
from muxi.storage.transaction import Tx

_UNFINISHED: tuple[RunStatus, ...] = ("running", "queued", "waiting")
_MOST_RUNS = 64
"""Runs of a thread that are unfinished at the same time."""


def past_events(
    tx: Tx, thread_id: str, *, run_id: str | None, since: int, limit: int, window: int
) -> list[Event]:
    """The events after number `since`, fewer than `limit` only at the end.

    Args:
        tx: The transaction.
        thread_id: The thread.
        run_id: Only this run's events.
        since: Number of the last event that the reader has.
        limit: The most events.
        window: A reader who is behind by more than so many numbers gets a `gap` first.
    """
    found = events.read(tx, thread_id, since=since, limit=limit, run_id=run_id)
    if len(found) < limit:
        return found
    head = events.last_seq(tx, thread_id)
    if head - since <= window:
        return found
    place = _resumption(tx, thread_id, run_id, head=head, window=window)
    if place - since <= window:
        return found
    gap = Gap(seq=place, from_seq=since, thread_id=thread_id, run_id=run_id or "")
    return [gap, *events.read(tx, thread_id, since=place, limit=limit - 1, run_id=run_id)]


def _resumption(tx: Tx, thread_id: str, run_id: str | None, *, head: int, window: int) -> int:
    """The last number up to which the thread's messages tell all that has happened."""
    # The last event is told in any case: it may be the end that the reader waits for.
    place = head - 1
    if run_id is None:
        unfinished = [
            run
            for status in _UNFINISHED
            for run in runs.page(tx, thread_id=thread_id, status=status, limit=_MOST_RUNS).items
        ]
    else:
        run = runs.get(tx, run_id)
        if run.status in FINAL_STATUSES:
            return _last(tx, run, "run.completed", since=run.first_seq - 1, most=head) - 1
        unfinished = [run]
    for run in unfinished:
        since = max(run.first_seq - 1, head - window)
        place = min(place, _last(tx, run, "message.completed", since=since, most=window))
    return place


def _last(tx: Tx, run: Run, kind: str, *, since: int, most: int) -> int:
    """The number of the run's last event of a kind, or else the one before its first event."""
    found = events.read(
        tx, run.thread_id, since=since, limit=most, run_id=run.id, only=frozenset({kind})
    )
    return found[-1].seq if found else run.first_seq - 1
