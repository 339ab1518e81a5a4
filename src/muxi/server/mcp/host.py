"""The living server of MCP: streamable HTTP in both eras, and whole connections line by line.

Made by `endpoint` at the first request. It must never look at credentials: whoever gets here was
let in by the dispatcher, which also says in whose name a request is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.extension import Extension
from mcp.server.runner import serve_dual_era_loop
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.message import SessionMessage
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from muxi.core.caller import Caller
from muxi.runtime.principal import Principal
from muxi.server.mcp.call import Context
from muxi.server.mcp.handlers import make_server
from muxi.server.mcp.paths import CALLER
from muxi.server.mcp.surface import Surface
from muxi.server.mcp.tasks import Tasks

MAX_MESSAGE: Final = 4 << 20
"""Bytes of the largest message of a client, the same on every transport."""

MAX_SESSIONS: Final = 1_000
"""Sessions that one user, service or key may have open; a client that leaves may forget to end its
own, which then ends after half an hour of silence."""

_LAST_ANSWERS: Final = 1.0
"""Seconds for answers that are still being given when the server ends."""

_LINES: Final = (
    (b"content-type", b"application/x-ndjson"),
    (b"cache-control", b"no-store"),
)


class Host:
    """Serves a surface until it is closed.

    Args:
        surface: What is offered.
        info: How the server introduces itself.
        key: At least 32 secret bytes; see `make_server`.
        extensions: Extensions of the protocol.
    """

    def __init__(
        self,
        surface: Surface,
        info: types.Implementation,
        *,
        key: bytes,
        extensions: Sequence[Extension] = (),
    ) -> None:
        made = make_server(surface, info, who=caller_of, key=key, extensions=extensions)
        self._tasks = [each for each in extensions if isinstance(each, Tasks)]
        self._server, self._watching = made.server, made.watching
        self._manager = _Sessions(self._server, max_request_body_size=MAX_MESSAGE)
        self._conversations: set[anyio.CancelScope] = set()
        self._answers: set[asyncio.Task[Any]] = set()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when requests can be served."""
        started = asyncio.Event()
        self._task = asyncio.create_task(self._live(started), name="mcp")
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            waiting.cancel()
            self._task.result()

    async def close(self) -> None:
        """End all sessions."""
        self._watching.close()
        if self._answers:
            # Runs have been stopped: who asked is told so.
            await asyncio.wait(self._answers, timeout=_LAST_ANSWERS)
        for tasks in self._tasks:
            await tasks.close()
        for conversation in self._conversations:
            conversation.cancel()
        self._ending.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of streamable HTTP."""
        scope["user"] = _owner_of(scope[CALLER])
        task = asyncio.current_task()
        if task is None or scope["method"] != "POST":
            # Streams without a question have no end of their own.
            await self._manager.handle_request(scope, receive, send)
            return
        self._answers.add(task)
        try:
            await self._manager.handle_request(scope, receive, send)
        finally:
            self._answers.discard(task)

    async def serve_lines(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold a whole conversation: a message a line, in the body of a request and of its answer.

        It ends when either side has ended its body.
        """
        await send({"type": "http.response.start", "status": 200, "headers": list(_LINES)})
        inward, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, outward = anyio.create_memory_object_stream[SessionMessage](0)
        async with anyio.create_task_group() as tasks:
            self._conversations.add(tasks.cancel_scope)
            tasks.start_soon(_read_lines, receive, inward, write.clone())
            tasks.start_soon(_write_lines, outward, send)
            await serve_dual_era_loop(self._server, read, write, lifespan_state=scope[CALLER])
        self._conversations.discard(tasks.cancel_scope)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _live(self, started: asyncio.Event) -> None:
        # The manager must be left by the task that entered it.
        async with self._manager.run():
            started.set()
            await self._ending.wait()


class _Sessions(StreamableHTTPSessionManager):
    """All sessions, of which nobody takes the others' part: who has enough is refused with 503."""

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        if sum(owner == requestor for owner in self._session_owners.values()) >= MAX_SESSIONS:
            return None
        return super()._admit_session(requestor)


def _owner_of(caller: Caller) -> AuthenticatedUser:
    """Whose a session is that this caller opens: to all others it is none.

    Who refreshes their credential is still the same.
    """
    subject = f"{caller.tenant}\0{caller.user}\0{caller.subject}"
    return AuthenticatedUser(AccessToken(token="", client_id="", scopes=[], subject=subject))


def caller_of(ctx: Context) -> Caller:
    """Whom the dispatcher has let in, by this request or by the one that holds the conversation."""
    return ctx.lifespan_context if ctx.request is None else ctx.request.scope[CALLER]


def who_asks(ctx: Context) -> Principal:
    """In whose name a request is made."""
    return caller_of(ctx).scope


async def _read_lines(
    receive: Receive,
    inward: MemoryObjectSendStream[SessionMessage | Exception],
    write: MemoryObjectSendStream[SessionMessage],
) -> None:
    rest = bytearray()
    more = True
    async with inward, write:
        while more:
            message: Any = await receive()
            if message["type"] == "http.disconnect":
                return
            rest += message.get("body", b"")
            more = message.get("more_body", False)
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            for line in lines:
                if line.strip():
                    await _pass_on(line, inward, write)
            if len(rest) > MAX_MESSAGE:
                await write.send(_refusal(types.PARSE_ERROR, "The message is too long."))
                return


async def _pass_on(
    line: bytes | bytearray,
    inward: MemoryObjectSendStream[SessionMessage | Exception],
    write: MemoryObjectSendStream[SessionMessage],
) -> None:
    """Hand a message to the server, or say what is wrong with it."""
    try:
        message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        bad_json = any(fault["type"] == "json_invalid" for fault in error.errors())
        code = types.PARSE_ERROR if bad_json else types.INVALID_REQUEST
        words = "This is not JSON." if bad_json else "This is not a message of JSON-RPC 2.0."
        await write.send(_refusal(code, words))
    else:
        await inward.send(SessionMessage(message))


def _refusal(code: int, words: str) -> SessionMessage:
    error = types.ErrorData(code=code, message=words)
    return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=None, error=error))


async def _write_lines(outward: MemoryObjectReceiveStream[SessionMessage], send: Send) -> None:
    async with outward:
        async for message in outward:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            body = line.encode() + b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})
