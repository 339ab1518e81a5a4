"""The tools that the suite's scenarios of the tasks extension ask for, on muxi's own handlers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import uvicorn
from mcp.shared.exceptions import MCPError
from starlette.types import Receive, Scope, Send

from muxi.core.caller import LOCAL_CALLER
from muxi.server.mcp.call import Call
from muxi.server.mcp.host import Host
from muxi.server.mcp.paths import CALLER
from muxi.server.mcp.surface import ServedTool, Surface
from muxi.server.mcp.tasks import Tasks, TaskSupport

SUPPORT = {
    "slow_compute": TaskSupport(),
    "failing_job": TaskSupport(required=True),
    "protocol_error_job": TaskSupport(),
    "confirm_delete": TaskSupport(),
    "multi_input": TaskSupport(),
    "test_tool_with_task": TaskSupport(required=True, ask_first=True),
}


def _text(text: str, **more: Any) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], **more)


def _question(message: str, **properties: Any) -> types.ElicitRequest:
    schema = {"type": "object", "properties": properties}
    params = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(params=params)


async def greet(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    return _text(f"Hello, {arguments['name']}!")


async def failing_job(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    await asyncio.sleep(1)
    return _text("It failed.", is_error=True)


async def protocol_error_job(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    raise MCPError(types.INTERNAL_ERROR, "The server broke.", {"why": "on purpose"})


async def confirm_delete(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    question = _question(f"Delete {arguments['filename']}?", confirm={"type": "boolean"})
    said = (await call.ask({"sure": question}))["sure"]
    sure = said.action == "accept" and said.content["confirm"]
    return _text(f"{arguments['filename']} was {'deleted' if sure else 'kept'}.")


async def multi_input(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    fields = {"name": {"type": "string"}, "confirm": {"type": "boolean"}}
    said = await call.ask({"one": _question("One?", **fields), "two": _question("Two?", **fields)})
    return _text(", ".join(str(each.content["name"]) for each in said.values()))


async def test_tool_with_task(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
    said = await call.ask({"user": _question("Who are you?", name={"type": "string"})})
    return _text(f"Done for {said['user'].content['name']}.")


class LongCalls(Surface):
    """Tools that take their time."""

    def __init__(self) -> None:
        self.url = ""
        self.cancelled = asyncio.Event()
        """Set when `slow_compute` was broken off."""

    async def slow_compute(self, arguments: dict[str, Any], call: Call) -> types.CallToolResult:
        seconds = float(arguments["seconds"])
        await call.progress(0, seconds, "computing")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return _text(f"{arguments.get('label', 'it')} took {seconds:g} s")

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        return [
            _tool(greet, name="string"),
            _tool(self.slow_compute, seconds="number", label="string"),
            _tool(failing_job),
            _tool(protocol_error_job),
            _tool(confirm_delete, filename="string"),
            _tool(multi_input),
            _tool(test_tool_with_task),
        ]


def _tool(run: Any, **properties: str) -> ServedTool:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "additionalProperties": False,
    }
    return ServedTool(types.Tool(name=run.__name__, input_schema=schema), run)


@asynccontextmanager
async def serving_long_calls(**options: Any) -> AsyncGenerator[LongCalls]:
    """Serve them over HTTP; `url` is the address."""
    tasks = Tasks(SUPPORT.get, lambda ctx: ctx.request.headers.get("x-owner"), **options)
    info = types.Implementation(name="long-calls", version="1.0.0")
    surface = LongCalls()
    host = Host(surface, info, key=b"k" * 32, extensions=[tasks])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[CALLER] = LOCAL_CALLER
            await host.serve(scope, receive, send)

    await host.start()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        surface.url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        yield surface
    finally:
        server.should_exit = True
        await running
        await tasks.close()
        await host.close()
