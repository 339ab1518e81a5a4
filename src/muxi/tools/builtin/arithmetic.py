"""Reads and evaluates one calculation, without `eval`. Called by the tool `calculator`.

A recursive descent over tokens: sums, products, signs, powers, what follows a number, atoms. Length
and depth are bounded before anything is computed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from muxi.tools.builtin import quantity
from muxi.tools.builtin.named_functions import CONSTANTS, FUNCTIONS, OF_LISTS, apply
from muxi.tools.builtin.number_words import PARTS, is_number_word, read_number
from muxi.tools.builtin.quantity import Percent, Quantity, bounded, real, refuse, written
from muxi.tools.builtin.spoken import in_signs, sides

__all__ = ["answer", "evaluate", "written"]

_MAX_LENGTH = 1_000
_MAX_DEPTH = 60


class _Token(NamedTuple):
    kind: str
    """`number`, `word`, `sign` or `end`."""
    text: str
    value: Fraction = Fraction(0)
    spaced: bool = False
    """Whether white space stands before it."""


_LEXER = re.compile(
    r"(?P<space>\s*)(?:"
    r"(?P<grouped>\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d{1,3}(?: \d{3})+(?!\d)(?:\.\d+)?)"
    r"|(?P<number>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,4}(?![\w.]))?)"
    r"|(?P<word>[a-z]\w*)"
    r"|(?P<sign>\*\*|//|[-+*/%^()!,;]))"
)
_PLAIN = re.compile(_LEXER.pattern.replace("(?P<grouped>", "(?P<grouped>(?!)", 1))
"""The same where a comma parts arguments: within the brackets of a function."""

_SUFFIXES = {"k": 1_000, "m": 10**6, "bn": 10**9}


def answer(text: str) -> str:
    """The result of a calculation, or whether an equation holds: `true` or `false`.

    Raises:
        ToolArgumentsInvalid: See `evaluate`.
    """
    equation = sides(text[: _MAX_LENGTH + 1])
    if equation is None:
        return written(evaluate(text))
    left, right = (evaluate(side) for side in equation)
    try:
        exact = isinstance(left, Fraction) and isinstance(right, Fraction)
        return str(left == right if exact else math.isclose(left, right)).lower()
    except OverflowError:
        refuse("The numbers are too large to be compared.")


def evaluate(text: str) -> Quantity:
    """The value of a calculation in signs or in words.

    Raises:
        ToolArgumentsInvalid: It cannot be read, has no result, or is too large.
    """
    if len(text) > _MAX_LENGTH:
        refuse(f"The calculation is longer than {_MAX_LENGTH} characters.")
    tokens = _with_numbers(_tokens(in_signs(text)))
    if len(tokens) == 1:
        refuse("There is no calculation.")
    try:
        return _Parser(tokens).whole()
    except OverflowError:
        refuse("The result is too large.")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    brackets: list[bool] = []  # for each open one, whether a function stands before it
    while at < len(text.rstrip()):
        match = (_PLAIN if any(brackets) else _LEXER).match(text, at)
        if match is None:
            refuse(f"`{text[at:].strip()[:20]}` is not understood in `{text[:100]}`.")
        kind = match.lastgroup or ""
        word = match[kind]
        if word == "(":
            brackets.append(bool(tokens) and tokens[-1].text in FUNCTIONS | OF_LISTS.keys())
        elif word == ")" and brackets:
            brackets.pop()
        value = Fraction(0)
        if kind in ("grouped", "number"):
            value = Fraction(re.sub(r"[,_ ]", "", word))
            kind = "number"
        tokens.append(_Token(kind, word, value, bool(match["space"])))
        at = match.end()
    return [*tokens, _Token("end", "the end")]


def _with_numbers(tokens: list[_Token]) -> list[_Token]:
    """Number words and parts such as "two thirds" as numbers."""
    words = [token.text if token.kind == "word" else "" for token in tokens]
    result: list[_Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        value: Fraction | None = None
        used = 0
        if token.kind == "number":
            more = _run(words, at + 1)
            starts_scale = bool(more) and is_number_word(more[0])
            value, used = read_number(more, token.value) if starts_scale else (token.value, 0)
            used += 1
            if words[at + used] in _SUFFIXES and not tokens[at + used].spaced:
                value, used = value * _SUFFIXES[words[at + used]], used + 1
        elif is_number_word(token.text):
            value, used = read_number(_run(words, at))
        if words[at + used] in PARTS:
            value = Fraction(1 if value is None else value, PARTS[words[at + used]])
            used += 1
            if _joins(result) and words[at + used] != "of":
                result.pop()
                value += result.pop().value
        if value is None:
            result.append(token)
            at += 1
        else:
            result.append(token._replace(kind="number", value=value))
            at += used
    return result


def _run(words: Sequence[str], at: int) -> list[str]:
    """The words from `at` to the next token that is none."""
    end = at
    while words[end]:
        end += 1
    return list(words[at:end])


def _joins(tokens: list[_Token]) -> bool:
    """Whether a part belongs to what stands before: "two and | a half", not "3 and | a half"."""
    return (
        len(tokens) >= 2
        and tokens[-1].text == "and"
        and tokens[-2].kind == "number"
        and tokens[-2].value.denominator == 1
        and not any(token.text in OF_LISTS for token in tokens)
    )


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Quantity:
        """The value of all tokens."""
        value = self._sum()
        if self._next.kind != "end":
            refuse(f"`{self._next.text}` is not expected here.")
        return value

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str | None:
        """The next token's text if it is one of these, which is then consumed."""
        token = self._next
        if token.kind not in ("sign", "word") or token.text not in texts:
            return None
        self._at += 1
        return token.text

    def _sum(self) -> Quantity:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            refuse("The calculation is nested too deeply.")
        value = self._product()
        while sign := self._take("+", "-"):
            value = quantity.add(value, self._product(), 1 if sign == "+" else -1)
        self._depth -= 1
        return value

    def _product(self) -> Quantity:
        value = self._signed()
        while True:
            if self._take("*", "of"):
                value = quantity.multiply(value, self._signed())
            elif self._take("/"):
                value = quantity.divide(value, self._signed())
            elif self._take("//"):
                value = quantity.divide_down(value, self._signed())
            elif self._take("mod", "%"):
                value = quantity.remainder(value, self._signed())
            elif self._next.text == "(" or self._starts_name():
                value = quantity.multiply(value, self._power())
            else:
                return value

    def _starts_name(self) -> bool:
        name = self._next.text
        return self._next.kind == "word" and (name in CONSTANTS or name in FUNCTIONS)

    def _signed(self) -> Quantity:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Quantity:
        base = self._marked()
        if not self._take("^", "**"):
            return base
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            refuse("The calculation is nested too deeply.")
        value = quantity.power(base, self._signed())
        self._depth -= 1
        return value

    def _marked(self) -> Quantity:
        """An atom with what may follow it: `!`, `%`, degrees."""
        value = self._atom()
        while True:
            if self._take("!"):
                value = quantity.factorial(value)
            elif self._take("deg"):
                value = real(lambda degrees=value: math.radians(degrees))
            elif self._next.text == "%" and not self._is_remainder():
                self._at += 1
                value = Percent(Fraction(value) / 100)
            else:
                return value

    def _is_remainder(self) -> bool:
        """Whether the `%` that comes next divides: an operand follows, or a sign tied to one."""
        after = self._tokens[self._at + 1]
        if after.text in ("+", "-"):
            return after.spaced and not self._tokens[self._at + 2].spaced
        names = FUNCTIONS | CONSTANTS.keys() | OF_LISTS.keys()
        return after.kind == "number" or after.text == "(" or after.text in names - {"mod"}

    def _atom(self) -> Quantity:
        token = self._next
        self._at += 1
        if token.kind == "number":
            return bounded(token.value)
        if token.text == "(":
            value = self._sum()
            self._close()
            return value
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if token.text in OF_LISTS:
            return OF_LISTS[token.text](self._arguments() or self._items())
        if token.text in FUNCTIONS:
            return self._function(token.text)
        if token.kind == "end":
            refuse("The calculation is not complete.")
        return refuse(f"`{token.text}` is not understood.")

    def _function(self, name: str) -> Quantity:
        values = self._arguments()
        if values is None:
            self._take("of")
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                refuse("The calculation is nested too deeply.")
            values = [self._signed()]
            self._depth -= 1
        return apply(name, values)

    def _arguments(self) -> list[Quantity] | None:
        """The values in brackets that follow a function's name, if they do."""
        if not self._take("("):
            return None
        values = [self._sum()]
        while self._take(",", ";"):
            values.append(self._sum())
        self._close()
        return values

    def _items(self) -> list[Quantity]:
        """The values of "sum of 3, 4 and 5"."""
        self._take("of")
        values = [self._product()]
        while self._take(",", "and"):
            self._take("and")
            values.append(self._product())
        return values

    def _close(self) -> None:
        if not self._take(")"):
            refuse("A bracket is not closed.")
