from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from muxi.retrieval.window import plain_window, window_text, window_words

DAY = datetime(2023, 5, 7, 9, tzinfo=UTC)


@dataclass
class Turn:
    text: str
    said_at: datetime | None = DAY
    session: str | None = "a"


TURNS = [Turn(text) for text in ("one", "two", "three", "four", "five")]


def test_a_window_is_a_turn_with_two_before_and_one_after() -> None:
    assert plain_window(TURNS, 2) == "one\ntwo\nthree\nfour"
    assert plain_window(TURNS, 3) == "two\nthree\nfour\nfive"
    assert plain_window(TURNS, 0) == "one\ntwo"
    assert plain_window(TURNS, 4) == "three\nfour\nfive"


def test_each_line_bears_its_date() -> None:
    turns = [Turn("hello"), Turn("when?", said_at=None)]
    assert window_text(turns, 0) == "07 May 2023: hello\nwhen?"


def test_a_window_stays_within_its_session() -> None:
    turns = [Turn("one"), Turn("two"), Turn("three", session="b"), Turn("four", session="b")]
    assert plain_window(turns, 1) == "one\ntwo"
    assert plain_window(turns, 3) == "three\nfour"


def test_a_long_silence_is_an_edge() -> None:
    later = DAY + timedelta(hours=5)
    turns = [Turn("one"), Turn("two", later), Turn("three", later.replace(tzinfo=None))]
    assert plain_window(turns, 0) == "one"
    assert plain_window(turns, 1) == "two\nthree"


def test_a_turns_own_words_count_twice() -> None:
    assert window_words([Turn("the red barn", None), Turn("a dog", None)], 1) == [
        *("red", "barn", "dog"),
        "dog",
    ]


def test_a_huge_neighbour_lends_only_its_beginning() -> None:
    turns = [Turn("x" * 5_000_000, None), Turn("dog", None)]
    assert len(window_text(turns, 1)) < 3_000
    assert len(window_text(turns, 0)) > 4_999_999
