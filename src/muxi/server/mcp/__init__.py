"""muxi as a server of MCP: its agents, tools and memory for the clients of others.

Mounted by `server` at `/mcp`, where both eras of the protocol are spoken, and reached over stdio by
`muxi mcp serve`. Only `endpoint`, `paths` and `protected` may be imported before the first request:
everything else imports the SDK, which costs a second.
"""

from __future__ import annotations
