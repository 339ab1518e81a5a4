"""How large the long tests are: each has a quick form in tier `ci` and a large one in tier `long`.

Both are the same test; only the size differs. The environment sets the large one's, for a machine
or an hour that has room for more or less: `MUXI_LONG_KILLS=20 pytest -m long`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

SEED = int(os.environ.get("MUXI_LONG_SEED", "2026"))
"""What all chance in these tests comes from. Processes race: a seed repeats the plan only."""

_HOUR = 3600


@dataclass(frozen=True)
class Size:
    """One number that says how much, and what it counts."""

    count: int
    usual: int
    quick: bool

    def __str__(self) -> str:
        return f"{self.count:,}" + (
            "" if self.count == self.usual else f" (usually {self.usual:,})"
        )


def sized(variable: str, *, quick: int, long: int) -> Any:
    """Run a test with `quick` in tier `ci`, and with `long`, or what `variable` says, in `long`."""
    large = int(os.environ.get(variable, str(long)))
    return pytest.mark.parametrize(
        "size",
        [
            pytest.param(
                Size(quick, quick, quick=True),
                id="quick",
                marks=pytest.mark.ci,
            ),
            pytest.param(
                Size(large, long, quick=False),
                id="long",
                marks=[pytest.mark.long, pytest.mark.timeout(2 * _HOUR)],
            ),
        ],
    )
