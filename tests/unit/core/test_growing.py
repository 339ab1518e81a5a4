"""A text in pieces is the text, and weighs little more."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from muxi.core.growing import GrowingText

ANY = st.text(st.characters())  # lone surrogates among them


@given(st.lists(ANY))
def test_what_was_added_is_given_back(pieces: list[str]) -> None:
    text = GrowingText()
    for piece in pieces:
        text.add(piece)
    assert str(text) == "".join(pieces)
    assert bool(text) == any(pieces)


def test_many_small_pieces_weigh_little_more_than_what_they_say() -> None:
    text = GrowingText()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(100_000):
            text.add(f"{number:05} ")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1.5 * 600_000
