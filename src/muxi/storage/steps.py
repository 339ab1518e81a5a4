"""Steps: effects of a run, written before they happen and closed after.

Called by the journal, which holds the run's lease, and by `runtime` for open questions.
"""

from __future__ import annotations

from muxi.core.steps import Step
from muxi.storage.records import Page, column, cursor, encode, micros, place
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
        record=encode(step, exclude_none=True),
        question_id=step.question_id,
        expires_at=None if step.expires_at is None else micros(step.expires_at),
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
        record=encode(step, exclude_none=True),
    )


def get(tx: Tx, run_id: str, key: str) -> Step | None:
    """The step of that key, or None."""
    row = tx.row(sql.GET, run_id=run_id, key=column(key))
    return None if row is None else Step.model_validate_json(row[0])


def of_run(tx: Tx, run_id: str) -> list[Step]:
    """The run's steps in their order."""
    return [Step.model_validate_json(row[0]) for row in tx.rows(sql.OF_RUN, run_id=run_id)]


def suspended(tx: Tx, run_id: str) -> list[Step]:
    """What the run asks and nobody has answered, in its order."""
    return [Step.model_validate_json(row[0]) for row in tx.rows(sql.SUSPENDED, run_id=run_id)]


def question(tx: Tx, question_id: str) -> Step | None:
    """The step of a question, whether it is open or not; None if there is none."""
    row = tx.row(sql.QUESTION, question_id=column(question_id))
    return None if row is None else Step.model_validate_json(row[0])


def open_questions(
    tx: Tx, *, thread_id: str | None = None, after: str | None = None, limit: int = 50
) -> Page[Step]:
    """What waits for a person, the oldest first, of one thread or of all that can be seen."""
    begin = place(after, 1)[0] if after else ""
    rows = tx.rows(sql.OPEN, thread_id=thread_id, after=begin, limit=limit + 1)
    found = [Step.model_validate_json(row[0]) for row in rows[:limit]]
    return Page(found, cursor(found[-1].question_id or "") if len(rows) > limit else None)


def expired(tx: Tx, *, limit: int = 100) -> list[Step]:
    """Open questions whose time is over, the longest first."""
    rows = tx.rows(sql.EXPIRED, now=tx.clock(), limit=limit)
    return [Step.model_validate_json(row[0]) for row in rows]


def close_question(tx: Tx, step: Step) -> bool:
    """Store the answer to a question that is open; False if it is not any more."""
    step.state = "done"
    changed = tx.run(
        sql.CLOSE_OPEN,
        run_id=step.run_id,
        key=column(step.key),
        closed_at=tx.now(),
        record=encode(step, exclude_none=True),
    )
    return changed > 0


def answered_alike(tx: Tx, thread_id: str, input_hash: str, *, limit: int = 20) -> list[Step]:
    """Answered questions of a thread about the same call, the newest first."""
    rows = tx.rows(sql.ANSWERED_ALIKE, thread_id=thread_id, input_hash=input_hash, limit=limit)
    return [Step.model_validate_json(row[0]) for row in rows]


def void_questions(tx: Tx, run_id: str, *, only_live: bool = False) -> None:
    """Close what the run has asked and nobody will answer: it ends, or the asking call has."""
    for step in suspended(tx, run_id):
        if not only_live or (step.result or {}).get("approval", {}).get("live"):
            close_question(tx, step)
