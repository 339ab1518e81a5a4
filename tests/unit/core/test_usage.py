"""An unknown price stays unknown on its way through JSON, and limits only ever narrow."""

from __future__ import annotations

from decimal import Decimal

import pytest

from muxi.core.usage import Limits, Usage


@pytest.mark.parametrize("cost", [None, Decimal(0), Decimal("0.25")])
def test_a_cost_survives_json_without_empty_fields(cost: Decimal | None) -> None:
    usage = Usage(input_tokens=3, cost=cost)
    assert Usage.model_validate_json(usage.model_dump_json(exclude_none=True)) == usage


def test_of_two_limits_the_narrower_one_counts() -> None:
    mine = Limits(turns=100, total_tokens=None, cost=Decimal("0.5"), seconds=10)

    assert mine.within(Limits(total_tokens=500, cost=Decimal(1), seconds=5)) == Limits(
        turns=100, total_tokens=500, cost=Decimal("0.5"), seconds=5
    )
    assert mine.within(Limits(turns=None, cost=None)) is mine
    assert mine.within(Limits()) is mine
