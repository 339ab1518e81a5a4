"""Can a model use these tools: which it calls, and with what, for requests whose answer is known.

Called by `muxi tool test --model` and `muxi mcp test --model`. The model is asked once for each
request, with all tools before it, and nothing that it calls is run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final, cast

from muxi.core.errors import MuxiError
from muxi.core.events import ResponseCompleted
from muxi.core.messages import ToolCallPart, user_message
from muxi.core.requests import ModelRequest, ModelSettings, ToolSpec
from muxi.devkit.cases import Labelled
from muxi.devkit.exchange import Json
from muxi.devkit.parts import differences
from muxi.devkit.reports.report import Outcome, Report
from muxi.models.model import Model

ACCURACY: Final = "accuracy"


async def judge_use(
    report: Report,
    model: Model,
    tools: Sequence[Json],
    prompts: Sequence[Labelled],
    *,
    settings: ModelSettings | None = None,
    least: float = 1.0,
) -> None:
    """Add to a report how well a model uses tools.

    Args:
        report: Gets an outcome for each request, and one for the share that is right.
        model: Who is asked.
        tools: As a server lists them.
        prompts: The requests, with what should be called.
        settings: How the model samples.
        least: The share, of 1, that must be right.
    """
    specs = tuple(spec_of(tool) for tool in tools)
    outcomes = [await _asked(model, specs, prompt, settings) for prompt in prompts]
    right = sum(outcome.status == "passed" for outcome in outcomes)
    share = right / len(outcomes) if outcomes else 0.0
    report.outcomes += outcomes
    report.outcomes.append(
        Outcome(
            name=ACCURACY,
            group=model.name,
            status="passed" if share >= least else "failed",
            message=f"{right} of {len(outcomes)} requests, {share:.0%}; {least:.0%} are wanted",
            fix="" if share >= least else "Say in names and descriptions what tells tools apart.",
        )
    )
    report.facts.setdefault("accuracy", {})[model.name] = round(share, 4)


def spec_of(tool: Json) -> ToolSpec:
    """A listed tool as models are told of it."""
    schema = tool.get("inputSchema")
    return ToolSpec(
        name=str(tool.get("name")),
        description=str(tool.get("description") or ""),
        parameters=cast("Json", schema) if isinstance(schema, dict) else {"type": "object"},
        strict=False,
    )


async def _asked(
    model: Model, specs: tuple[ToolSpec, ...], prompt: Labelled, settings: ModelSettings | None
) -> Outcome:
    request = ModelRequest(
        messages=[user_message(prompt.ask)], tools=specs, settings=settings or ModelSettings()
    )
    outcome = Outcome(name=prompt.ask, group=model.name, severity="note")
    began = time.perf_counter()
    try:
        calls = await _calls(model, request)
    except MuxiError as error:
        outcome.severity = "error"
        complaint = error.message
    else:
        complaint = _complaint(prompt, calls)
    outcome.seconds = time.perf_counter() - began
    if complaint:
        outcome.status, outcome.message = "failed", complaint
    return outcome


async def _calls(model: Model, request: ModelRequest) -> list[ToolCallPart]:
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, ResponseCompleted):
                return [part for part in event.parts if isinstance(part, ToolCallPart)]
    return []


def _complaint(prompt: Labelled, calls: Sequence[ToolCallPart]) -> str:
    names = [call.name for call in calls]
    if prompt.call is None:
        return f"it calls {', '.join(names)}, and should call nothing" if names else ""
    chosen = next((call for call in calls if call.name == prompt.call), None)
    if chosen is None:
        told = f"it calls {', '.join(names)}" if names else "it calls nothing"
        return f"{told}, and should call {prompt.call}"
    wrong: list[str] = list(differences(prompt.arguments, chosen.arguments))
    return f"it calls {prompt.call} with other arguments: {'; '.join(wrong)}" if wrong else ""
