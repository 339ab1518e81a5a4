"""What tells nothing, and what only looks as if it told nothing."""

from __future__ import annotations

import pytest

from muxi.memory.small_talk import is_small_talk


@pytest.mark.parametrize(
    "text",
    [
        *("Hi!", "good morning, how are you?", "Thank you so much :)", "OK", "👍", "...", ""),
        *("Hallo, guten Tag", "merci beaucoup", "¡Muchas gracias!", "grazie mille", "tack"),
        *("你好", "ありがとうございます", "спасибо большое", "شكرا", "धन्यवाद", "감사합니다"),
        *("Let me know if you need anything else.", "Noted.", "How can I help you today?"),
    ],
)
def test_greetings_and_thanks_are_small_talk(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    ["Lisbon", "42", "I live in Lisbon", "Rex", "里斯本", "thanks to my sister Maria", "x" * 300],
)
def test_what_may_answer_a_question_is_not(text: str) -> None:
    assert not is_small_talk(text)


def test_a_greeting_by_name_is_small_talk_for_those_who_speak() -> None:
    assert not is_small_talk("Hello Ana!")
    assert is_small_talk("Hello Ana!", ["ana", "assistant"])
