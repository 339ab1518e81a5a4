"""Fixtures of the long tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .sizes import Size


@pytest.fixture(autouse=True)
def _told_size(size: Size, record_property: Callable[[str, Any], None]) -> None:
    """Let the report say how large the test was, and how large it usually is."""
    record_property("size", str(size))
