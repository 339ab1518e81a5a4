"""Steps: the record of an effect, written before it happens and closed after it.

Agents open and close them through the `Journal` port; after a crash they tell what may be repeated.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from muxi.core.record import Record

StepState = Literal["started", "done", "suspended"]


class Step(Record):
    """One effect of a run. `key` is unique within the run and the same on every attempt."""

    run_id: str
    key: str
    """Idempotency key, such as `tool:<call id>` or `approval:<call id>`."""
    kind: Literal["tool", "approval", "guardrail"]
    name: str
    number: int = 0
    """Order within the run; given by the journal."""
    attempt: int = 1
    state: StepState = "started"
    input_hash: str = ""
    """SHA-256 of the canonical JSON of what the step was given."""
    question_id: str | None = None
    """Id of the question, in a step that waits for a person's answer."""
    expires_at: datetime | None = None
    """When it stops to wait; None for never."""
    result: dict[str, Any] | None = None
