"""How a request is written in each era of the protocol: with a handshake, and without.

Used by `session`. Protocol: https://modelcontextprotocol.io, revisions 2025-06-18, 2025-11-25 (both
with `initialize` and a session) and 2026-07-28 (each request bears version and capabilities).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from muxi.core.version import __version__
from muxi.devkit.wires.wire import Message

NEWEST: Final = "2026-07-28"
HANDSHAKES: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
CLIENT: Final = {"name": "muxi", "title": "muxi's kit for MCP servers", "version": __version__}
CAPABILITIES: Final[dict[str, Any]] = {
    "elicitation": {"form": {}, "url": {}},
    "sampling": {},
    "roots": {"listChanged": False},
}
"""What the kit plays along with: it answers as the caller of a request says."""

_PREFIX: Final = "io.modelcontextprotocol/"
SERVER_INFO: Final = _PREFIX + "serverInfo"
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_ENCODED: Final = re.compile(r"=\?base64\?.*\?=")


def modern(revision: str) -> bool:
    """Whether a revision does without a handshake."""
    return revision not in HANDSHAKES


def meta(revision: str) -> dict[str, Any]:
    """What each request of a revision without a handshake bears."""
    return {
        _PREFIX + "protocolVersion": revision,
        _PREFIX + "clientInfo": CLIENT,
        _PREFIX + "clientCapabilities": CAPABILITIES,
    }


def headers(
    message: Message, revision: str | None, tools: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """The headers of HTTP that go with a message.

    Args:
        message: What is sent.
        revision: The revision that was agreed on; None before that.
        tools: Input schemas by name: parameters may ask to be sent as headers as well.
    """
    if revision is None:
        return {}
    found = {"MCP-Protocol-Version": revision}
    method = message.get("method")
    if not modern(revision) or not isinstance(method, str):
        return found
    found["Mcp-Method"] = method
    params = cast("dict[str, Any]", message.get("params") or {})
    name = params.get(_NAMED.get(method, ""))
    if isinstance(name, str):
        found["Mcp-Name"] = _header_value(name)
    if method == "tools/call" and isinstance(name, str):
        found |= _parameters(tools.get(name, {}), params.get("arguments") or {})
    return found


def _parameters(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Arguments that their schema wants as headers: those of `x-mcp-header`, at any depth."""
    found: dict[str, str] = {}
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return found
    for name, inner in cast("dict[str, Any]", properties).items():
        value = arguments.get(name)
        if value is None or not isinstance(inner, dict):
            continue
        one = cast("dict[str, Any]", inner)
        token = one.get("x-mcp-header")
        if isinstance(token, str) and isinstance(value, str | bool | int):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found[f"Mcp-Param-{token}"] = _header_value(text)
        elif isinstance(value, dict):
            found |= _parameters(one, cast("dict[str, Any]", value))
    return found


def _header_value(text: str) -> str:
    if _PLAIN_VALUE.fullmatch(text) and not _ENCODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="
