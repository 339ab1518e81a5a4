"""A server that keeps every rule, in both eras, with the standard library only.

The bad servers beside it are this one with one fault each, named after the rule that it breaks.
They are programs: a test starts them and speaks to them over their standard streams.
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

META = "io.modelcontextprotocol/"
HINTS = {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False}


def tool(name: str = "add_numbers", **changed: Any) -> dict[str, Any]:
    """A tool without fault, but for what is changed; None leaves a key out."""
    whole: dict[str, Any] = {
        "name": name,
        "title": "Add numbers",
        "description": "Adds two whole numbers and gives their sum.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "The first.", "examples": [2]},
                "b": {"type": "integer", "description": "The second.", "examples": [40]},
            },
            "required": ["a", "b"],
            "additionalProperties": False,
        },
        "outputSchema": {
            "type": "object",
            "properties": {"sum": {"type": "integer"}},
            "required": ["sum"],
        },
        "annotations": HINTS,
        **changed,
    }
    return {key: value for key, value in whole.items() if value is not None}


class Fault(Exception):
    """A protocol error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """Answers one request after the other."""

    info: ClassVar[dict[str, str]] = {"name": "sums", "title": "Sums", "version": "1.0.0"}
    instructions = "Adds whole numbers."
    capabilities: ClassVar[dict[str, Any]] = {"tools": {}}
    versions = ("2026-07-28", "2025-11-25", "2025-06-18")

    def tools(self) -> list[dict[str, Any]]:
        return [tool()]

    def listed(self, cursor: str | None) -> dict[str, Any]:
        """A page of tools."""
        if cursor is not None:
            raise Fault(-32602, "Unknown cursor")
        return {"tools": self.tools()}

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name not in {each.get("name") for each in self.tools()}:
            raise Fault(-32602, f"Unknown tool: {name}")
        if set(arguments) != {"a", "b"} or not all(type(n) is int for n in arguments.values()):
            return {"isError": True, "content": [text("a and b must be whole numbers")]}
        return self.answer(arguments["a"] + arguments["b"])

    def answer(self, total: int) -> dict[str, Any]:
        return {"content": [text(json.dumps({"sum": total}))], "structuredContent": {"sum": total}}

    def discovered(self) -> dict[str, Any]:
        return {
            "supportedVersions": list(self.versions),
            "capabilities": self.capabilities,
            "instructions": self.instructions,
            "ttlMs": 0,
            "cacheScope": "private",
        }

    def initialized(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in self.versions else self.versions[-1],
            "capabilities": self.capabilities,
            "serverInfo": self.info,
            "instructions": self.instructions,
        }

    def result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "initialize":
            return self.initialized(params)
        if method == "server/discover":
            return self.discovered()
        if method == "ping":
            return {}
        if method == "tools/list":
            return self.listed(params.get("cursor"))
        if method == "tools/call":
            return self.call(params.get("name", ""), params.get("arguments") or {})
        raise Fault(-32601, "Method not found")

    def stamped(
        self, method: str, params: dict[str, Any], result: dict[str, Any]
    ) -> dict[str, Any]:
        """What every result of the era without a handshake bears."""
        if META + "protocolVersion" not in (params.get("_meta") or {}):
            return result
        lists = {"ttlMs": 0, "cacheScope": "private"} if method.endswith("/list") else {}
        return {
            "resultType": "complete",
            **lists,
            **result,
            "_meta": {META + "serverInfo": self.info},
        }

    def reply(self, message: dict[str, Any]) -> dict[str, Any]:
        params = message.get("params") or {}
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            result = self.result(message["method"], params)
        except Fault as fault:
            return {**answer, "error": {"code": fault.code, "message": str(fault)}}
        return {**answer, "result": self.stamped(message["method"], params, result)}

    def take(self, message: dict[str, Any]) -> None:
        if "id" in message and "method" in message:
            self.send(self.reply(message))

    def send(self, message: Any) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def serve(self) -> None:
        for line in sys.stdin:
            self.take(json.loads(line))


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


if __name__ == "__main__":
    Server().serve()
