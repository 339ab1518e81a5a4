"""Where tests keep what they install from registries, beside the checkout and for many runs."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = Path(os.environ.get("MUXI_TEST_CACHE", Path.home() / ".cache" / "muxi-tests"))
