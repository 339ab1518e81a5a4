"""An MCP server that offers what a file says, and offers something else when the file does.

Run as a script by tests: `changing_mcp_server.py SURFACE.json`. It speaks the handshake in raw
messages, so that it starts at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SURFACE = Path(sys.argv[1])


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    offered = json.loads(SURFACE.read_text(encoding="utf-8"))
    if method == "initialize":
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}, "prompts": {}},
            "serverInfo": {"name": "changing", "version": "1.0.0"},
            "instructions": offered.get("instructions", ""),
        }
    if method == "tools/list":
        return {"tools": offered["tools"]}
    if method == "prompts/list":
        return {"prompts": offered.get("prompts", [])}
    if method == "tools/call":
        said = f"{params['name']} was called"
        return {"content": [{"type": "text", "text": said}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params") or {})
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
