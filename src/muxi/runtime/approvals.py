"""Questions of runs to people, and the answers. Called by doors.

A question is a step of its run that is stored as suspended, so it outlives every process. The
answer closes it, and the run goes on as a new attempt once none of its questions is open; a call
that waits in the middle is told at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from muxi.core.errors import Conflict, MuxiError, NotFound
from muxi.core.events import FINAL_STATUSES, Approval, ApprovalDecision
from muxi.core.pages import Page
from muxi.core.record import now
from muxi.core.steps import Step
from muxi.core.threads import Run
from muxi.runtime.answers import check_answer
from muxi.runtime.people import EXPIRED, approval_of
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.storage import runs, steps, threads
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger("muxi.runtime")


@dataclass(kw_only=True)
class Approvals:
    """The questions of the project."""

    database: Database
    runs: Runs

    async def page(
        self,
        who: Principal,
        *,
        run_id: str | None = None,
        thread_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Approval]:
        """The questions that wait, the oldest first; those of one run come all at once."""
        if run_id is not None:
            of_run = await self.database.read(who, partial(steps.suspended, run_id=run_id))
            return Page[Approval](items=[approval_of(step) for step in of_run])
        read = partial(steps.open_questions, thread_id=thread_id, after=cursor, limit=limit)
        found = await self.database.read(who, read)
        return Page[Approval](items=[approval_of(step) for step in found.items], next=found.next)

    async def get(self, who: Principal, approval_id: str) -> Approval:
        """A question, open or not. Raises `NotFound`."""
        return approval_of(await self._step(who, approval_id))

    async def decision(self, who: Principal, approval_id: str) -> ApprovalDecision | None:
        """What was said to a question; None while it is open. Raises `NotFound`."""
        result = (await self._step(who, approval_id)).result or {}
        said = {name: result[name] for name in ApprovalDecision.model_fields if name in result}
        return ApprovalDecision.model_validate(said) if said else None

    async def resolve(self, who: Principal, approval_id: str, decision: ApprovalDecision) -> Run:
        """Store a person's answer; the run goes on if it was the last that it waited for.

        Raises:
            NotFound: There is no question of that id.
            InvalidInput: The answer does not fit the question, or the tool's schema.
            Conflict: It was answered already or has expired, or the run does not wait any more.
        """
        step = await self._step(who, approval_id)
        check_answer(step, decision)
        return await self._close(who, step, decision.model_copy(update={"by": who.principal}))

    async def expire(self) -> None:
        """Close what has waited too long, and let those runs go on."""
        for tenant in await self.database.tenants("recovery"):
            for step in await self.database.read(Principal(tenant, None), steps.expired):
                try:
                    owner = await self.database.read(
                        Principal(tenant, None), partial(_owner, run_id=step.run_id), tiny=True
                    )
                    await self._close(Principal(tenant, owner), step, EXPIRED)
                except (Conflict, NotFound):
                    # Somebody was faster, or the run has gone.
                    continue
                except MuxiError as error:
                    _log.warning("Run %s cannot go on: %s", step.run_id, error.message)

    async def _step(self, who: Principal, approval_id: str) -> Step:
        find = partial(steps.question, question_id=approval_id)
        step = await self.database.read(who, find, tiny=True)
        if step is None:
            raise NotFound(
                f"There is no question {approval_id[:64]}.", approval_id=approval_id[:64]
            )
        return step

    async def _close(self, who: Principal, step: Step, decision: ApprovalDecision) -> Run:
        self.runs.check_open()
        answer = partial(_answer, run_id=step.run_id, key=step.key, decision=decision)
        run = await self.database.write(who, answer, tiny=True)
        approval = approval_of(step)
        if approval.live:
            self.runs.people.tell(approval.id)
            return run
        return await self.runs.waiting.go_on(who, run.id)


def _answer(tx: Tx, *, run_id: str, key: str, decision: ApprovalDecision) -> Run:
    """Close a question. Who else answers it, or ends the run, comes before this or after it."""
    run = runs.get(tx, run_id)
    step = steps.get(tx, run_id, key)
    if step is None or step.state != "suspended" or run.status in FINAL_STATUSES:
        raise _too_late(run, step)
    approval = approval_of(step)
    if decision.decision != "expired" and _over(approval):
        raise Conflict("The question has expired.", run_id=run.id, approval_id=approval.id)
    answer = {"id": approval.id, **decision.model_dump(mode="json")}
    step.result = {**(step.result or {}), **answer}
    if not steps.close_question(tx, step):
        raise _too_late(run, steps.get(tx, run_id, key))
    return run


def _over(approval: Approval) -> bool:
    return approval.expires_at is not None and approval.expires_at <= now()


def _too_late(run: Run, step: Step | None) -> Conflict:
    """Why a question is not open any more."""
    result = {} if step is None or step.result is None else step.result
    said, by = result.get("decision"), result.get("by")
    text = "The question is not open any more."
    if said == "expired":
        text = "The question has expired."
    elif said is not None:
        text = f"The question was answered already: {said}" + (f", by {by}." if by else ".")
    elif run.status in FINAL_STATUSES:
        text = f"The run has ended: it is {run.status}."
    return Conflict(text, run_id=run.id, approval_id=result.get("approval", {}).get("id"))


def _owner(tx: Tx, run_id: str) -> str:
    return threads.get(tx, runs.get(tx, run_id).thread_id).owner
