"""Who joins a run late is told what is new, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from muxi.cli.chat.joining import News
from muxi.core.events import (
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    RunStarted,
    TextDelta,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.messages import Message, TextPart, ToolResultPart
from muxi.core.usage import Usage

FIRST = Message(role="assistant", parts=[TextPart(text="First")])
RESULT = Message(role="tool", parts=[ToolResultPart(call_id="c1", name="t")])
SECOND = Message(role="assistant", parts=[TextPart(text="Second")])

EVENTS: list[Event] = [
    RunStarted(thread_id="t", agent="a"),
    MessageStarted(message_id=FIRST.id),
    TextDelta(text="First"),
    MessageCompleted(message=FIRST),
    ToolStarted(call_id="c1", name="t", arguments={}),
    ToolCompleted(result=ToolResultPart(call_id="c1", name="t"), seconds=1),
    MessageStarted(message_id="unfinished"),
    TextDelta(text="Sec"),
    AttemptStarted(attempt=2, replaces_from=7),
    MessageStarted(message_id=SECOND.id),
    TextDelta(text="Second"),
    MessageCompleted(message=SECOND),
    RunCompleted(status="completed", text="Second", usage=Usage()),
]


def told(seen: Sequence[Message], attempt: int) -> list[str]:
    news = News(seen, attempt)
    return [event.text for event in EVENTS if news.tells(event) and isinstance(event, TextDelta)]


def test_messages_on_the_screen_are_not_told_again() -> None:
    news = News([FIRST, RESULT], attempt=2)
    kinds = [event.type for event in EVENTS[:6] if news.tells(event)]
    assert kinds == ["run.started"]
    assert told([FIRST, RESULT], attempt=2) == ["Second"]


def test_unfinished_text_of_an_interrupted_attempt_is_left_out() -> None:
    assert told([], attempt=2) == ["Second"]


def test_an_interruption_that_is_seen_to_happen_is_told() -> None:
    news = News([], attempt=1)
    assert told([], attempt=1) == ["First", "Sec", "Second"]
    assert news.tells(EVENTS[8])
    assert not News([], attempt=2).tells(EVENTS[8])


def test_the_end_is_always_told() -> None:
    assert News([FIRST, RESULT, SECOND], attempt=2).tells(EVENTS[-1])
