"""Requests cut into tokens."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi.models.embedded.tokens import terms, tokenize


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        ("see https://example.org/a(b)?x=1, please", "uri", "https://example.org/a(b)?x=1"),
        ("(www.iana.org).", "uri", "www.iana.org"),
        ("go to example.com and", "uri", "example.com"),
        ("write bob@x.org now", "email", "bob@x.org"),
        ("on 2025-03-01", "date", "2025-03-01"),
        ("at 20:30", "time", "20:30"),
        ("read README.md", "path", "README.md"),
        ("in #general", "tag", "#general"),
        ("call +4915112345", "phone", "+4915112345"),
        ("deploy v1.2.3", "code", "v1.2.3"),
        ("pay 1,200.50 now", "number", "1,200.50"),
    ],
)
def test_a_special_token_is_cut_out_whole(text: str, kind: str, piece: str) -> None:
    assert piece in [token.text for token in tokenize(text) if token.kind == kind]


def test_signs_between_figures_are_tokens_of_their_own() -> None:
    assert terms("17*23+4") == ["<number>", "<operator>", "<number>", "<operator>", "<number>"]


def test_a_number_in_letters_counts_as_a_number() -> None:
    assert terms("twenty-five times nine") == ["<number>", "tim", "<number>"]


@given(st.text(max_size=200))
def test_tokens_lie_where_they_say(text: str) -> None:
    tokens = tokenize(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert all(a.end <= b.start for a, b in pairwise(tokens))
