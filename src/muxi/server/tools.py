"""The tools that agents could have: listed, searched, shown, checked. Part of the API."""

from __future__ import annotations

from pydantic import Field

from muxi.core.pages import Page
from muxi.core.tools import ToolCheck, ToolInfo
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict


class ToolsQuery(Strict):
    query: str | None = Field(None, min_length=1, max_length=2_000)
    """What a tool should do, in words; the best come first then, on one page."""
    cursor: str | None = Field(None, max_length=500)
    limit: int = Field(50, ge=1, le=500)


class CheckBody(Strict):
    record: bool = False
    """Whether to record the versions as they are, if no finding is an error."""


async def list_tools(call: Call[Nothing, ToolsQuery]) -> Page[ToolInfo]:
    asked = call.query
    return await call.runtime.toolbox.page(
        call.who, query=asked.query, cursor=asked.cursor, limit=asked.limit
    )


async def get_tool(call: Call[Nothing, Nothing]) -> ToolInfo:
    return await call.runtime.toolbox.get(call.who, call.path["name"])


async def check_tools(call: Call[CheckBody, Nothing]) -> ToolCheck:
    return await call.runtime.toolbox.check(record=call.body.record)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/tools",
        summary="Tools by name, or those that fit a question; without schemas",
        handler=list_tools,
        action="tools.read",
        query=ToolsQuery,
        answer=Page[ToolInfo],
        tag="tools",
    ),
    Operation(
        method="GET",
        path="/api/tools/{name}",
        summary="A tool with all its versions",
        handler=get_tool,
        action="tools.read",
        answer=ToolInfo,
        tag="tools",
    ),
    Operation(
        method="POST",
        path="/api/tool-checks",
        summary="Compare the project's tools with what was recorded of their versions",
        handler=check_tools,
        action="tools.check",
        body=CheckBody,
        answer=ToolCheck,
        tag="tools",
    ),
)
