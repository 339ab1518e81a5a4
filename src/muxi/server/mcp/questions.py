"""Questions to people, put to the person behind a client of MCP. Used by `agents` and `direct`.

The client shows a form or a page; whether a model may answer in the person's place is for the
client to prevent, as the protocol demands. No tool of this server answers a question.
"""

from __future__ import annotations

import json
from typing import Any, Final

import mcp_types as types
from pydantic import JsonValue

from muxi.core.events import Approval, ApprovalDecision
from muxi.core.json_shapes import is_object
from muxi.core.questions import Answer, Question

_FLAT: Final = ("string", "number", "integer", "boolean")
"""What a field of a form can hold."""
_ANSWER: Final = "answer"
_LONGEST: Final = 4_000
"""Characters of arguments that a person is shown."""

_LEAVE: Final = {
    "type": "object",
    "properties": {
        "decision": {
            "type": "string",
            "title": "Decision",
            "description": "Whether this call may be made.",
            "enum": ["approve", "deny"],
        },
        "reason": {
            "type": "string",
            "title": "Reason",
            "description": "Why not; the agent is told.",
        },
    },
    "required": ["decision"],
}


def request_of(approval: Approval) -> types.ElicitRequest:
    """The question of a run as a form, or as a page to visit."""
    if approval.question is not None:
        asks = f"{approval.agent} ({approval.tool}) asks: "
        return form_of(approval.question, asks=asks, number=approval.id)
    arguments = visible(json.dumps(approval.arguments, ensure_ascii=False, indent=1))
    words = f"{approval.agent} wants to call {approval.tool} with {arguments}"
    return _form(f"{words}\n{visible(approval.reason)}", _LEAVE)


def form_of(question: Question, *, asks: str = "", number: str = "question") -> types.ElicitRequest:
    """What a tool wants to know, as a form, or as a page to visit.

    Args:
        question: The question.
        asks: Who asks, put before it.
        number: What a client names the visit to a page by.
    """
    words = asks + visible(question.message)
    if question.url is None:
        return _form(words, _schema(question))
    params = types.ElicitRequestURLParams(message=words, url=question.url, elicitation_id=number)
    return types.ElicitRequest(params=params)


def decision_of(approval: Approval, said: types.ElicitResult) -> ApprovalDecision | None:
    """What the person decided; None if they closed the form without a word."""
    if said.action == "cancel":
        return None
    if said.action == "decline":
        return ApprovalDecision(decision="deny")
    content: dict[str, Any] = said.content or {}
    if approval.question is None:
        return ApprovalDecision(decision=content["decision"], reason=content.get("reason"))
    return ApprovalDecision(decision="answer", answer=_answer(approval.question, content))


def answer_of(question: Question, said: types.ElicitResult) -> Answer:
    """What the person said to a tool."""
    value = _answer(question, said.content or {}) if said.action == "accept" else None
    return Answer(action=said.action, value=value)


def visible(text: str) -> str:
    """`text` in which what a person would not see is written out, and which is not too long."""
    shown = "".join(
        character if character.isprintable() or character == "\n" else f"\\u{ord(character):04x}"
        for character in text[:_LONGEST]
    )
    return f"{shown}…" if len(text) > _LONGEST else shown


def _form(message: str, schema: dict[str, Any]) -> types.ElicitRequest:
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(message=message, requested_schema=schema)
    )


def _schema(question: Question) -> dict[str, Any]:
    """The form of a question: fields that hold a text, a number or a choice."""
    schema = question.json_schema or {"type": "string"}
    if _is_form(schema):
        return schema
    if schema.get("type") in _FLAT:
        field = schema
    else:
        field = {"type": "string", "description": f"As JSON that fits {json.dumps(schema)}"}
    return {"type": "object", "properties": {_ANSWER: field}, "required": [_ANSWER]}


def _answer(question: Question, content: dict[str, Any]) -> JsonValue:
    schema = question.json_schema or {"type": "string"}
    if question.url is not None or _is_form(schema):
        return content or None
    value = content.get(_ANSWER)
    if schema.get("type") in _FLAT or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_form(schema: dict[str, Any]) -> bool:
    fields = schema.get("properties")
    if schema.get("type") != "object" or not is_object(fields):
        return False
    return all(is_object(each) and each.get("type") in _FLAT for each in fields.values())
