"""Questions to people as AG-UI interrupts, and the answers that come back.

Follows https://docs.ag-ui.com/concepts/interrupts: a call that waits for leave is answered with
`{"approved": ..., "editedArgs": ...}`, a question with whatever fits its schema.
"""

from __future__ import annotations

from typing import Any

from muxi.core.errors import InvalidInput
from muxi.core.events import Approval, ApprovalDecision
from muxi.wire.agui.request import ResumeEntry

_LEAVE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean"},
        "editedArgs": {
            "type": "object",
            "description": "What the call is made with, in place of what the model asked for.",
        },
        "reason": {"type": "string", "description": "Why not; the model is told."},
        "remember": {
            "type": "boolean",
            "description": "Ask no more for the same call in this thread.",
        },
    },
    "required": ["approved"],
}
_KNOWN = frozenset(_LEAVE["properties"])


def interrupt_of(approval: Approval) -> dict[str, Any]:
    """A question as what a run waits for."""
    question = approval.question
    told: dict[str, Any] = {"id": approval.id, "message": approval.reason}
    if question is None:
        told["reason"] = "tool_call" if approval.call_id else "confirmation"
        told["responseSchema"] = _LEAVE
    else:
        told["reason"] = "input_required"
        told["message"] = question.message
        told["responseSchema"] = question.json_schema or {"type": "string"}
    if approval.call_id:
        told["toolCallId"] = approval.call_id
    if approval.expires_at is not None:
        told["expiresAt"] = approval.expires_at.isoformat()
    ours = {"tool": approval.tool, "arguments": approval.arguments}
    if question is not None and question.url is not None:
        ours["url"] = question.url
    return {**told, "metadata": {"muxi": ours}}


def decision_of(entry: ResumeEntry, approval: Approval) -> ApprovalDecision:
    """An answer to an interrupt as a person's decision.

    Raises:
        InvalidInput: It does not say whether the call is approved, or says what nobody asked.
    """
    if entry.status == "cancelled":
        return ApprovalDecision(decision="deny")
    if approval.question is not None:
        if approval.question.url is not None:
            return ApprovalDecision(decision="approve")
        return ApprovalDecision(decision="answer", answer=entry.payload)
    said = {"approved": entry.payload} if isinstance(entry.payload, bool) else entry.payload
    if not isinstance(said, dict) or not isinstance(said.get("approved"), bool):
        raise InvalidInput(
            f"The answer to interrupt {entry.interrupt_id} does not say whether it is approved.",
            hint='Send `{"approved": true}` or `{"approved": false}` as its payload.',
        )
    if unknown := said.keys() - _KNOWN:
        raise InvalidInput(f"The answer to an interrupt has no `{min(unknown)[:64]}`.")
    return ApprovalDecision.model_validate(
        {
            "decision": "approve" if said["approved"] else "deny",
            "arguments": said.get("editedArgs"),
            "reason": said.get("reason"),
            "remember": said.get("remember", False),
        }
    )
