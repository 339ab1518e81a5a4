"""An unknown price stays unknown on its way through JSON."""

from __future__ import annotations

from decimal import Decimal

import pytest

from muxi.core.usage import Usage


@pytest.mark.parametrize("cost", [None, Decimal(0), Decimal("0.25")])
def test_a_cost_survives_json_without_empty_fields(cost: Decimal | None) -> None:
    usage = Usage(input_tokens=3, cost=cost)
    assert Usage.model_validate_json(usage.model_dump_json(exclude_none=True)) == usage
