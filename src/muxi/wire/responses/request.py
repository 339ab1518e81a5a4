"""Our questions as bodies of the Responses format. Called by `models.responses`.

Nothing is stored with the provider: every request bears the whole conversation, and reasoning
comes and goes encrypted. What does not change between two turns is encoded once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from muxi.core.messages import Message
from muxi.core.once import Once
from muxi.core.requests import ModelRequest, ModelSettings, NamedTool, OutputSchema, ToolSpec
from muxi.wire.encoded import to_json
from muxi.wire.extra import merged
from muxi.wire.merged_schema import offered
from muxi.wire.responses.dialect import Dialect
from muxi.wire.responses.items import items_of
from muxi.wire.strict_schema import strict_form


class RequestEncoder:
    """Writes requests for one model. Keeps what it wrote of messages and tools that live on.

    Args:
        model: The provider's name of the model.
        dialect: What the model takes.
    """

    def __init__(self, model: str, dialect: Dialect) -> None:
        self._model = model
        self._dialect = dialect
        self._message = Once(_message)
        self._tool = Once(_tool)

    def encode(self, request: ModelRequest) -> bytes:
        """`request` as the body of a POST that asks for a stream.

        `stop` and `seed` are unknown to this format and left out.

        Raises:
            InvalidInput: A part cannot be said in this format.
        """
        settings = request.settings
        written = filter(None, self._message.each(request.messages))
        body: dict[str, Any] = {
            "model": self._model,
            "stream": True,
            "store": False,
            "input": msgspec.Raw(b"[%b]" % b",".join(written)),
        }
        if request.instructions:
            body["instructions"] = request.instructions
        if request.tools:
            pieces = self._tool.each(request.tools)
            body["tools"] = msgspec.Raw(b"[%b]" % b",".join(pieces))
            _add_choice(body, request)
        if request.output is not None:
            body["text"] = {"format": _format(request.output)}
        if settings.max_tokens is not None:
            body["max_output_tokens"] = settings.max_tokens
        _add_reasoning(body, settings, self._dialect)
        return to_json(merged(body, settings.extra))


def _message(message: Message) -> bytes:
    return to_json(items_of(message))[1:-1]


def _tool(tool: ToolSpec) -> bytes:
    form = strict_form(tool.parameters, may_require=False) if tool.strict else None
    fields: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        fields["description"] = tool.description
    fields["parameters"] = offered(tool.parameters) if form is None else form
    fields["strict"] = form is not None
    return to_json(fields)


def _add_choice(body: dict[str, Any], request: ModelRequest) -> None:
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        body["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice != "auto":
        body["tool_choice"] = choice
    if request.settings.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.settings.parallel_tool_calls


def _format(output: OutputSchema) -> dict[str, Any]:
    form = strict_form(output.json_schema, may_require=True) if output.strict else None
    fields: dict[str, Any] = {
        "type": "json_schema",
        "name": output.name,
        "schema": output.json_schema if form is None else form,
        "strict": form is not None,
    }
    if output.description:
        fields["description"] = output.description
    return fields


def _add_reasoning(body: dict[str, Any], settings: ModelSettings, dialect: Dialect) -> None:
    wish = settings.reasoning
    wanted = wish is not None and wish not in ("off", 0)
    if dialect.reasons or wanted:
        # Refused by models that do not reason.
        body["include"] = ["reasoning.encrypted_content"]
    if wanted:
        effort = _effort(wish) if isinstance(wish, int) else wish
        body["reasoning"] = {"effort": effort, "summary": "auto"}
    elif wish is not None and dialect.least_effort is not None:
        body["reasoning"] = {"effort": dialect.least_effort}
    if dialect.reasons and (wanted or dialect.least_effort != "none" or wish is None):
        return
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.top_p is not None:
        body["top_p"] = settings.top_p


def _effort(budget: int) -> str:
    return "low" if budget <= 4096 else "medium" if budget <= 16384 else "high"
