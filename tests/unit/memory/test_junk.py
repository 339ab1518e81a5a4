"""What a model claims is believed only as far as the turn says it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muxi.memory.claims import Claim, Heard
from muxi.memory.echoes import Given
from muxi.memory.junk import reason_against, tells_something

SAID_AT = datetime(2026, 6, 15, 9, tzinfo=UTC)


def reason(text: str, path: str, value: Any, quote: str | None = None, **more: Any) -> str | None:
    heard = Heard(text=text, said_at=SAID_AT, **more)
    return reason_against(
        Claim(path=path, value=value, quote=text if quote is None else quote), heard
    )


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("I live in Lisbon with my cat Tom.", "location.city", "Lisbon"),
        ("Thanks! By the way, my sister Ana is a doctor.", "sister.name", "Ana"),
        ("Ich wohne seit Jahren in Köln.", "location.city", "Köln"),
        ("私は東京に住んでいます。", "location.city", "東京"),
        ("My sister is called Ana", "sister.name", "Ana"),
        ("My favourite band is Radiohead", "favourite.band", "Radiohead"),
        ("My home is in Lisbon", "location.city", "Lisbon"),
        ("I play chess and tennis", "hobbies", ["chess", "tennis"]),
        ("We have 3 children", "children.count", 3),
        ("I am allergic to peanuts", "allergy.peanuts", True),
    ],
)
def test_what_a_turn_says_is_believed(text: str, path: str, value: Any) -> None:
    assert reason(text, path, value) is None


@pytest.mark.parametrize(
    ("why", "text", "path", "value", "quote"),
    [
        ("invented", "I live in Lisbon", "location.country", "Portugal", None),
        ("invented", "I live in Lisbon", "location.city", "Lisbon", "I moved to Lisbon"),
        ("invented", "I live in Lisbon", "location.city", "Lisbon", ""),
        ("invented", "I have two dogs", "dogs", 3, None),
        ("invented", "I like dogs", "allergy.peanuts", True, None),
        ("others", "The capital of Portugal is Lisbon", "location.city", "Lisbon", None),
        ("others", "My friend Ana moved to Rome", "location.city", "Rome", None),
        ("others", "I met my friend Ana who lives in Rome", "location.city", "Rome", None),
        ("others", "My sister is called Ana", "name", "Ana", None),
        ("supposed", "Maybe I will move to Lisbon", "location.city", "Lisbon", None),
        ("supposed", "I do not live in Lisbon", "location.city", "Lisbon", None),
        ("supposed", "My boss thinks he lives in Lisbon", "location.city", "Lisbon", None),
        ("question", "Do I live in Lisbon?", "location.city", "Lisbon", None),
        ("handed over", "Translate: I live in Lisbon", "location.city", "Lisbon", None),
        ("greeting", "Hello there", "greeting", "Hello", None),
        ("assistant", "I think you are a good bot, I like you", "assistant.quality", "good", None),
        ("assistant", "I like my AI", "ai_preference", "AI", None),
        ("passing", "I need a recipe for my soup", "current_task", "recipe", None),
        ("secret", "My password is hunter2", "password", "hunter2", None),
        (
            "secret",
            "I use sk-abcdefghijklmnop1234 for it",
            "work.key",
            "sk-abcdefghijklmnop1234",
            None,
        ),
        ("secret", "My card is 4111 1111 1111 1111", "card", "4111 1111 1111 1111", None),
        ("empty", "I said unknown", "name", "unknown", None),
        ("empty", "I said nothing", "name", "...", None),
        ("value", "I live in Lisbon", "location", {"city": "Lisbon"}, None),
        ("value", "I " + "know " * 100, "knows", "know " * 100, None),
        ("path", "I live in Lisbon", "a.b.c.d.e", "Lisbon", None),
    ],
)
def test_what_it_does_not_say_is_not(
    why: str, text: str, path: str, value: Any, quote: str | None
) -> None:
    assert reason(text, path, value, quote) == why


def test_only_what_a_person_says_is_believed() -> None:
    for role in ("assistant", "tool", "system", ""):
        assert reason("I live in Lisbon", "location.city", "Lisbon", role=role) == "speaker"


def test_what_was_recalled_or_given_by_a_tool_is_not_learned_again() -> None:
    recalled = Given(recalled=["- 2026-05-01, ana: I live in Lisbon by the river"])
    assert reason("I live in Lisbon by the river", "location.city", "Lisbon", given=recalled) == (
        "restated"
    )
    outputs = Given(outputs=["Profile: my home is in Lisbon, district of Alfama, since 2019."])
    text = "My home is in Lisbon, district of Alfama"
    assert reason(text, "location.city", "Lisbon", given=outputs) == "restated"
    assert reason("I live in Lisbon now", "location.city", "Lisbon", given=outputs) is None


def test_turns_that_can_hold_no_facts_are_not_shown_to_a_model() -> None:
    for text in (
        "Hi!",
        "thanks",
        "What is the weather?",
        "",
        "x" * 100_000,
        "```\ncode\n```",
    ):
        assert not tells_something(Heard(text=text, said_at=SAID_AT))
    assert tells_something(Heard(text="My sister is a doctor.", said_at=SAID_AT))
