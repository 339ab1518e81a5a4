"""Questions of runs to people, and the answers. Called by doors.

A question is a step of its run that is stored as suspended, so it outlives every process; the
answer closes it, and the run goes on as a new attempt once none of its questions is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from muxi.core.errors import Conflict, NotFound
from muxi.core.events import Approval, ApprovalDecision
from muxi.core.steps import Step
from muxi.core.threads import Run
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.storage import leases, runs, steps
from muxi.storage.transaction import Database, Tx


@dataclass(kw_only=True)
class Approvals:
    """The open questions of the project."""

    database: Database
    runs: Runs

    async def pending(self, who: Principal, *, run_id: str | None = None) -> list[Approval]:
        """The questions that wait, the oldest first."""
        found = await self.database.read(who, partial(steps.suspended, run_id=run_id))
        return [_approval(step) for step in found]

    async def resolve(self, who: Principal, approval_id: str, decision: ApprovalDecision) -> Run:
        """Store a person's answer; the run goes on if it was the last that it waited for.

        Raises:
            NotFound: There is no open question of that id.
            Conflict: The run does not wait any more.
        """
        answer = decision.model_copy(update={"by": who.principal})
        run, complete = await self.database.write(
            who, partial(self._answer, approval_id=approval_id, answer=answer)
        )
        return await self.runs.resume(who, run) if complete else run

    def _answer(self, tx: Tx, *, approval_id: str, answer: ApprovalDecision) -> tuple[Run, bool]:
        """Close the step; says whether no other question of the run is open."""
        step = next((s for s in steps.suspended(tx) if _approval(s).id == approval_id), None)
        if step is None:
            raise NotFound(f"There is no open question {approval_id}.", approval_id=approval_id)
        # Two answers to one run come one after the other, so that the second sees the first.
        lease = leases.acquire(tx, "run", step.run_id, self.runs.holder)
        run = runs.get(tx, step.run_id)
        if run.status != "waiting":
            raise Conflict(f"The run does not wait: it is {run.status}.", run_id=run.id)
        step.state = "done"
        step.result = {**(step.result or {}), "id": approval_id, **answer.model_dump(mode="json")}
        steps.close(tx, step)
        leases.release(tx, lease)
        return run, not steps.suspended(tx, run_id=run.id)


def _approval(step: Step) -> Approval:
    return Approval.model_validate((step.result or {})["approval"])
