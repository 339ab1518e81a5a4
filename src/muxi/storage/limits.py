"""What is counted for a while: requests of those who have a limit, and guesses of passwords.

Called by `identity`. Instants and durations are in microseconds, by the clock of the database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from muxi.storage.sql import limits as sql
from muxi.storage.transaction import Tx


@dataclass(frozen=True, slots=True)
class Use:
    """Requests of one subject."""

    subject: str
    cost: int
    """Until as much as they use up has come back."""
    alone: int
    """From now, until it has come back if nobody else has used anything."""


def use(tx: Tx, uses: Sequence[Use]) -> list[int]:
    """Count requests; gives, of each subject, how long it takes until all of it has come back."""
    now = tx.clock()
    # In one order everywhere, so that no two wait for each other.
    rows = sorted((each.subject, each.cost, now + each.alone) for each in uses)
    found = {row[0]: int(row[1]) - now for row in tx.rows(sql.USE, uses=json.dumps(rows))}
    return [found[each.subject] for each in uses]


def sweep_rates(tx: Tx) -> int:
    """Forget subjects of which all has come back; gives their number."""
    return tx.run(sql.SWEEP_RATES, before=tx.clock())


def failures(tx: Tx, subject: str, *, span: int) -> int:
    """How often a guess was wrong, if that began within the last `span`."""
    row = tx.row(sql.FAILURES, subject=subject, before=tx.clock() - span)
    return 0 if row is None else int(row[0])


def fail(tx: Tx, subject: str, *, span: int) -> int:
    """Count a wrong guess, and give their number; nobody else counts one until the commit."""
    now = tx.clock()
    row = tx.row(sql.FAIL, subject=subject, now=now, before=now - span)
    return 1 if row is None else int(row[0])


def succeed(tx: Tx, subject: str) -> None:
    """Forget the wrong guesses of a subject."""
    tx.run(sql.SUCCEED, subject=subject)


def sweep_guesses(tx: Tx, *, span: int) -> int:
    """Forget what began before the last `span`; gives the number of subjects."""
    return tx.run(sql.SWEEP_GUESSES, before=tx.clock() - span)
