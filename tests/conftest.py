"""Fixtures for all tests. What several rooms need lies under `tests/support`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support.postgres import postgres, postgres_database

__all__ = ["postgres", "postgres_database"]
