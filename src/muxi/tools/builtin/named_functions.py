"""The functions and constants that the calculator knows by name. Used by `arithmetic`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from muxi.tools.builtin import quantity
from muxi.tools.builtin.quantity import Percent, Quantity, bounded, real, refuse


def _integers(values: Sequence[Quantity], what: str) -> list[int]:
    return [quantity.whole(value, what) for value in values]


def _common_divisor(values: Sequence[Quantity]) -> Quantity:
    return Fraction(math.gcd(*_integers(values, "A common divisor")))


def _common_multiple(values: Sequence[Quantity]) -> Quantity:
    return bounded(Fraction(math.lcm(*_integers(values, "A common multiple"))))


def _difference(values: Sequence[Quantity]) -> Quantity:
    """How far apart the values are, whichever comes first."""
    return abs(quantity.total([values[0], *(-other for other in values[1:])]))


def _logarithm(value: Quantity, base: Quantity = Fraction(10)) -> Quantity:
    if value <= 0 or base <= 0 or base == 1:
        refuse("A logarithm needs positive numbers.")
    if base == 10:
        return real(lambda: math.log10(value))
    if base == 2:
        return real(lambda: math.log2(value))
    return real(lambda: math.log(value) / math.log(base))


def _share(value: Quantity) -> Quantity:
    return Percent(value)


def _distance_from_zero(value: Quantity) -> Quantity:
    return abs(value)


CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}

OF_LISTS: dict[str, Callable[[Sequence[Quantity]], Quantity]] = {
    "sum": quantity.total,
    "product": quantity.product,
    "average": quantity.average,
    "max": max,
    "min": min,
    "gcd": _common_divisor,
    "lcm": _common_multiple,
    "difference": _difference,
}
"""Functions of any number of values."""

OF_ONE: dict[str, Callable[[Quantity], Quantity]] = {
    "sqrt": lambda x: quantity.root(x, 2),
    "cbrt": lambda x: quantity.root(x, 3),
    "abs": _distance_from_zero,
    "round": quantity.nearest,
    "floor": lambda x: Fraction(math.floor(x)),
    "ceil": lambda x: Fraction(math.ceil(x)),
    "factorial": quantity.factorial,
    "square": lambda x: quantity.multiply(x, x),
    "cube": lambda x: quantity.power(x, Fraction(3)),
    "double": lambda x: quantity.multiply(x, Fraction(2)),
    "triple": lambda x: quantity.multiply(x, Fraction(3)),
    "exp": lambda x: real(lambda: math.exp(x)),
    "ln": lambda x: real(lambda: math.log(x)),
    "log": _logarithm,
    "log2": lambda x: _logarithm(x, Fraction(2)),
    "log10": _logarithm,
    "sin": lambda x: real(lambda: math.sin(x)),
    "cos": lambda x: real(lambda: math.cos(x)),
    "tan": lambda x: real(lambda: math.tan(x)),
    "asin": lambda x: real(lambda: math.asin(x)),
    "acos": lambda x: real(lambda: math.acos(x)),
    "atan": lambda x: real(lambda: math.atan(x)),
    "share": _share,
}

OF_TWO: dict[str, Callable[[Quantity, Quantity], Quantity]] = {
    "round": quantity.nearest,
    "log": _logarithm,
    "hypot": lambda x, y: quantity.root(bounded(x * x + y * y), 2),
    "pow": quantity.power,
    "comb": quantity.choices,
    "mod": quantity.remainder,
}

FUNCTIONS = OF_ONE.keys() | OF_TWO.keys()


def apply(name: str, values: Sequence[Quantity]) -> Quantity:
    """The value of a function of one or of two values."""
    if len(values) == 1 and name in OF_ONE:
        return OF_ONE[name](values[0])
    if len(values) == 2 and name in OF_TWO:
        return OF_TWO[name](values[0], values[1])
    return refuse(f"`{name}` does not take {len(values)} values.")
