"""Exact numbers with bounds: what the calculator computes with. Used by `arithmetic`.

Integers and decimals are fractions, so 0.1 + 0.2 is 0.3; only roots, logarithms and the like are
floats. No result may have more than some thousand digits, so that no expression stops the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NoReturn

from muxi.core.errors import ToolArgumentsInvalid

Quantity = Fraction | float

_MAX_BITS = 10_000
"""About three thousand digits; 1000! still fits."""
_MAX_FACTORIAL = 1_000
_MAX_DECIMALS = 15


class Percent(Fraction):
    """A share written with a per cent sign: added to a quantity it means a part of that."""


def refuse(words: str) -> NoReturn:
    """Say that this calculation cannot be done."""
    raise ToolArgumentsInvalid(words, hint="Give one calculation, such as `17*23`.")


def bounded(value: Quantity) -> Quantity:
    """`value`, unless it is too large to be worked with."""
    if isinstance(value, float):
        if not math.isfinite(value):
            refuse("The result is too large.")
        return value
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        refuse("The result has too many digits.")
    return value


def add(left: Quantity, right: Quantity, sign: int) -> Quantity:
    """`left` plus or minus `right`; a percentage is one of `left`."""
    if isinstance(right, Percent) and not isinstance(left, Percent):
        return multiply(left, 1 + sign * Fraction(right))
    result = bounded(left + sign * right)
    both = isinstance(left, Percent) and isinstance(right, Percent)
    return Percent(result) if both else result


def multiply(left: Quantity, right: Quantity) -> Quantity:
    return bounded(left * right)


def divide(left: Quantity, right: Quantity) -> Quantity:
    return bounded(left / _divisor(right))


def divide_down(left: Quantity, right: Quantity) -> Quantity:
    """The quotient, rounded down to an integer."""
    quotient = left // _divisor(right)
    return bounded(quotient if isinstance(quotient, float) else Fraction(quotient))


def remainder(left: Quantity, right: Quantity) -> Quantity:
    """What is left after `divide_down`; it has the sign of `right`."""
    return bounded(left % _divisor(right))


def _divisor(value: Quantity) -> Quantity:
    if value == 0:
        refuse("Division by zero has no result.")
    return value


def power(base: Quantity, exponent: Quantity) -> Quantity:
    """`base` to the power of `exponent`, exactly if it has an exact form of reasonable length."""
    if base == 0 and exponent < 0:
        refuse("Division by zero has no result.")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        exact = _exact_power(base, exponent)
        if exact is not None:
            return exact
    if base < 0 and not float(exponent).is_integer():
        refuse("A root of a negative number is no real number.")
    return real(lambda: float(base) ** float(exponent))


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) in (0, 1):
        size = 0
    if abs(exponent.numerator) * size > _MAX_BITS:
        return None
    raised = base**exponent.numerator
    if exponent.denominator == 1:
        return Fraction(raised)
    if raised < 0 or exponent.denominator > _MAX_BITS:
        return None
    degree = exponent.denominator
    top = _integer_root(raised.numerator, degree)
    bottom = _integer_root(raised.denominator, degree)
    return Fraction(top, bottom) if top is not None and bottom else None


def _integer_root(value: int, degree: int) -> int | None:
    """The integer whose power `degree` is `value`, if there is one."""
    if degree == 2:
        root = math.isqrt(value)
    else:
        try:
            root = round(float(value) ** (1 / degree))
        except OverflowError:
            return None
    return root if root**degree == value else None


def real(compute: Callable[[], float]) -> Quantity:
    """The result of a function of real numbers, or a refusal where it has none."""
    try:
        value = compute()
    except OverflowError:
        refuse("The result is too large.")
    except ValueError:
        refuse("There is no real number that is the result of this.")
    # sin(pi) is 0 to a person and 1.2e-16 to a float.
    return bounded(0.0 if abs(value) < 1e-15 else value)


def root(value: Quantity, degree: int) -> Quantity:
    """The real root of this degree."""
    if value < 0 and degree % 2:
        return -power(-value, Fraction(1, degree))
    return power(value, Fraction(1, degree))


def factorial(value: Quantity) -> Quantity:
    number = whole(value, "A factorial")
    if not 0 <= number <= _MAX_FACTORIAL:
        refuse(f"A factorial is worked out for integers from 0 to {_MAX_FACTORIAL}.")
    return Fraction(math.factorial(number))


def choices(among: Quantity, taken: Quantity) -> Quantity:
    """In how many ways `taken` things can be chosen among `among`."""
    total_count, count = whole(among, "A choice"), whole(taken, "A choice")
    if not 0 <= count <= total_count <= _MAX_FACTORIAL:
        refuse(f"A choice is worked out for integers from 0 to {_MAX_FACTORIAL}.")
    return Fraction(math.comb(total_count, count))


def whole(value: Quantity, what: str) -> int:
    """`value` as an int, or a refusal that names what needs one."""
    if value != int(value):
        refuse(f"{what} needs integers.")
    return int(value)


def nearest(value: Quantity, places: Quantity = Fraction(0)) -> Quantity:
    """`value` rounded to decimal places; a half goes away from zero, as people are taught."""
    digits = whole(places, "Rounding")
    if abs(digits) > 1_000:
        refuse("Rounding knows at most 1000 decimal places.")
    scale = Fraction(10) ** digits
    scaled = abs(Fraction(value)) * scale
    rounded = math.floor(scaled + Fraction(1, 2)) / scale
    return bounded(-rounded if value < 0 else rounded)


def average(values: Sequence[Quantity]) -> Quantity:
    return divide(total(values), Fraction(len(values)))


def total(values: Sequence[Quantity]) -> Quantity:
    result: Quantity = Fraction(0)
    for value in values:
        result = bounded(result + value)
    return result


def product(values: Sequence[Quantity]) -> Quantity:
    result: Quantity = Fraction(1)
    for value in values:
        result = multiply(result, value)
    return result


def written(value: Quantity) -> str:
    """`value` as short text: exactly where 15 decimals suffice, else 15 significant digits."""
    if isinstance(value, Percent):
        return f"{written(Fraction(value) * 100)}%"
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        scaled = value * 10**_MAX_DECIMALS
        if scaled.denominator == 1:
            return _decimal(scaled.numerator)
        try:
            near = float(value)
        except OverflowError:
            return str(value.numerator // value.denominator)
        if near == 0.0:
            refuse("The result is too small.")
        return f"{near:.15g}"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"


def _decimal(scaled: int) -> str:
    digits = str(abs(scaled)).rjust(_MAX_DECIMALS + 1, "0")
    text = f"{digits[:-_MAX_DECIMALS]}.{digits[-_MAX_DECIMALS:]}".rstrip("0")
    return f"-{text}" if scaled < 0 else text
