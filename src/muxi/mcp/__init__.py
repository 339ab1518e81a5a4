"""Be a client of MCP servers: connections and their care, remote tools, the lock of their schemas.

Called by `runtime` and `devkit`. The SDK is imported by the files that need it, when first used.
"""

from __future__ import annotations
