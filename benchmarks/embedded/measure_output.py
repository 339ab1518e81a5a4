"""Measures answers in a given shape over the labelled requests. See README.md."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from benchmarks.embedded.cases import read, squeeze
from muxi.core.events import ResponseCompleted
from muxi.core.messages import Message, TextPart, ToolCallPart, ToolResultPart, user_message
from muxi.core.requests import ModelRequest, OutputSchema, ToolSpec
from muxi.models.embedded.model import EmbeddedModel

SETS = {"development": "output_development.jsonl", "held out": "output_held_out.jsonl"}


def turn(case: Mapping[str, Any]) -> ModelRequest:
    """The request to the model after the tools of the case have run."""
    messages = [user_message(case["request"])]
    tools: list[ToolSpec] = []
    for number, made in enumerate(case["calls"]):
        call = ToolCallPart(id=f"call_{number}", name=made["tool"], arguments=made["arguments"])
        said = [TextPart(text=made["result"])]
        result = ToolResultPart(call_id=call.id, name=call.name, content=said)
        messages.append(Message(role="assistant", parts=[call]))
        messages.append(Message(role="tool", parts=[result]))
        tools.append(ToolSpec(name=made["tool"], description=made["description"]))
    output = OutputSchema(name="answer", json_schema=case["schema"])
    return ModelRequest(messages=messages, tools=tuple(tools), output=output)


def at(value: Any, path: str) -> Any:
    """The member of `value` at a path such as `songs.0.title`; None if there is none."""
    for step in path.split("."):
        try:
            value = value[int(step)] if step.isdigit() else value.get(step)
        except (IndexError, AttributeError, TypeError):
            return None
    return value


def right(value: Any, accepted: Any) -> bool:
    """Whether a field says what its case accepts; `*` is any words."""
    if accepted == "*":
        return isinstance(value, str) and len(value.strip()) > 10
    if isinstance(value, bool) or value is None or isinstance(accepted[0], bool):
        return value in accepted
    return any(squeeze(value) == squeeze(option) for option in accepted)


async def judge(model: EmbeddedModel, case: Mapping[str, Any]) -> tuple[int, int, str]:
    """Fields that are right, fields in all, and the answer; an invalid answer has none right."""
    *_, last = [event async for event in model.stream(turn(case))]
    text = (
        "".join(p.text for p in last.parts if isinstance(p, TextPart))
        if isinstance(last, ResponseCompleted)
        else ""
    )
    value = json.loads(text)
    valid = Draft202012Validator(case["schema"]).is_valid(value)
    good = sum(right(at(value, path), accepted) for path, accepted in case["accepted"].items())
    return good * valid, len(case["accepted"]), text


async def main() -> None:
    model = EmbeddedModel()
    for label, file in SETS.items():
        whole = good = fields = 0
        slowest = 0.0
        rows = read(file)
        for case in rows:
            begun = time.process_time()
            hits, wanted, text = await judge(model, case)
            slowest = max(slowest, time.process_time() - begun)
            whole, good, fields = whole + (hits == wanted), good + hits, fields + wanted
            if hits < wanted and label == "development":
                print(f"    {case['request']!r}: {text}; wanted {case['accepted']}")
        print(
            f"{label:12} n={len(rows)} whole answers {whole / len(rows):.3f} "
            f"fields {good}/{fields} slowest {slowest:.1f} CPU s"
        )
    await model.close()


if __name__ == "__main__":
    asyncio.run(main())
