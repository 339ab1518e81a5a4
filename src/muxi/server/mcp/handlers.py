"""A surface as a server of the SDK: finds what is asked for, checks it, and words what goes wrong.

Called by `host`. Everything that is offered goes through here, so these hold for all of it: unknown
arguments are refused, lists come in pages, an error of a tool is an answer for the model while a
mistake of the client is an error of the protocol, and nothing internal is told.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as types
from mcp.server.extension import Extension, compose_tool_call_handler
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from muxi.core.caller import Caller
from muxi.core.errors import InvalidInput, MuxiError, NotFound, summarize
from muxi.server.mcp.arguments import refusal
from muxi.server.mcp.call import LOG_LEVEL, Call, Context, InputRequired, connection_of
from muxi.server.mcp.paging import page
from muxi.server.mcp.surface import ServedPrompt, Surface
from muxi.server.mcp.watching import Watching
from muxi.telemetry.redaction import SECRETS

_log = logging.getLogger("muxi.mcp")

_OLD_NOT_FOUND: Final = -32002
"""The code of a resource that is not there, up to revision 2025-11-25."""
_STATE_SECONDS: Final = 7 * 24 * 3600.0
"""How long a question to a person may stay open before the call cannot be made again."""

Who = Callable[[Context], Caller]


def make_server(
    surface: Surface,
    info: types.Implementation,
    *,
    who: Who,
    key: bytes,
    extensions: Sequence[Extension] = (),
) -> Served:
    """A server of the SDK that serves `surface` in all revisions that the SDK knows.

    Args:
        surface: What it offers.
        info: How it introduces itself.
        who: Who makes a request.
        key: At least 32 secret bytes, the same for every process that serves this project: what a
            client brings back from an earlier round is sealed with it.
        extensions: Extensions of the protocol that it speaks besides.
    """
    watching = Watching(surface, who)
    handlers = _Handlers(surface, who, watching)
    server = _Server(
        info.name,
        version=info.version,
        title=info.title,
        description=info.description,
        website_url=info.website_url,
        icons=info.icons,
        instructions=surface.instructions,
        get_tool_input_schema=surface.header_schema,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_subscribe_resource=watching.subscribe,
        on_unsubscribe_resource=watching.unsubscribe,
        on_subscriptions_listen=watching.listen,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_completion=handlers.complete,
    )
    server.tells_lists = surface.changed is not None
    security = RequestStateSecurity(
        keys=[key],
        ttl=_STATE_SECONDS,
        bind_principal=lambda ctx: f"{who(ctx).tenant}\0{who(ctx).subject}",
    )
    server.middleware.append(RequestStateBoundary(security, default_audience=info.name))
    _adapt(server, surface, handlers)
    _extend(server, extensions, handlers)
    return Served(server, watching)


class _Server(Server[Any]):
    """Says in the handshake of the older revisions too whether lists are told when they change."""

    tells_lists = False

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *rest: Any, **more: Any
    ) -> InitializationOptions:
        told = notification_options or NotificationOptions(
            tools_changed=self.tells_lists, prompts_changed=self.tells_lists
        )
        return super().create_initialization_options(told, *rest, **more)


@dataclass(frozen=True, slots=True)
class Served:
    """A server of the SDK, and what its clients watch."""

    server: Server[Any]
    watching: Watching


def _adapt(server: Server[Any], surface: Surface, handlers: _Handlers) -> None:
    """Offer a log to clients of the older revisions, and only to them: it is deprecated since."""
    if surface.logs:
        # By this method, since the constructor warns that newer revisions have no such request.
        server.add_request_handler(
            "logging/setLevel", types.SetLevelRequestParams, handlers.set_level
        )

    async def discover(ctx: Context, params: types.RequestParams) -> types.DiscoverResult:
        able = server.get_capabilities(protocol_version=ctx.protocol_version)
        return types.DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=able.model_copy(update={"logging": None}),
            instructions=surface.instructions,
        )

    server.add_request_handler("server/discover", types.RequestParams, discover)


def _extend(server: Server[Any], extensions: Sequence[Extension], handlers: _Handlers) -> None:
    for extension in extensions:
        server.extensions[extension.identifier] = extension.settings()
        for binding in extension.methods():
            server.add_request_handler(binding.method, binding.params_type, binding.handler)
    if extensions:
        server.add_request_handler(
            "tools/call",
            types.CallToolRequestParams,
            compose_tool_call_handler(extensions, handlers.call_tool),
        )


class _Handlers:
    """One method for each request of the protocol."""

    def __init__(self, surface: Surface, who: Who, watching: Watching) -> None:
        self._surface = surface
        self._who = who
        self._watching = watching

    async def list_tools(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        with _mistakes():
            self._watching.follow_lists(ctx)
            tools = await self._surface.tools(self._call(ctx))
            shown, cursor = page(tools, _cursor(params))
            return types.ListToolsResult(tools=[each.shown for each in shown], next_cursor=cursor)

    async def call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        call = self._call(ctx, params)
        with _mistakes():
            tools = await self._surface.tools(call)
        tool = next((each for each in tools if each.shown.name == params.name), None)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name[:128]}")
        arguments = params.arguments or {}
        why = refusal(params.name, tool.shown.input_schema, arguments)
        if why is not None:
            return failed(why)
        try:
            return await tool.run(arguments, call)
        except InputRequired as needed:
            return _input_required(needed)
        except MCPError:
            raise
        except MuxiError as error:
            return failed(SECRETS.redact(summarize(error)))
        except Exception:  # noqa: BLE001 -- the boundary of a call: what it raises is logged, not told
            _log.exception("The tool %s failed.", params.name)
            return failed(f"{params.name} failed.")

    async def list_resources(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        with _mistakes():
            found, cursor = await self._surface.resources(_cursor(params), self._call(ctx))
            return types.ListResourcesResult(resources=list(found), next_cursor=cursor)

    async def list_templates(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        with _mistakes():
            templates = await self._surface.templates(self._call(ctx))
            shown, cursor = page(templates, _cursor(params))
            return types.ListResourceTemplatesResult(
                resource_templates=list(shown), next_cursor=cursor
            )

    async def read_resource(
        self, ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult | types.InputRequiredResult:
        call = self._call(ctx, params)
        try:
            with _mistakes():
                contents = await self._surface.read(params.uri, call)
                return types.ReadResourceResult(contents=list(contents))
        except InputRequired as needed:
            return _input_required(needed)
        except _NotThere as error:
            code = types.INVALID_PARAMS if call.modern else _OLD_NOT_FOUND
            raise MCPError(code, error.message, {"uri": params.uri}) from None

    async def list_prompts(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        with _mistakes():
            self._watching.follow_lists(ctx)
            prompts = await self._surface.prompts(self._call(ctx))
            shown, cursor = page(prompts, _cursor(params))
            return types.ListPromptsResult(
                prompts=[each.shown for each in shown], next_cursor=cursor
            )

    async def get_prompt(
        self, ctx: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult | types.InputRequiredResult:
        call = self._call(ctx, params)
        try:
            with _mistakes():
                prompts = await self._surface.prompts(call)
                prompt = next((each for each in prompts if each.shown.name == params.name), None)
                if prompt is None:
                    raise InvalidInput(f"Unknown prompt: {params.name[:128]}")
                arguments = params.arguments or {}
                _check_arguments(prompt, arguments)
                return await prompt.get(arguments, call)
        except InputRequired as needed:
            return _input_required(needed)

    async def complete(
        self, ctx: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        with _mistakes():
            found = await self._surface.complete(params, self._call(ctx))
            return types.CompleteResult(completion=found)

    async def set_level(
        self, ctx: Context, params: types.SetLevelRequestParams
    ) -> types.EmptyResult:
        connection_of(ctx).state[LOG_LEVEL] = params.level
        return types.EmptyResult()

    def _call(self, ctx: Context, params: types.InputResponseRequestParams | None = None) -> Call:
        return Call(ctx, self._who(ctx), params)


def failed(text: str) -> types.CallToolResult:
    """A call that did not succeed, in words for the model."""
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


def _check_arguments(prompt: ServedPrompt, arguments: dict[str, str]) -> None:
    known = prompt.shown.arguments or []
    missing = [each.name for each in known if each.required and each.name not in arguments]
    if missing:
        raise InvalidInput(f"The prompt {prompt.shown.name} needs {', '.join(missing)}.")
    foreign = sorted(arguments.keys() - {each.name for each in known})
    if foreign:
        raise InvalidInput(f"The prompt {prompt.shown.name} does not know {foreign[0][:128]}.")


def _cursor(params: types.PaginatedRequestParams | None) -> str | None:
    return None if params is None else params.cursor


def _input_required(needed: InputRequired) -> types.InputRequiredResult:
    state = None if needed.state is None else json.dumps(needed.state)
    return types.InputRequiredResult(input_requests=needed.requests, request_state=state)


class _NotThere(MCPError):
    """What is asked for does not exist; the code depends on the era."""


@contextmanager
def _mistakes() -> Generator[None]:
    """Errors of muxi become errors of the protocol, in their own words."""
    try:
        yield
    except MuxiError as error:
        words = SECRETS.redact(summarize(error))
        if isinstance(error, NotFound):
            raise _NotThere(types.INVALID_PARAMS, words) from error
        code = types.INVALID_PARAMS if isinstance(error, InvalidInput) else types.INTERNAL_ERROR
        raise MCPError(code, words) from error
