"""What servers have beside tools: resources, prompts, completion. Called by `runtime` for doors.

Everything is asked of the server at the time; only what the lock lets through is asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from muxi.core.errors import InvalidInput, NotFound, ToolFailed
from muxi.core.messages import Message, ToolContent
from muxi.core.servers import PromptArgument, RemotePrompt, RemoteResource
from muxi.mcp.connection import Connection
from muxi.mcp.content import content_parts, resource_parts
from muxi.mcp.surface import Surface
from muxi.tools.content import cut_content

_MOST: Final = 5_000
"""Resources of one server that are told."""
_MOST_PAGES: Final = 200


async def resources(connection: Connection) -> list[RemoteResource]:
    """All resources that a server lists.

    Raises:
        ToolFailed: It cannot be reached, or fails.
    """
    found: list[RemoteResource] = []
    cursor: str | None = None
    session = await connection.session()
    for _ in range(_MOST_PAGES):
        params = types.PaginatedRequestParams(cursor=cursor)
        page = await _asked(connection, session.list_resources(params=params))
        found += [_resource(each) for each in page.resources]
        if page.next_cursor is None or page.next_cursor == cursor or len(found) >= _MOST:
            break
        cursor = page.next_cursor
    return found[:_MOST]


def prompts(surface: Surface) -> list[RemotePrompt]:
    """The prompts of a server that are let through."""
    return [
        RemotePrompt(
            name=str(each.get("name", "")),
            title=_text(each.get("title")),
            description=_text(each.get("description")),
            arguments=[
                PromptArgument(
                    name=str(argument.get("name")),
                    description=_text(argument.get("description")),
                    required=argument.get("required") is True,
                )
                for argument in cast("list[dict[str, Any]]", each.get("arguments") or [])
            ],
        )
        for each in surface.prompts
    ]


async def read(connection: Connection, uri: str) -> list[ToolContent]:
    """What a resource holds.

    Raises:
        NotFound: There is no such resource.
        ToolFailed: The server cannot be reached, or fails.
    """
    session = await connection.session()
    result = await _asked(connection, session.read_resource(uri))
    return resource_parts(result.contents, max_bytes=connection.settings.max_result)


async def prompt(
    connection: Connection, surface: Surface, name: str, arguments: dict[str, str]
) -> list[Message]:
    """A prompt of a server as messages.

    Raises:
        NotFound: There is no such prompt, or it is held back.
        InvalidInput: An argument is missing or unknown.
        ToolFailed: The server cannot be reached, or fails.
    """
    known = next((each for each in prompts(surface) if each.name == name), None)
    if known is None:
        raise NotFound(f"The MCP server {connection.name} has no prompt {name[:100]}.")
    _check_arguments(known, arguments)
    session = await connection.session()
    result = await _asked(connection, session.get_prompt(name, arguments))
    most = connection.settings.max_result
    return [
        Message(role=each.role, parts=[*cut_content(list(content_parts([each.content])), most)])
        for each in result.messages
    ]


async def complete(
    connection: Connection, *, prompt: str | None, uri: str | None, argument: tuple[str, str]
) -> list[str]:
    """What could stand for an argument of a prompt, or of the template of an address.

    Raises:
        InvalidInput: Neither a prompt nor a template is named.
        ToolFailed: The server cannot be reached, or fails.
    """
    if (prompt is None) == (uri is None):
        raise InvalidInput("Name either a prompt or the template of an address.")
    session = await connection.session()
    able = session.server_capabilities
    if able is None or able.completions is None:
        return []
    ref: types.PromptReference | types.ResourceTemplateReference = (
        types.PromptReference(type="ref/prompt", name=prompt)
        if prompt is not None
        else types.ResourceTemplateReference(type="ref/resource", uri=uri or "")
    )
    name, value = argument
    asked = session.complete(ref=ref, argument={"name": name, "value": value})
    result = await _asked(connection, asked)
    return list(result.completion.values)


def _resource(said: types.Resource) -> RemoteResource:
    return RemoteResource(
        uri=str(said.uri),
        name=said.name,
        title=said.title,
        description=said.description,
        media_type=said.mime_type,
        size=said.size,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _check_arguments(known: RemotePrompt, arguments: dict[str, str]) -> None:
    wanted = {each.name: each.required for each in known.arguments}
    unknown = [name for name in arguments if name not in wanted]
    missing = [name for name, required in wanted.items() if required and name not in arguments]
    if unknown or missing:
        problem = f"has no argument {unknown[0]}" if unknown else f"needs {missing[0]}"
        there = ", ".join(wanted) or "none"
        raise InvalidInput(f"The prompt {known.name} {problem}.", hint=f"There is: {there}.")


async def _asked(connection: Connection, request: Any) -> Any:
    """The answer to a request, or an error in our own terms."""
    try:
        async with asyncio.timeout(connection.settings.timeout):
            return await request
    except TimeoutError:
        connection.suspect()
        raise ToolFailed(f"The MCP server {connection.name} did not answer in time.") from None
    except MCPError as error:
        if error.code in (types.INVALID_PARAMS, -32002):
            raise NotFound(f"The MCP server {connection.name} says: {error.message}") from error
        words = f"The MCP server {connection.name} failed: {error.message}"
        raise ToolFailed(words[:2_000]) from error
    except (ValidationError, RuntimeError) as error:
        words = f"The MCP server {connection.name} gave an answer that cannot be used: {error}"
        raise ToolFailed(words[:500]) from error
