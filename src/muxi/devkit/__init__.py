"""Make, test, document and validate MCP servers and tools. Called by `cli`.

Nothing here takes part in a run.
"""

from __future__ import annotations
