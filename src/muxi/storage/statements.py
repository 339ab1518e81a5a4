"""A statement as the drivers take it: its SQL text per dialect, with named parameters.

The texts are compiled from the SQLAlchemy Core expressions in `storage.queries` by
`python -m muxi.storage.compile` and kept under `storage.sql`, because importing SQLAlchemy costs
34 MiB and more than half of the time that a server may take to start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement; the same parameter names in both texts."""

    sqlite: str
    postgresql: str
