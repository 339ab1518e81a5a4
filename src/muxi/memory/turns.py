"""What of a run's messages is worth remembering. Called by `following` and `standalone`.

What a person says is kept as it was said. Of what an agent says, that which it was not given: text
that came out of recall or out of a tool is never stored again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from muxi.core.facts import Fact, canonical
from muxi.core.forgetting import FORGOTTEN
from muxi.core.memories import Memory
from muxi.core.messages import Message, ToolResultPart
from muxi.memory.echoes import Analyse, Given, said_anew, sentences
from muxi.memory.profile import line_of as fact_line
from muxi.memory.recall import line_of
from muxi.retrieval.words import only_asks, words

_ITSELF: Final = re.compile(
    r"\b(?:as an? (?:ai|language model|(?:virtual |digital )?assistant)\b"
    r"|i(?:['’]m| am) (?:just |only )?(?:an? )?(?:ai|artificial intelligence"
    r"|(?:large )?language model|chatbot|virtual assistant)\b"
    r"|als ki\b|ich bin (?:nur )?(?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)\b"
    r"|en tant qu['’]ia\b|je suis une ia\b|como (?:una )?ia\b|soy una ia\b)",
    re.IGNORECASE,
)
"""What an agent says of being one."""
_LITTLE: Final = 400
"""Characters of an output that may be compared as a whole; of a longer one, runs of words are."""


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
    known: Sequence[Fact] = ()
    """What it was told of its user."""
    instructions: str = ""
    """What its agent is told before every conversation."""


def memory_id(message_id: str) -> str:
    """The id of the memory of a message: one message is one memory at most."""
    return f"mem_{message_id.removeprefix('msg_')}"


def turns_of(spoken: Spoken, analyse: Analyse = words) -> list[Memory]:
    """The turns that are to be remembered, oldest first; some may have no words.

    Args:
        spoken: The run.
        analyse: Text into words, for what the model was given.
    """
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
        for message, text in _worth_telling(spoken, analyse)
    ]


def _worth_telling(spoken: Spoken, analyse: Analyse) -> Iterator[tuple[Message, str]]:
    if FORGOTTEN not in spoken.asked.metadata:
        yield spoken.asked, spoken.asked_text
    told = [memory for memory in spoken.recalled if not only_asks(memory.text)]
    given = Given(
        [
            *(text for each in told for text in (each.text, line_of(each))),
            *_results(spoken.said),
        ],
        [
            *_outputs(spoken.said),
            *map(line_of, spoken.recalled),
            *map(fact_line, spoken.known),
            spoken.instructions,
        ],
        [spoken.asked_text, *(memory.text for memory in spoken.recalled)],
        map(_said_of, spoken.known),
        analyse=analyse,
    )
    for message in spoken.said:
        # What is said beside a call announces it; the answer comes after its result.
        if message.role != "assistant" or message.tool_calls or FORGOTTEN in message.metadata:
            continue
        yield message, said_anew(_without_itself(message.text), given)


def _without_itself(text: str) -> str:
    """An answer without the sentences in which its agent tells of being an agent."""
    kept = [sentence for sentence in sentences(text) if not _ITSELF.search(sentence)]
    return text if len(kept) == len(sentences(text)) else " ".join(kept)


def _said_of(fact: Fact) -> tuple[str, str]:
    """Path and value of a fact; of one that merely holds, such as an allergy, its last step."""
    if isinstance(fact.value, bool):
        above, _, last = fact.predicate.rpartition(".")
        return above, last
    return fact.predicate, fact.value if isinstance(fact.value, str) else canonical(fact.value)


def _outputs(said: Sequence[Message]) -> Iterator[str]:
    for part in _tool_results(said):
        yield part.text


def _results(said: Sequence[Message]) -> Iterator[str]:
    """What was asked of each tool with the little that it gave: 6 * 7, 42."""
    calls = {each.id: each for message in said for each in message.tool_calls}
    for part in _tool_results(said):
        asked = calls.get(part.call_id)
        if asked is not None and len(part.text) <= _LITTLE:
            yield f"{' '.join(map(str, asked.arguments.values()))} {part.text}"


def _tool_results(said: Sequence[Message]) -> Iterator[ToolResultPart]:
    for message in said:
        for part in message.parts:
            if isinstance(part, ToolResultPart) and part.outcome == "ok":
                yield part
