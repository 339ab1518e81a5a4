"""The MCP servers whose tools the project's agents use: how they do, what they have beside tools.

Part of the API. muxi's own MCP server stands in `mcp/`.
"""

from __future__ import annotations

from pydantic import Field

from muxi.core.pages import Page
from muxi.core.servers import (
    Completions,
    PromptMessages,
    RemoteContent,
    RemotePrompt,
    RemoteResource,
    ServerInfo,
    ServerLogLines,
)
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.paging import WholeQuery, page_of

_LONGEST = 4_000
"""Characters of an address of a resource."""


class LogQuery(Strict):
    lines: int = Field(100, ge=1, le=1_000)


class ResourceQuery(Strict):
    uri: str = Field(min_length=1, max_length=_LONGEST)


class PromptBody(Strict):
    arguments: dict[str, str] = Field(default_factory=dict[str, str], max_length=100)


class CompletionBody(Strict):
    prompt: str | None = Field(None, max_length=1_000)
    """The prompt that the value is for; else `uri`."""
    uri: str | None = Field(None, max_length=_LONGEST)
    """The template of addresses that the value is for."""
    name: str = Field(max_length=1_000)
    value: str = Field("", max_length=_LONGEST)
    """What has been written of it."""


async def list_servers(call: Call[Nothing, WholeQuery]) -> Page[ServerInfo]:
    return page_of(call.runtime.mcp.infos(call.who), call.query, lambda each: each.name)


async def get_server(call: Call[Nothing, Nothing]) -> ServerInfo:
    return call.runtime.mcp.info(call.path["name"], call.who)


async def restart_server(call: Call[Nothing, Nothing]) -> ServerInfo:
    return await call.runtime.mcp.restart(call.path["name"], call.who)


async def get_log(call: Call[Nothing, LogQuery]) -> ServerLogLines:
    lines = call.runtime.mcp.log(call.path["name"], call.who, call.query.lines)
    return ServerLogLines(lines=lines)


async def list_resources(call: Call[Nothing, WholeQuery]) -> Page[RemoteResource]:
    found = await call.runtime.mcp.beside.resources(call.path["name"], call.who)
    return page_of(found, call.query, lambda each: each.uri)


async def read_resource(call: Call[Nothing, ResourceQuery]) -> RemoteContent:
    mcp, name = call.runtime.mcp.beside, call.path["name"]
    return RemoteContent(parts=await mcp.read(name, call.who, call.query.uri))


async def list_prompts(call: Call[Nothing, WholeQuery]) -> Page[RemotePrompt]:
    found = await call.runtime.mcp.beside.prompts(call.path["name"], call.who)
    return page_of(found, call.query, lambda each: each.name)


async def fill_prompt(call: Call[PromptBody, Nothing]) -> PromptMessages:
    mcp, path = call.runtime.mcp.beside, call.path
    messages = await mcp.prompt(path["name"], call.who, path["prompt"], call.body.arguments)
    return PromptMessages(messages=messages)


async def complete(call: Call[CompletionBody, Nothing]) -> Completions:
    body = call.body
    values = await call.runtime.mcp.beside.complete(
        call.path["name"],
        call.who,
        prompt=body.prompt,
        uri=body.uri,
        argument=(body.name, body.value),
    )
    return Completions(values=values)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/mcp/servers",
        summary="The MCP servers of the project, and how they are doing",
        handler=list_servers,
        query=WholeQuery,
        action="mcp.read",
        answer=Page[ServerInfo],
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}",
        summary="One MCP server",
        handler=get_server,
        action="mcp.read",
        answer=ServerInfo,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/restart",
        summary="End an MCP server and begin anew",
        handler=restart_server,
        action="mcp.write",
        answer=ServerInfo,
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}/log",
        summary="The last words of an MCP server",
        handler=get_log,
        action="mcp.logs",
        query=LogQuery,
        answer=ServerLogLines,
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}/resources",
        summary="The resources of an MCP server",
        handler=list_resources,
        query=WholeQuery,
        action="mcp.use",
        answer=Page[RemoteResource],
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}/resource",
        summary="What a resource of an MCP server holds",
        handler=read_resource,
        action="mcp.use",
        query=ResourceQuery,
        answer=RemoteContent,
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}/prompts",
        summary="The prompts of an MCP server",
        handler=list_prompts,
        query=WholeQuery,
        action="mcp.use",
        answer=Page[RemotePrompt],
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/prompts/{prompt}",
        summary="A prompt of an MCP server with its arguments, as messages",
        handler=fill_prompt,
        action="mcp.use",
        body=PromptBody,
        answer=PromptMessages,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/complete",
        summary="What could stand for an argument of a prompt or of a template",
        handler=complete,
        action="mcp.use",
        body=CompletionBody,
        answer=Completions,
        tag="mcp",
    ),
)
