"""What happens in a run beside its text, as short lines for people. Used by `run` and `chat`."""

from __future__ import annotations

import json
from typing import Any

from muxi.cli.output import plain, unmasked
from muxi.core.events import (
    Approval,
    AttemptStarted,
    Event,
    Gap,
    GuardrailTripped,
    ModelRetried,
    RunCompleted,
    ToolCompleted,
)
from muxi.core.messages import ToolResultPart
from muxi.core.usage import Usage

_OUTCOMES = {"ok": "", "error": "failed", "denied": "denied", "cancelled": "cancelled"}


def arguments(values: dict[str, Any], *, width: int = 100) -> str:
    """Arguments as they would be written in a call, cut to `width` characters."""
    text = ", ".join(f"{name}={_value(value)}" for name, value in values.items())
    text = " ".join(unmasked(text).split())
    return text if len(text) <= width else text[: max(width - 1, 1)] + "…"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def seconds(value: float) -> str:
    """A duration with as many digits as a person wants: `0.01 s`, `12 s`, `3 min 5 s`."""
    if value < 10:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def result_lines(result: ToolResultPart, *, limit: int | None) -> list[str]:
    """The result of a tool as lines, at most `limit` of them and the number of the others."""
    lines = plain(result.text).strip("\n").split("\n") if result.text else []
    media = [part.type for part in result.content if part.type != "text"]
    lines += [f"({kind})" for kind in media]
    if limit is not None and len(lines) > limit:
        lines = [*lines[:limit], f"… {len(lines) - limit} more lines"]
    return lines


def outcome(result: ToolResultPart) -> str:
    """A word for a call that did not succeed, or nothing."""
    return _OUTCOMES.get(result.outcome, result.outcome)


def tool_line(event: ToolCompleted) -> str:
    """One line for a finished call, without its arguments."""
    result = " ".join(" ".join(result_lines(event.result, limit=None)).split())
    if len(result) > 100:
        result = result[:99] + "…"
    parts = [event.result.name, outcome(event.result), seconds(event.seconds)]
    head = " · ".join(part for part in parts if part)
    return f"{head} · {result}" if result else head


def notice(event: Event) -> str | None:
    """A sentence for what a reader of the answer should know, or None for the usual course."""
    if isinstance(event, ModelRetried):
        then = f"trying again in {seconds(event.delay)}" if event.delay else "going on at once"
        return f"{event.model} failed ({event.problem.message.rstrip('.')}); {then}"
    if isinstance(event, AttemptStarted):
        return "The run was interrupted and goes on; an unfinished answer is written anew."
    if isinstance(event, GuardrailTripped):
        return f"Guardrail {event.guardrail} ({event.action}): {event.reason}"
    if isinstance(event, Gap):
        return "Some events are no longer kept; the thread has every completed message."
    return None


def ending(event: RunCompleted) -> str | None:
    """Why a run did not complete, or None if it did."""
    if event.status == "completed":
        return None
    if event.status == "cancelled":
        return "Stopped. What was answered so far is kept."
    if event.problem is not None:
        return event.problem.message
    if event.status == "limited":
        return (
            f"The limit on {event.limit} stopped the run." if event.limit else "A limit stopped it."
        )
    return f"The run {event.status}."


def consumption(usage: Usage) -> str:
    """What was used, in a few words; a price that is not known is said to be so."""
    words = [f"{usage.input_tokens:,} in", f"{usage.output_tokens:,} out"]
    if usage.cached_tokens:
        words.append(f"{usage.cached_tokens:,} cached")
    if usage.cost is None:
        words.append("price unknown")
    elif usage.cost:
        words.append(f"${usage.cost:.4f}")
    return " · ".join(words)


def question(approval: Approval) -> str:
    """What a person is asked, with every argument as it will be used."""
    if approval.question is not None:
        # What a tool or a server writes must not look like the words of muxi.
        page = f"\n{unmasked(approval.question.url)}" if approval.question.url else ""
        words = unmasked(approval.question.message)
        return f"{plain(approval.tool)} asks: {words}{page}"
    details = unmasked(json.dumps(approval.arguments, ensure_ascii=False, indent=2, default=str))
    reason = f"{plain(approval.reason)}\n" if approval.reason else ""
    return f"{reason}{plain(approval.tool)} {details}"
