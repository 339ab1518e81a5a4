"""Python tools behind the same wire as a server: so that one harness tests both.

Used by `devkit.connect` for a target of tools. It answers in the newest revision, in this process,
and imports the user's file but no SDK.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from muxi.core.context import RunContext
from muxi.core.errors import MuxiError, ServerUnavailable, summarize
from muxi.core.messages import TextPart, ToolContent
from muxi.core.requests import ToolSpec
from muxi.devkit.host import import_file
from muxi.devkit.target import Transport
from muxi.devkit.wires.envelope import NEWEST, SERVER_INFO
from muxi.devkit.wires.wire import Inbox, Message
from muxi.tools.function import FunctionTool, as_tool

_NOT_FOUND: Final = -32601
_INVALID: Final = -32602
_HINTS: Final = {
    "title": "title",
    "read_only": "readOnlyHint",
    "destructive": "destructiveHint",
    "open_world": "openWorldHint",
}
Tool = FunctionTool[..., Any]


class FunctionsWire:
    """The tools of a Python file or module."""

    transport: Transport = "memory"

    def __init__(self, place: str, attribute: str | None) -> None:
        self._place = place
        self._attribute = attribute
        self._tools: dict[str, Tool] = {}
        self._inbox: Inbox | None = None
        self._calls: dict[Any, asyncio.Task[None]] = {}

    async def open(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._tools = {tool.name: tool for tool in load_tools(self._place, self._attribute)}

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        identity = message.get("id")
        if identity is None or "method" not in message:
            return
        task = asyncio.create_task(self._answer(message))
        self._calls[identity] = task
        task.add_done_callback(lambda _: self._calls.pop(identity, None))

    async def abandon(self, request: int | str) -> None:
        if (task := self._calls.get(request)) is not None:
            task.cancel()

    async def close(self) -> None:
        for task in [*self._calls.values()]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _answer(self, message: Message) -> None:
        assert self._inbox is not None
        params: dict[str, Any] = message.get("params") or {}
        answer: Message = {"jsonrpc": "2.0", "id": message["id"]}
        match message["method"]:
            case "server/discover":
                answer["result"] = self._described()
            case "tools/list":
                listed = [definition(tool.spec) for tool in self._tools.values()]
                answer["result"] = _whole({"tools": listed, "ttlMs": 0, "cacheScope": "private"})
            case "tools/call" if params.get("name") in self._tools:
                tool = self._tools[params["name"]]
                answer["result"] = await _called(tool, params.get("arguments") or {})
            case "tools/call":
                words = f"Unknown tool: {params.get('name')}"
                answer["error"] = {"code": _INVALID, "message": words}
            case _:
                answer["error"] = {"code": _NOT_FOUND, "message": "Method not found"}
        self._inbox.received(answer)

    def _described(self) -> dict[str, Any]:
        info = {"name": Path(self._place).stem, "title": Path(self._place).name, "version": "0"}
        return {
            **_whole({"supportedVersions": [NEWEST], "capabilities": {"tools": {}}}),
            "_meta": {SERVER_INFO: info},
        }


def load_tools(place: str, attribute: str | None) -> Sequence[Tool]:
    """The tools of a file or module: what bears `@tool`, or the one function that is named.

    Raises:
        ServerUnavailable: It cannot be imported, or has none.
        ConfigError: A function cannot be a tool.
    """
    try:
        module = (
            import_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
        )
    except Exception as error:
        raise ServerUnavailable(
            f"The tools cannot be imported: {type(error).__name__}: {error}",
            hint="The file must be importable alone.",
        ) from error
    if attribute is not None:
        named = getattr(module, attribute, None)
        if not callable(named):
            raise ServerUnavailable(f"{place} has no function `{attribute}`.", hint="Name another.")
        return (as_tool(named),)
    found: list[Tool] = [each for each in vars(module).values() if isinstance(each, FunctionTool)]
    if not found:
        raise ServerUnavailable(
            f"{place} has no tools.", hint="Decorate a function with `@tool`, or name one."
        )
    return list(dict.fromkeys(found))


def definition(spec: ToolSpec) -> dict[str, Any]:
    """A tool as a server would list it."""
    said = spec.annotations.model_dump(exclude_none=True)
    hints = {_HINTS[name]: value for name, value in said.items() if name in _HINTS}
    title = {"title": hints.pop("title")} if "title" in hints else {}
    schema = dict(spec.parameters)
    if spec.examples:
        schema["examples"] = [example.arguments for example in spec.examples]
    return {
        "name": spec.name,
        **title,
        "description": spec.description,
        "inputSchema": schema,
        **({"annotations": hints} if hints else {}),
    }


async def _called(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        parts = await tool.run(arguments, RunContext(deps=None))
    except MuxiError as error:
        # What a model would be told.
        return _whole({"isError": True, "content": [{"type": "text", "text": summarize(error)}]})
    return _whole({"isError": False, "content": [_piece(part) for part in parts]})


def _piece(part: ToolContent) -> dict[str, Any]:
    return (
        {"type": "text", "text": part.text} if isinstance(part, TextPart) else {"type": part.type}
    )


def _whole(result: dict[str, Any]) -> dict[str, Any]:
    return {"resultType": "complete", **result}
