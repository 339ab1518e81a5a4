"""Tools that the client of a run calls itself. Given to agents by `runtime` for one run.

A call suspends the run with a question to the client, whose answer is the result. It must never
run anything here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from muxi.core.errors import InputNeeded, ToolArgumentsInvalid, ToolFailed, ToolNotFound
from muxi.core.messages import TextPart, ToolContent
from muxi.core.ports import Context
from muxi.core.questions import Answer, Question
from muxi.core.requests import ToolSpec
from muxi.core.terms import CLIENT_RESULT, ClientResult
from muxi.tools.json_schema import problems


class ClientToolset:
    """Implements `Toolset` for tools that live elsewhere.

    Args:
        specs: What the client says of them. What it may not decide, such as time limits, is not
            taken from it.
        before: Tools that it does not offer any more, of which it may still give results.
    """

    def __init__(self, specs: Sequence[ToolSpec], *, before: Sequence[ToolSpec] = ()) -> None:
        self._specs = {
            spec.name: ToolSpec(
                name=spec.name,
                description=spec.description,
                parameters=spec.parameters,
                strict=spec.strict,
                # Nothing happens here that could have happened already.
                idempotent=True,
            )
            for spec in (*before, *specs)
        }
        self._all = tuple(self._specs.values())
        self._shown = tuple(self._specs[spec.name] for spec in specs)

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """See `Toolset`."""
        open_calls = bool(ctx.messages) and bool(ctx.messages[-1].tool_calls)
        return self._all if open_calls else self._shown

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """See `Toolset`. Raises `InputNeeded` until the client has given the result."""
        spec = self._specs.get(name)
        if spec is None:
            raise ToolNotFound
        if ctx.answer is not None:
            return _result(ctx.answer.only)
        wrong = problems(arguments, spec.parameters)
        if wrong:
            raise ToolArgumentsInvalid("; ".join(wrong)[:4_000])
        text = f"The client of this run is to call {name} and to give its result."
        raise InputNeeded(Question(message=text, json_schema=CLIENT_RESULT, asked="client"))

    async def close(self) -> None:
        """See `Toolset`; there is nothing to close."""


def _result(said: Answer) -> list[ToolContent]:
    if said.action != "accept":
        raise ToolFailed("The client has not made this call.")
    if isinstance(said.value, str):
        return [TextPart(text=said.value)]
    try:
        result = ClientResult.model_validate_json(json.dumps(said.value))
    except ValidationError:
        raise ToolFailed("The client gave a result that cannot be read.") from None
    if result.error:
        words = "\n".join(part.text for part in result.content if isinstance(part, TextPart))
        raise ToolFailed(words or "The call failed at the client.")
    return list(result.content)
