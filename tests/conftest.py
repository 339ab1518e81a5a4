"""Fixtures for all tests. What several rooms need lies under `tests/support`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import HealthCheck, settings
from support.postgres import postgres, postgres_database, shared_database, wiped_database

__all__ = ["postgres", "postgres_database", "shared_database", "wiped_database"]

# What decides whether a change lands gives the same answer twice; `--hypothesis-profile=explore`
# looks for what nobody has seen yet.
UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""A busy machine is no fault of what is tested."""
settings.register_profile("repeatable", derandomize=True, **UNHURRIED)
settings.register_profile("explore", **UNHURRIED)
settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background so, and every program that a test starts and
    # interrupts would take that over.
    signal.signal(signal.SIGINT, signal.default_int_handler)
