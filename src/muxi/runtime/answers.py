"""Does an answer fit the question? Called by `approvals` before anything is stored."""

from __future__ import annotations

from typing import Any

from muxi.core.errors import InvalidInput
from muxi.core.events import ApprovalDecision
from muxi.core.questions import Question
from muxi.core.steps import Step
from muxi.runtime.people import approval_of
from muxi.tools.json_schema import problems


def check_answer(step: Step, decision: ApprovalDecision) -> None:
    """Raise `InvalidInput` unless `decision` answers what `step` asks."""
    if decision.decision == "expired":
        raise InvalidInput("A question expires by itself; approve it, deny it or answer it.")
    question = approval_of(step).question
    if question is None:
        _check_leave(decision, (step.result or {}).get("parameters"))
    else:
        _check_reply(decision, question)


def _check_leave(decision: ApprovalDecision, parameters: dict[str, Any] | None) -> None:
    """`parameters` is the schema of the call's arguments; None if it is no call that waits."""
    if decision.decision == "answer":
        raise InvalidInput("Nothing is to be answered here: approve or deny.")
    if decision.remember and (
        decision.decision != "approve" or decision.arguments is not None or parameters is None
    ):
        raise InvalidInput("Only a call that is approved as it is can be remembered.")
    if decision.arguments is None:
        return
    if decision.decision != "approve":
        raise InvalidInput("Only a call that is approved can have other arguments.")
    if parameters is None:
        raise InvalidInput("This is no tool call, so it has no arguments to change.")
    _fits(decision.arguments, parameters, "The arguments do not fit the tool.")


def _check_reply(decision: ApprovalDecision, question: Question) -> None:
    if decision.arguments is not None or decision.remember:
        raise InvalidInput("A question is answered with `answer`, and nothing else.")
    if decision.decision == "deny":
        return
    if question.url is not None:
        return
    if decision.decision == "approve":
        raise InvalidInput("This is a question: answer it, or deny it to decline.")
    if question.json_schema is not None:
        _fits(decision.answer, question.json_schema, "The answer does not fit the question.")
    elif not isinstance(decision.answer, str):
        raise InvalidInput("The answer to this question is a text.")


def _fits(value: Any, schema: dict[str, Any], otherwise: str) -> None:
    wrong = problems(value, schema)
    if wrong:
        raise InvalidInput(f"{otherwise} {'; '.join(wrong)[:4_000]}.")
