"""Calls that the clients of runs are to make: found by their ids, and answered with results.

Called by doors whose protocols have tools of the client. Such a call is a question that its run
has put, under the id of the call; giving all results lets the run go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from muxi.core.errors import Conflict, InvalidInput
from muxi.core.events import FINAL_STATUSES, Approval, ApprovalDecision
from muxi.core.messages import Message, ToolResultPart
from muxi.core.steps import Step
from muxi.core.terms import ClientResult, RunTerms, Terms
from muxi.core.threads import Run
from muxi.runtime.answers import check_answer
from muxi.runtime.feed import Feed
from muxi.runtime.people import approval_of
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.runtime.terms import check_terms
from muxi.storage import blobs, messages, runs, sequences, steps
from muxi.storage.blobs import Blob
from muxi.storage.transaction import Tx


@dataclass(slots=True)
class _Given:
    """What the client says, with references in place of bytes."""

    results: Sequence[ToolResultPart]
    decisions: Mapping[str, ApprovalDecision]
    then: Message | None
    terms: Terms | None
    blobs: Sequence[Blob]


@dataclass(kw_only=True)
class ClientCalls:
    """The calls of the project's clients."""

    runs: Runs

    async def find(self, who: Principal, call_id: str) -> Approval | None:
        """The question of a call, open or not; None if no run of this user has asked it."""
        find = partial(steps.question, question_id=call_id)
        step = await self.runs.database.read(who, find, tiny=True)
        return None if step is None or not _is_of_client(step) else approval_of(step)

    async def open(self, who: Principal, run_id: str) -> list[Approval]:
        """What a run wants of its client and has not got, in the order of the calls."""
        find = partial(steps.suspended, run_id=run_id)
        found = await self.runs.database.read(who, find, tiny=True)
        return [approval_of(step) for step in found if _is_of_client(step)]

    async def answer(
        self,
        who: Principal,
        run_id: str,
        results: Sequence[ToolResultPart],
        *,
        decisions: Mapping[str, ApprovalDecision] | None = None,
        then: Message | None = None,
        terms: Terms | None = None,
    ) -> tuple[Run, Feed]:
        """Give results of a run's calls, and read its events from there on.

        The run goes on once nothing that it asks is open; until then its feed has no events.

        Args:
            who: In whose name.
            run_id: The run.
            results: The results, by the ids of the calls.
            decisions: What the user says to other questions of the run, by their ids.
            then: What the user says after them.
            terms: What the client asks for from now on; None for the same as before, without a
                choice of tools that was made for the first answer.

        Raises:
            NotFound: There is no such run.
            InvalidInput: A result or an answer belongs to no question of this run, or does not
                fit it.
            Conflict: A call has its result already, or the run does not wait any more.
        """
        self.runs.check_open()
        if terms is not None:
            check_terms(terms)
        attempt = self.runs.active.get(run_id)
        if attempt is not None:
            # Nobody waits for what they may not see. A client may be faster than the other calls.
            await self.runs.get(who, run_id)
            await attempt.wait()
        given = await self._laid_down(who, results, then)
        given.terms, given.decisions = terms, decisions or {}
        store = partial(_store, run_id=run_id, given=given)
        run, since = await self.runs.database.write(who, store)
        run = await self.runs.waiting.go_on(who, run.id)
        streams = self.runs.streams
        feed = streams.attach(streams.open(who, run.thread_id), run_id=run.id, since=since)
        return run, feed

    async def _laid_down(
        self,
        who: Principal,
        results: Sequence[ToolResultPart],
        then: Message | None,
    ) -> _Given:
        message = Message(role="tool", parts=list(results))
        stored, found = await self.runs.blobs.lay_down(who, message)
        laid = [part for part in stored.parts if isinstance(part, ToolResultPart)]
        if then is not None:
            then, more = await self.runs.blobs.lay_down(who, then)
            found += more
        return _Given(laid, {}, then, None, found)


def _store(tx: Tx, run_id: str, given: _Given) -> tuple[Run, int]:
    """Close the questions; the run as it is then, and the number after which it goes on."""
    run = runs.get(tx, run_id)
    if run.status in FINAL_STATUSES:
        raise Conflict(f"The run has ended: it is {run.status}.", run_id=run_id)
    for result in given.results:
        _close(tx, run, result)
    for question_id, decision in given.decisions.items():
        _decide(tx, run, question_id, decision)
    since = sequences.reserve(tx, run.thread_id, 0).start - 1
    run.terms = _renewed(run, given, messages.of_run(tx, run.thread_id, run.id)[-1])
    run.terms.after = since
    runs.update(tx, run)
    for blob in given.blobs:
        blobs.add(tx, blob, holder=run.thread_id)
    return run, since


def _close(tx: Tx, run: Run, result: ToolResultPart) -> None:
    step = steps.question(tx, result.call_id)
    if step is None or step.run_id != run.id or not _is_of_client(step):
        raise InvalidInput(f"This run has no call {result.call_id[:80]} of its client.")
    answer = ClientResult(content=result.content, error=result.outcome != "ok")
    step.result = {
        **(step.result or {}),
        "id": result.call_id,
        "decision": "answer",
        "answer": answer.model_dump(mode="json", exclude_none=True),
        "by": tx.scope.principal,
    }
    if step.state != "suspended" or not steps.close_question(tx, step):
        raise Conflict(f"The call {result.call_id[:80]} has its result already.", run_id=run.id)


def _decide(tx: Tx, run: Run, question_id: str, decision: ApprovalDecision) -> None:
    step = steps.question(tx, question_id)
    if step is None or step.run_id != run.id or _is_of_client(step):
        raise InvalidInput(f"This run has not asked {question_id[:80]}.")
    check_answer(step, decision)
    said = decision.model_copy(update={"by": tx.scope.principal})
    step.result = {**(step.result or {}), "id": question_id, **said.model_dump(mode="json")}
    if step.state != "suspended" or not steps.close_question(tx, step):
        raise Conflict(f"The question {question_id[:80]} is not open any more.", run_id=run.id)


def _renewed(run: Run, given: _Given, last: Message) -> RunTerms:
    """The terms from now on. A choice of tools holds for one answer of the client."""
    if given.terms is not None:
        fields = {name: getattr(given.terms, name) for name in Terms.model_fields}
        tools = () if run.terms is None else run.terms.tools
        # What was to be kept is kept, whoever goes on with it.
        fields["passing"] = run.is_passing and given.terms.passing
        return RunTerms(**fields, before=tools, since=last.id, then=given.then)
    before = run.terms or RunTerms()
    choice = "none" if before.tool_choice == "none" else "auto"
    update = {"tool_choice": choice, "since": last.id, "then": given.then}
    return before.model_copy(update=update)


def _is_of_client(step: Step) -> bool:
    question = approval_of(step).question
    return question is not None and question.asked == "client"
