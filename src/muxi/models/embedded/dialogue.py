"""A conversation as the chat template of a small model takes it: roles, plain text, a bound.

Called by `model`. Tool calls and their results become plain sentences, because the templates of
small models know no tools.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from muxi.core.messages import (
    AnyPart,
    MediaPart,
    Message,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Turns = list[dict[str, str]]

SYSTEM: Final = "You are a helpful assistant. Answer briefly, in plain words."
PRIMER: Final[Turns] = [
    {"role": "user", "content": "Hello!"},
    {"role": "assistant", "content": "Hello! How can I help you today?"},
    {"role": "user", "content": "Who are you?"},
    {
        "role": "assistant",
        "content": "I am a small language model that runs on this computer, inside muxi.",
    },
    {"role": "user", "content": "What is a volcano?"},
    {
        "role": "assistant",
        "content": "A volcano is an opening in the Earth's crust through which melted rock, "
        "ash and gas come out.",
    },
]
"""Shown whatever the instructions are: it keeps a very small model to the point."""
_OVERHEAD: Final = 8
_LONGEST_RESULT: Final = 1_500
_EARLIER: Final = 3
_REPAIR: Final = "repair"
"""The mark that agents put on such a message."""


def tokens(text: str) -> int:
    """Rather too many than too few: a third of the ASCII characters, and every other byte."""
    size = len(text.encode("utf-8", "replace"))
    plain = sum(character < "\x80" for character in text)
    return math.ceil(plain / 3) + size - plain


def message_tokens(message: Message) -> int:
    return _OVERHEAD + tokens(message_text(message))


def message_text(message: Message) -> str:
    """A message in plain words."""
    return "\n".join(piece for part in message.parts if (piece := _part_text(part)))


def _part_text(part: AnyPart) -> str:
    match part:
        case TextPart() | RefusalPart():
            return part.text
        case ToolCallPart():
            return f"(I used {part.name}.)"
        case ToolResultPart():
            return f"({part.name} gave: {part.text[:_LONGEST_RESULT]})"
        case MediaPart():
            return f"({part.name or part.media_type})"
        case _:
            return ""


def build(messages: Sequence[Message], instructions: str, *, room: int, primed: bool) -> Turns:
    """The turns to send: instructions, then as many of the latest messages as fit `room` tokens."""
    told = [instructions, *(message_text(m) for m in messages if m.role == "system")]
    system = "\n\n".join(piece for piece in told if piece) or SYSTEM
    primer = PRIMER if primed else []
    room -= sum(_OVERHEAD + tokens(text) for text in (system, *(t["content"] for t in primer)))
    kept: list[Message] = []
    for message in reversed([m for m in messages if m.role != "system"]):
        room -= message_tokens(message)
        if room < 0 and kept:
            break
        kept.append(message)
    return [{"role": "system", "content": system}, *primer, *_merged(reversed(kept))]


def _merged(messages: Iterable[Message]) -> Turns:
    """Roles in turn, as templates demand; results of tools speak as the assistant."""
    turns: Turns = []
    for message in messages:
        role = "user" if message.role == "user" else "assistant"
        text = message_text(message)
        if not text:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{text}"
        else:
            turns.append({"role": role, "content": text})
    if turns and turns[-1]["role"] == "assistant":
        turns.append({"role": "user", "content": "Please go on."})
    return turns


def this_turn(messages: Sequence[Message]) -> tuple[Message | None, list[ToolResultPart]]:
    """The latest question of the user, and the results that came since."""
    results: list[ToolResultPart] = []
    for message in reversed(messages):
        found = [part for part in message.parts if isinstance(part, ToolResultPart)]
        results = found + results
        if message.role == "user" and message.text.strip():
            return message, results
    return None, results


def is_repair(messages: Sequence[Message]) -> bool:
    """Whether the last word is an agent's, which refuses an answer and asks for another."""
    return bool(messages) and _REPAIR in messages[-1].metadata


def calls_of(
    messages: Sequence[Message], results: Sequence[ToolResultPart]
) -> list[ToolCallPart | None]:
    """The call that each of `results` answers."""
    made = {call.id: call for message in messages for call in message.tool_calls}
    return [made.get(result.call_id) for result in results]


def earlier(messages: Sequence[Message], question: Message) -> list[str]:
    """What was said before `question`, the latest first."""
    before = messages[: next(i for i, message in enumerate(messages) if message is question)]
    said = [message.text.strip() for message in before if message.role in ("user", "assistant")]
    return [text for text in reversed(said) if text][:_EARLIER]


def last_tool(messages: Sequence[Message]) -> str | None:
    """The tool that the turn before the latest question used, if any."""
    asked = 0
    for message in reversed(messages):
        if message.role == "user" and message.text.strip():
            asked += 1
        if asked > 1:
            return None
        if asked == 1 and message.tool_calls:
            return message.tool_calls[-1].name
    return None


def as_json_example(arguments: dict[str, Any]) -> str:
    import json

    return json.dumps(arguments, ensure_ascii=False)
