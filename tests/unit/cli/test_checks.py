"""What `muxi doctor` says of files at providers."""

from __future__ import annotations

from datetime import datetime

import pytest

from muxi.cli.checks import _kept  # pyright: ignore[reportPrivateUsage] -- a whole doctor opens a project
from muxi.core.status import FilesAtProvider

FAILING = "acme keeps 3, of which 2 should be deleted"
SINCE = datetime(2026, 1, 31, 18, 30).astimezone()


@pytest.mark.parametrize(
    ("counts", "state", "text"),
    [
        ({"kept": 3}, "ok", "acme keeps 3"),
        (
            {"kept": 3, "left": 1},
            "ok",
            "acme keeps 3, of which 1 should be deleted and soon will be",
        ),
        (
            {"kept": 3, "left": 2, "failing_since": SINCE},
            "warning",
            f"{FAILING}; deleting fails since 2026-01-31 18:30",
        ),
        (
            {"kept": 3, "left": 2, "given_up": 1, "failing_since": SINCE},
            "warning",
            f"{FAILING} (1 given up); deleting fails since 2026-01-31 18:30",
        ),
    ],
)
def test_what_a_provider_keeps_and_should_not_is_told(
    counts: dict[str, object], state: str, text: str
) -> None:
    found = _kept(FilesAtProvider.model_validate({"provider": "acme", **counts}))
    assert (found.state, found.text) == (state, text)
    assert (found.hint is None) == ("given_up" not in counts)
