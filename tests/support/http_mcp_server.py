"""An MCP server over HTTP that knows each caller by a header, and says as whom it knows them.

Run as a script by tests: `http_mcp_server.py TOKEN…`. It prints its address, and refuses whoever
shows no such token, and whoever speaks in a session that another token began.
"""

from __future__ import annotations

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KNOWN = set(sys.argv[1:])
SESSIONS: dict[str, str] = {}
TOOLS = [
    {
        "name": "whoami",
        "description": "Tells who asks.",
        "inputSchema": {"type": "object", "properties": {}},
    }
]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in KNOWN:
            self._say(401, {"error": "who are you?"})
        elif message.get("method") == "initialize":
            session = uuid.uuid4().hex
            SESSIONS[session] = token
            self._say(200, _result(message, token, session), session)
        elif SESSIONS.get(session := self.headers.get("mcp-session-id", "")) != token:
            self._say(403, {"error": "this session is somebody else's"})
        elif "id" not in message:
            self._say(202, None)
        else:
            self._say(200, _result(message, token, session))

    def do_GET(self) -> None:
        self._say(405, None)

    def do_DELETE(self) -> None:
        self._say(200, None)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""

    def _say(self, status: int, body: Any, session: str | None = None) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        if session is not None:
            self.send_header("mcp-session-id", session)
        self.end_headers()
        self.wfile.write(text)


def _result(message: dict[str, Any], token: str, session: str) -> dict[str, Any]:
    methods: dict[str, Any] = {
        "initialize": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "knowing", "version": "1.0.0"},
        },
        "tools/list": {"tools": TOOLS},
        "tools/call": {"content": [{"type": "text", "text": f"{token} in {session}"}]},
    }
    return {"jsonrpc": "2.0", "id": message["id"], "result": methods.get(message["method"], {})}


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}/mcp", flush=True)
server.serve_forever()
