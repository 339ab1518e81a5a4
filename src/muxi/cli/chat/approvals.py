"""Ask a person what a run asks: whether a call may be made, or what a tool wants to know.

Called by the conversation and by `muxi run` when a run waits. Nothing but a clear answer is
consent: an empty line asks again, and leaving decides nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from muxi.cli import narration, output
from muxi.cli.typed import choices_of, fields_of, typed_object, typed_value
from muxi.core.errors import Conflict, InvalidInput
from muxi.core.events import Approval, ApprovalDecision
from muxi.core.questions import Question

if TYPE_CHECKING:
    from muxi.client.client import Client

_LEAVE = "Allow this call? [y]es, [a]lways here, [n]o, [e]dit the arguments: "
_CHECK = "Allow this? [y]es, [n]o: "


class Asker(Protocol):
    """Where questions are put; see `prompt.Prompt`."""

    async def ask(self, question: str, default: str = "") -> str: ...

    def forget_typed_ahead(self) -> None: ...


class Board(Protocol):
    """Where they are shown; see `screen.Screen`."""

    def question(self, text: str) -> None: ...

    def error(self, message: str, hint: str | None = None) -> None: ...


async def answer_all(client: Client, run_id: str, asker: Asker, board: Board) -> bool:
    """Ask about everything that a run asks and has no answer yet. False if something stays open."""
    for approval in (await client.approvals(run_id)).items:
        while True:
            decision = await decide(asker, board, approval)
            if decision is None:
                return False
            try:
                await client.resolve(approval.id, decision)
            except InvalidInput as error:
                board.error(error.message)
                continue
            except Conflict as error:
                # Somebody else was faster, or it has expired.
                board.error(error.message)
            break
    return True


async def decide(asker: Asker, board: Board, approval: Approval) -> ApprovalDecision | None:
    """The person's answer, or None if they leave it open with Ctrl-C or Ctrl-D."""
    board.question(narration.question(approval))
    asker.forget_typed_ahead()
    try:
        if approval.question is not None:
            return await _reply(asker, board, approval.question)
        return await _leave(asker, board, approval)
    except (EOFError, KeyboardInterrupt):
        return None


async def _leave(asker: Asker, board: Board, approval: Approval) -> ApprovalDecision:
    a_call = bool(approval.call_id)
    while True:
        answer = (await asker.ask(_LEAVE if a_call else _CHECK)).strip().lower()
        if answer in ("y", "yes"):
            return ApprovalDecision(decision="approve")
        if answer in ("a", "always") and a_call:
            return ApprovalDecision(decision="approve", remember=True)
        if answer in ("n", "no"):
            reason = await asker.ask("Why not? (the agent is told; Enter for no reason) ")
            return ApprovalDecision(decision="deny", reason=reason.strip() or None)
        if answer in ("e", "edit") and a_call:
            edited = await _edit(asker, board, approval.arguments)
            if edited is not None:
                return ApprovalDecision(decision="approve", arguments=edited)


async def _edit(asker: Asker, board: Board, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Other arguments, as a JSON object; None for a change of mind."""
    text = json.dumps(arguments, ensure_ascii=False)
    while True:
        text = await asker.ask("Arguments (JSON; empty to go back): ", text)
        if not text.strip():
            return None
        try:
            return typed_object(text)
        except ValueError as error:
            board.error(str(error))


async def _reply(asker: Asker, board: Board, question: Question) -> ApprovalDecision:
    if question.url is not None:
        while True:
            said = (await asker.ask("[d]one there, or [n]o: ")).strip().lower()
            if said in ("d", "done", "y", "yes"):
                return ApprovalDecision(decision="approve")
            if said in ("n", "no"):
                return ApprovalDecision(decision="deny")
    fields = fields_of(question.json_schema)
    if not fields:
        value = await _value(asker, board, "Your answer", question.json_schema)
        if value is None:
            return ApprovalDecision(decision="deny")
        return ApprovalDecision(decision="answer", answer=value[0])
    needed = (question.json_schema or {}).get("required", ())
    answer: dict[str, Any] = {}
    for name, field in fields.items():
        label = output.unmasked(str(field.get("title") or name))
        value = await _value(asker, board, label, field, needed=name in needed)
        if value is None:
            return ApprovalDecision(decision="deny")
        if value[0] is not None:
            answer[name] = value[0]
    return ApprovalDecision(decision="answer", answer=answer)


async def _value(
    asker: Asker,
    board: Board,
    label: str,
    schema: dict[str, Any] | None,
    *,
    needed: bool = True,
) -> tuple[Any] | None:
    """One value, as a tuple; (None,) for none where none is needed; None to decline."""
    schema = schema or {}
    for number, choice in enumerate(choices_of(schema), 1):
        board.question(f"  {number}. {output.unmasked(str(choice))}")
    default = schema.get("default")
    text = "" if default is None else default if isinstance(default, str) else json.dumps(default)
    while True:
        said = await asker.ask(f"{label} ({'/no declines' if needed else 'may be empty'}): ", text)
        if said.strip() == "/no":
            return None
        if not said.strip():
            if needed:
                continue
            return (None,)
        try:
            return (typed_value(said, schema or None),)
        except ValueError as error:
            board.error(str(error))
