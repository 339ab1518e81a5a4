"""A part of a scripted month of agent logs: what of it ends up in memory belongs there."""

from __future__ import annotations

import pytest

from benchmarks.memory.hygiene import LIMITS, month


@pytest.mark.ci
@pytest.mark.parametrize("extract", ["plain", "model"])
async def test_memory_stays_clean(extract: str) -> None:
    figures = await month(users=2, days=12, seed=11, extract=extract)
    for name, share in figures.shares().items():
        assert share <= LIMITS[name], (name, figures)
    assert figures.kept == figures.told
    assert figures.learned >= 0.8 * figures.true
    assert figures.claimed == 0 or figures.claimed > 10 * figures.facts
