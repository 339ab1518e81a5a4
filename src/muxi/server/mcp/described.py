"""`/mcp` in the description of the API: how HTTP carries MCP, which says itself what is said."""

from __future__ import annotations

from typing import Any, Final

from muxi.server.mcp.paths import PATH

_JSON: Final = "application/json"
_STREAM: Final = {
    "schema": {},
    "itemSchema": {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "string", "contentMediaType": _JSON}},
    },
}
_MESSAGE: Final = {
    "type": "object",
    "description": "A message of JSON-RPC 2.0: a request, a notification or an answer.",
    "required": ["jsonrpc"],
    "properties": {
        "jsonrpc": {"type": "string", "const": "2.0"},
        "id": {"type": ["string", "integer"]},
        "method": {"type": "string"},
        "params": {"type": "object"},
        "result": {"type": "object"},
        "error": {"type": "object"},
    },
}


def _header(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


_PARAMETERS: Final = [
    _header("Mcp-Session-Id", "The session, as `initialize` was answered with it."),
    _header("MCP-Protocol-Version", "The version of the protocol that was agreed on."),
]


def _operation(
    name: str, summary: str, responses: dict[str, dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["mcp"],
        "parameters": _PARAMETERS,
        "responses": responses,
        **more,
    }


_OPERATIONS: Final = {
    "post": _operation(
        "send_to_mcp",
        "Send a message to the MCP server of the project (streamable HTTP)",
        {
            "200": {
                "description": "The answer, or a stream that ends with it",
                "content": {_JSON: {"schema": _MESSAGE}, "text/event-stream": _STREAM},
            },
            "202": {"description": "Taken, and nothing is to be answered"},
        },
        requestBody={
            "required": True,
            "content": {
                _JSON: {
                    "schema": _MESSAGE,
                    "example": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
                }
            },
        },
    ),
    "get": _operation(
        "follow_mcp",
        "Follow what the MCP server says unasked in a session",
        {
            "200": {
                "description": "A stream without end",
                "content": {"text/event-stream": _STREAM},
            }
        },
    ),
    "delete": _operation(
        "end_mcp_session", "End a session of the MCP server", {"200": {"description": "Ended"}}
    ),
}


def mcp_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """Its path and operations, to stand among those of the table. Who asks needs `mcp.serve`.

    Args:
        problem: What a problem of the API looks like, by media type.
    """
    otherwise: dict[str, Any] = {
        "description": "A problem, or an error of JSON-RPC",
        # What is no HTTP of this protocol is refused in plain words.
        "content": {**problem, _JSON: {"schema": {}}, "text/plain": {"schema": {"type": "string"}}},
    }
    operations: dict[str, Any] = {
        method: {**each, "responses": {**each["responses"], "default": otherwise}}
        for method, each in _OPERATIONS.items()
    }
    return {PATH: operations}
