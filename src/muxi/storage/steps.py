"""Steps: effects of a run, written before they happen and closed after.

Called by the journal, which holds the run's lease, and by `runtime` for open questions.
"""

from __future__ import annotations

from muxi.core.steps import Step
from muxi.storage.records import column, encode
from muxi.storage.sql import steps as sql
from muxi.storage.transaction import Tx


def put(tx: Tx, step: Step) -> Step:
    """Store a step, or a further attempt of one."""
    tx.run(
        sql.PUT,
        run_id=step.run_id,
        key=column(step.key),
        number=step.number,
        attempt=step.attempt,
        kind=step.kind,
        state=step.state,
        input_hash=step.input_hash,
        opened_at=tx.now(),
        closed_at=None if step.state == "started" else tx.now(),
        record=encode(step),
    )
    return step


def close(tx: Tx, step: Step) -> None:
    """Store the new state and result of a step."""
    tx.run(
        sql.CLOSE,
        run_id=step.run_id,
        key=column(step.key),
        attempt=step.attempt,
        state=step.state,
        closed_at=None if step.state == "started" else tx.now(),
        record=encode(step),
    )


def get(tx: Tx, run_id: str, key: str) -> Step | None:
    """The step of that key, or None."""
    row = tx.row(sql.GET, run_id=run_id, key=column(key))
    return None if row is None else Step.model_validate_json(row[0])


def of_run(tx: Tx, run_id: str) -> list[Step]:
    """The run's steps in their order."""
    return [Step.model_validate_json(row[0]) for row in tx.rows(sql.OF_RUN, run_id=run_id)]


def suspended(tx: Tx, *, kind: str = "approval", run_id: str | None = None) -> list[Step]:
    """Steps that wait for a person, the oldest first; of one run or of all that can be seen."""
    rows = tx.rows(sql.SUSPENDED, kind=kind, run_id=run_id)
    return [Step.model_validate_json(row[0]) for row in rows]


def void_questions(tx: Tx, run_id: str) -> None:
    """Close what the run has asked and nobody will answer: it ends."""
    for step in suspended(tx, run_id=run_id):
        step.state = "done"
        close(tx, step)
