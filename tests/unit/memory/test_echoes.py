"""What an answer repeats of what its model was given is not remembered again."""

from __future__ import annotations

import pytest

from muxi.memory.echoes import Given, said_anew

GIVEN = Given(
    ["I live in Lisbon", "- 2024-05-07, ana: I live in Lisbon", "My sister Maria plays the cello"],
    ["Paris: 21 degrees, sunny with light winds from the west, no rain before Thursday"],
)


@pytest.mark.parametrize(
    "echo",
    [
        "You live in Lisbon.",
        "According to what you told me, you live in Lisbon.",
        "You told me:\n- 2024-05-07, ana: I live in Lisbon",
        "Maria, your sister, plays the cello!",
        "In Paris it is 21 degrees, sunny with light winds.",
    ],
)
def test_a_retold_memory_and_a_quoted_output_are_left_out(echo: str) -> None:
    assert said_anew(echo, GIVEN) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "I booked a table for two at Aurora on Friday evening.",
        "Lisbon has seven hills and a castle named after São Jorge.",
    ],
)
def test_what_is_new_is_kept_word_for_word(answer: str) -> None:
    assert said_anew(answer, GIVEN) == answer


def test_only_the_repeated_sentences_go() -> None:
    answer = "You live in Lisbon. I booked a table at Aurora for Friday evening."
    assert said_anew(answer, GIVEN) == "I booked a table at Aurora for Friday evening."


def test_an_answer_may_repeat_the_words_of_its_question() -> None:
    given = Given(asked=["Where do I put the red box of tools?"])
    assert said_anew("Put the red box of tools into the garage.", given)
    assert said_anew("You put the red box of tools!", given) == ""


def test_where_nothing_was_given_everything_is_kept() -> None:
    assert said_anew("You live in Lisbon.", Given()) == "You live in Lisbon."


@pytest.mark.parametrize("text", ["", "   ", "\ud800", "\0", "。" * 5_000, "a" * 100_000])
def test_any_text_is_looked_at_in_no_time(text: str) -> None:
    assert len(said_anew(text, GIVEN)) <= len(text)


def test_an_answer_that_only_tells_what_is_known_of_the_user_is_no_memory() -> None:
    known = [("location.city", "Lisbon"), ("dog", "Rex"), ("work.role", "nurse")]
    given = Given(facts=known)
    assert said_anew("You live in Lisbon.", given) == ""
    assert said_anew("You are a nurse in Lisbon, and your dog is Rex!", given) == ""
    told = "In Lisbon the tram 28 climbs to the castle every ten minutes."
    assert said_anew(f"You live in Lisbon. {told}", given) == told
    assert said_anew("You live in Oslo, by the sea.", given) == "You live in Oslo, by the sea."
