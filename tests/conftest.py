"""Fixtures for all tests. What several rooms need lies under `tests/support`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import settings
from support.postgres import postgres, postgres_database

__all__ = ["postgres", "postgres_database"]

# What decides whether a change lands gives the same answer twice; `--hypothesis-profile=explore`
# looks for what nobody has seen yet.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore")
settings.load_profile("repeatable")
