"""The calculator against Python's own arithmetic, on expressions nobody thought of."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.builtin.arithmetic import answer, evaluate, written

numbers = st.one_of(
    st.integers(0, 10**6).map(str),
    st.decimals(0, 10**4, places=3, allow_nan=False, allow_infinity=False).map(str),
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//"]), inner)
    return st.one_of(
        binary.map(" ".join),
        binary.map(lambda parts: f"({''.join(parts)})"),
        st.tuples(inner, inner).map(lambda parts: f"(({parts[0]}) % ({parts[1]}))"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda parts: f"({parts[0]})**{parts[1]}"),
        inner.map(lambda part: f"-{part}"),
        inner.map(lambda part: f"({part})"),
    )


expressions = st.recursive(numbers, combined, max_leaves=8)


def by_python(expression: str) -> Fraction:
    """The exact value, each number being a fraction."""
    pieces: list[str] = []
    digits = ""
    for sign in f"{expression} ":
        if sign.isdigit() or sign == ".":
            digits += sign
            continue
        if digits:
            # An exponent must stay an int, or Python gives a float.
            power = "".join(pieces).endswith(("**", "**-"))
            pieces.append(digits if power else f"Fraction('{digits}')")
            digits = ""
        pieces.append(sign)
    return Fraction(eval("".join(pieces), {"Fraction": Fraction}))


@given(expressions)
@settings(max_examples=400, deadline=None)
def test_results_are_exact(expression: str):
    try:
        expected = by_python(expression)
    except ZeroDivisionError:
        with pytest.raises(ToolArgumentsInvalid, match="Division by zero"):
            evaluate(expression)
        return
    if max(expected.numerator.bit_length(), expected.denominator.bit_length()) < 9_000:
        assert evaluate(expression) == expected


@given(st.text(max_size=80) | st.text("0123456789+-*/%^().,! eabcdlognsqrtofandxpi", max_size=60))
@settings(max_examples=600, deadline=None)
def test_any_text_has_a_result_or_a_refusal(text: str):
    with contextlib.suppress(ToolArgumentsInvalid):
        assert answer(text)


@given(st.integers(0, 999_999), st.integers(1, 999_999))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_again(top: int, bottom: int):
    text = written(Fraction(top, bottom))
    assert abs(Fraction(evaluate(text)) - Fraction(top, bottom)) <= Fraction(top, bottom) / 10**13


SPOKEN = {
    "{0} from {1}": lambda a, b: b - a,
    "take {0} away from {1}": lambda a, b: b - a,
    "split {0} by {1}": Fraction,
    "{0} divided among {1}": Fraction,
    "increase {0} by {1}%": lambda a, b: a * (1 + Fraction(b, 100)),
    "{0} reduced by {1}%": lambda a, b: a * (1 - Fraction(b, 100)),
    "{0} pens at {1} each": lambda a, b: Fraction(a * b),
}


@given(st.sampled_from(list(SPOKEN)), st.integers(0, 10**6), st.integers(1, 10**6))
@settings(max_examples=200, deadline=None)
def test_spoken_phrases_mean_what_they_say(phrase: str, first: int, second: int):
    assert evaluate(phrase.format(first, second)) == SPOKEN[phrase](first, second)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**12))
@settings(max_examples=200, deadline=None)
def test_equations_hold_as_they_do_in_python(first: int, second: int, claimed: int):
    assert answer(f"{first}*{second} = {first * second}") == "true"
    assert answer(f"{first}*{second} equals {claimed}") == str(first * second == claimed).lower()
