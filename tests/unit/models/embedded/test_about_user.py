"""Questions of users about themselves, before what memory knows of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muxi.core.facts import Fact
from muxi.memory.profile import text_of
from muxi.models.embedded import about_user
from muxi.models.embedded.static import StaticEmbedder

ENCODE = StaticEmbedder().vectors
AT = datetime(2026, 11, 24, tzinfo=UTC)


def known(**facts: object) -> str:
    """A profile as memory tells it to a model."""
    return text_of(
        [
            Fact(owner="user:ana", predicate=path.replace("__", "."), value=value, valid_from=AT)
            for path, value in facts.items()
        ]
    )


ANA = known(
    location__city="Porto",
    name="Ana",
    work__employer="Acme",
    birthday="1990-05-04",
    likes=["jazz", "chess"],
)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Which city do I live in?", "Porto (your location city)"),
        ("what's my name?", "Ana (your name)"),
        ("When’s my birthday", "1990-05-04 (your birthday)"),
        ("Who is my employer?", "Acme (your work employer)"),
        ("What are my likes?", "jazz, chess (your likes)"),
    ],
)
def test_what_is_known_of_the_user_is_told_as_it_is_known(question: str, told: str) -> None:
    assert about_user.answer(question, f"Be brief.\n\n{ANA}\n\nNever swear.", ENCODE) == told


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is a volcano?",
        "Tell me a joke about my name",
        "My name is Bob",
        "Where should I travel?",
        "Where do you live?",
        "How do I bake bread?",
    ],
)
def test_other_requests_are_left_to_the_model(question: str) -> None:
    assert about_user.answer(question, ANA, ENCODE) is None


def test_nothing_is_made_up_when_nothing_is_known() -> None:
    assert about_user.answer("What is my name?", "Be brief.\n- name: of the game", ENCODE) is None
