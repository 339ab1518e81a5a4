"""What servers ask people, in our words and back: elicitation in both eras of the protocol.

Used by `negotiation` for questions that are pushed in the middle of a call, and by `calling` for
calls that a server answers with what it still needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import mcp_types as types

from muxi.core.errors import ToolFailed
from muxi.core.questions import Answer, Question

_LONGEST: Final = 4_000
"""Characters of a question."""


def question_of(params: types.ElicitRequestParams) -> Question:
    """What a person is asked."""
    message = params.message[:_LONGEST]
    if isinstance(params, types.ElicitRequestURLParams):
        return Question(message=message, url=str(params.url))
    return Question(message=message, json_schema=params.requested_schema)


def result_of(answer: Answer, question: Question | None = None) -> types.ElicitResult:
    """What a person said, as the server is told of it; `question` tells what counts as unsaid."""
    content = answer.value if isinstance(answer.value, dict) else None
    if answer.action == "accept" and content is None and answer.value is not None:
        content = {"value": answer.value}
    if answer.action == "accept" and question is not None and question.json_schema is not None:
        content = {**_defaults(question.json_schema), **(content or {})}
    return types.ElicitResult(action=answer.action, content=cast("Any", content))


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a person means who leaves a field as it was proposed."""
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties") or {})
    return {name: field["default"] for name, field in fields.items() if "default" in field}


def needed(requests: Mapping[str, Any], server: str) -> dict[str, Question]:
    """The questions of a call that needs answers before it goes on, by the server's names for them.

    Raises:
        ToolFailed: It needs something other than answers.
    """
    found: dict[str, Question] = {}
    for key, request in requests.items():
        if not isinstance(request, types.ElicitRequest):
            method = getattr(request, "method", type(request).__name__)
            raise ToolFailed(
                f"The MCP server {server} asks for {method}, which muxi does not offer."
            )
        found[key] = question_of(request.params)
    return found
