"""A statement as the drivers take it: its SQL text per dialect, with named parameters.

The texts are compiled from the SQLAlchemy Core expressions in `storage.queries` by
`python -m muxi.storage.compile` and kept under `storage.sql`, because importing SQLAlchemy costs
34 MiB and more than half of the time that a server may take to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal

Dialect = Literal["sqlite", "postgresql"]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement, which takes the same named parameters on both."""

    sqlite: str
    order: str
    """Names of the parameters for the question marks of SQLite's text, with blanks between: its
    driver takes half as long to bind by place as by name."""
    postgresql: str
    places: Callable[[Values], tuple[Any, ...]] = field(init=False, repr=False, compare=False)
    """The values for SQLite's text, out of those by name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", _picker(self.order.split()))


def _picker(names: list[str]) -> Callable[[Values], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
