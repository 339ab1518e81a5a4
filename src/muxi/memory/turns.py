"""What of a run's messages is worth remembering. Called by `following` and `standalone`.

What a person says is kept as it was said. Of what an agent says, that which it was not given: text
that came out of recall or out of a tool is never stored again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from muxi.core.forgetting import FORGOTTEN
from muxi.core.memories import Memory
from muxi.core.messages import Message, ToolResultPart
from muxi.memory.echoes import Given, said_anew
from muxi.memory.recall import line_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A finished run, as far as memory looks."""

    thread_id: str
    run_id: str
    user: str
    agent: str
    asked: Message
    """What the user said."""
    asked_text: str
    """Its words, as the model saw them."""
    said: Sequence[Message]
    """What was added to the thread after that."""
    recalled: Sequence[Memory]
    """What the model was given of earlier conversations."""


def memory_id(message_id: str) -> str:
    """The id of the memory of a message: one message is one memory at most."""
    return f"mem_{message_id.removeprefix('msg_')}"


def turns_of(spoken: Spoken) -> list[Memory]:
    """The turns that are to be remembered, oldest first; some may have no words."""
    return [
        Memory(
            id=memory_id(message.id),
            owner="",
            kind="turn",
            text=text,
            speaker=spoken.user if message is spoken.asked else spoken.agent,
            role=message.role,
            said_at=message.created_at,
            thread_id=spoken.thread_id,
            message_id=message.id,
            run_id=spoken.run_id,
            agent=spoken.agent,
            source="conversation",
        )
        for message, text in _worth_telling(spoken)
    ]


def _worth_telling(spoken: Spoken) -> Iterator[tuple[Message, str]]:
    if FORGOTTEN not in spoken.asked.metadata:
        yield spoken.asked, spoken.asked_text
    outputs = [
        part.text
        for message in spoken.said
        for part in message.parts
        if isinstance(part, ToolResultPart) and part.outcome == "ok"
    ]
    shown = [text for memory in spoken.recalled for text in (memory.text, line_of(memory))]
    given = Given([*shown, spoken.asked_text], outputs)
    for message in spoken.said:
        # What is said beside a call announces it; the answer comes after its result.
        if message.role != "assistant" or message.tool_calls or FORGOTTEN in message.metadata:
            continue
        yield message, said_anew(message.text, given)
