"""Where tests keep what they install from registries, beside the checkout and for many runs."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = Path(os.environ.get("MUXI_TEST_CACHE", Path.home() / ".cache" / "muxi-tests"))

OUTPUT = Path(__file__).parents[2] / "build" / "conformance"
"""Where the conformance suite's own words are kept, a folder for each leg."""
