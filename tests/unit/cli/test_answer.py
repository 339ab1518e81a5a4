"""The printed text of a run is the stored one, whatever the events looked like."""

from __future__ import annotations

from collections.abc import Iterable

from muxi.cli.answer import AnswerText
from muxi.core.events import (
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    TextDelta,
)
from muxi.core.messages import Message, TextPart
from muxi.core.usage import Usage


def printed(events: Iterable[Event]) -> list[str]:
    """What each event adds; `!` marks text that takes the place of other text."""
    answer = AnswerText()
    pieces = [answer.take(event) for event in events]
    return [("!" if piece.replaces else "") + piece.text for piece in pieces]


def completed(text: str) -> MessageCompleted:
    return MessageCompleted(message=Message(role="assistant", parts=[TextPart(text=text)]))


def ended(text: str) -> RunCompleted:
    return RunCompleted(status="completed", text=text, usage=Usage())


def test_deltas_are_printed_once() -> None:
    events = [
        MessageStarted(message_id="m"),
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        completed("Hello"),
        ended("Hello"),
    ]
    assert printed(events) == ["", "Hel", "lo", "", ""]


def test_a_message_without_deltas_is_printed_when_it_is_complete() -> None:
    assert printed([MessageStarted(message_id="m"), completed("Hi"), ended("Hi")]) == ["", "Hi", ""]


def test_the_end_of_a_message_that_came_without_deltas_is_added() -> None:
    assert printed([TextDelta(text="He"), completed("Hello")]) == ["He", "llo"]


def test_a_run_that_gives_only_its_end_is_printed() -> None:
    assert printed([ended("Hi")]) == ["Hi"]


def test_a_rewritten_message_takes_the_place_of_what_was_printed() -> None:
    assert printed([TextDelta(text="secret"), completed("***")]) == ["secret", "!***"]


def test_a_new_attempt_voids_the_unfinished_text() -> None:
    events = [
        TextDelta(text="Hel"),
        AttemptStarted(attempt=2, replaces_from=3),
        TextDelta(text="Hello"),
        completed("Hello"),
    ]
    assert printed(events) == ["Hel", "!", "Hello", ""]


def test_two_messages_of_one_run_are_printed_each() -> None:
    events = [
        TextDelta(text="One"),
        completed("One"),
        MessageStarted(message_id="n"),
        TextDelta(text="Two"),
        completed("Two"),
        ended("Two"),
    ]
    assert printed(events) == ["One", "", "", "Two", "", ""]


def test_the_text_of_a_tools_message_is_no_answer() -> None:
    message = Message(role="tool", parts=[TextPart(text="42")])
    assert printed([MessageCompleted(message=message), ended("It is 42")]) == ["", "It is 42"]
