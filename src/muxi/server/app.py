"""The ASGI application: finds the operation, checks access, parses, calls, renders.

Run by `serve`. Every answer leaves through here, so that headers and errors are the same for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from muxi.core.caller import STRANGER, Caller
from muxi.core.errors import InvalidInput, MuxiError, NotFound
from muxi.runtime.build import Runtime
from muxi.server import problems
from muxi.server.access import Access
from muxi.server.mcp.endpoint import Endpoint
from muxi.server.mcp.paths import CALLER, LINES, PATH
from muxi.server.operations import (
    AnyOperation,
    Call,
    EventStream,
    Headers,
    parse_body,
    parse_query,
)
from muxi.server.pages import Pages
from muxi.server.problems import Refused, problem_for
from muxi.server.sse import send_events
from muxi.server.users import named_user

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest body: a message with images, not an upload."""

BODY_SECONDS = 30.0
"""Seconds for a body to come, and for each of its pieces as many more as `_SLOWEST` needs."""

_SLOWEST = 64 * 1024
"""Bytes a second of the slowest line that is waited for."""

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")
_SAFETY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = {"cache-control": "no-store"}


class App:
    """muxi over HTTP: the API of one project and the files of its dashboard."""

    def __init__(
        self,
        runtime: Runtime,
        operations: Sequence[AnyOperation],
        *,
        access: Access,
        pages: Pages,
        mcp: Endpoint | None,
    ) -> None:
        self._runtime = runtime
        self._mcp = mcp
        self._access = access
        self._pages = pages
        places: dict[str, _Place] = {}
        for operation in operations:
            place = places.setdefault(operation.path, _Place())
            place.methods[operation.method] = operation
        self._fixed = {path: place for path, place in places.items() if "{" not in path}
        self._patterns = [
            (compile_path(path)[0], place) for path, place in places.items() if "{" in path
        ]
        self._nowhere = _Place()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    def _find(self, path: str) -> tuple[_Place, dict[str, str]]:
        """What lies at `path`, and the names in it."""
        place = self._fixed.get(path)
        if place is not None:
            return place, {}
        for pattern, place in self._patterns:
            if match := pattern.match(path):
                return place, match.groupdict()
        return self._nowhere, {}

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        try:
            answer = await self._answer(scope, receive, headers)
        except Refused as refused:
            answer = self._refusal(headers, refused)
        except Exception as error:  # noqa: BLE001 -- the boundary of a request: whatever a route raises is answered
            answer = _problem(error)
        if isinstance(answer, EventStream):
            await send_events(answer, receive, send)
        elif isinstance(answer, Endpoint):
            await answer(scope, receive, send)
        else:
            answer.raw_headers.extend(_SAFETY)
            await answer(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Headers
    ) -> Response | EventStream | Endpoint:
        access, method = self._access, scope["method"]
        place, names = self._find(scope["path"])
        access.check_address(headers, scope["server"])
        operation = place.methods.get("GET" if method == "HEAD" else method)
        caller = STRANGER
        if operation is None or not operation.open:
            caller = await self._identify(scope, headers)
        if scope["path"] in (PATH, f"{PATH}/", LINES):
            return await self._find_mcp(scope, caller)
        if operation is None:
            return self._without_operation(place, scope)
        body = b"" if method in _WITHOUT_BODY else await _read(receive, headers)
        call: Call[Any, Any] = Call(
            runtime=self._runtime,
            access=access,
            caller=caller,
            path=names,
            body=parse_body(operation.body, body, headers),
            query=parse_query(operation.query, scope["query_string"]),
            headers=headers,
        )
        if not operation.open:
            upon = None if operation.resource is None else operation.resource(call)
            await self._runtime.guard.require(caller, operation.action, upon)
        answer = await operation.handler(call)
        return _json(answer, operation.status) if isinstance(answer, BaseModel) else answer

    async def _identify(self, scope: Scope, headers: Headers) -> Caller:
        """Who asks, and for whom."""
        caller = await self._access.identify(
            scope["method"], headers, scope["server"], scope["client"]
        )
        named = named_user(scope["headers"])
        if named is None or named == caller.user:
            return caller
        await self._runtime.guard.require(caller, "users.act_for", named)
        return caller.acting(named)

    async def _find_mcp(self, scope: Scope, caller: Caller) -> Endpoint:
        if self._mcp is None:
            raise NotFound(
                "This project offers nothing to MCP clients.",
                hint="`server: {mcp: {enabled: true}}` in muxi.yaml lets it.",
            )
        await self._runtime.guard.require(caller, "mcp.serve")
        scope[CALLER] = caller
        return self._mcp

    def _without_operation(self, place: _Place, scope: Scope) -> Response:
        method, path = scope["method"], scope["path"]
        if place.methods:
            allowed = ", ".join(sorted(place.methods))
            error = InvalidInput(f"{path[:200]} does not know {method}.", hint=_SEE)
            raise Refused(405, error, ((b"allow", allowed.encode()),))
        if path.startswith("/api/") or method not in ("GET", "HEAD"):
            raise NotFound(f"There is nothing at {path[:200]}.", hint=_SEE)
        return self._pages.find(path)

    def _refusal(self, headers: Headers, refused: Refused) -> Response:
        if refused.status == 401 and b"text/html" in headers.get(b"accept", b""):
            return self._pages.signed_out(refused.error)
        answer = _problem(refused)
        answer.raw_headers.extend(refused.headers)
        return answer


_SEE = "/openapi.json tells what there is."


@dataclass(slots=True)
class _Place:
    """All operations of one path, or of the paths that no operation has."""

    methods: dict[str, AnyOperation] = field(default_factory=dict[str, "AnyOperation"])


def _json(model: BaseModel, status: int) -> Response:
    return Response(model.model_dump_json(), status, _NO_STORE, "application/json")


def _problem(error: Exception) -> Response:
    problem = problem_for(error)
    return Response(problem.model_dump_json(), problem.status, _NO_STORE, problems.MEDIA_TYPE)


async def _read(receive: Receive, headers: Headers) -> bytes:
    """The body, as long as it is not too long and comes in time.

    Raises:
        Refused: It is or does not, or the client broke it off.
    """
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > MAX_BODY:
        raise _too_large()
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    timer = asyncio.timeout_at(deadline)
    try:
        async with timer:
            return await _collect(receive, timer, deadline)
    except TimeoutError:
        raise _too_slow() from None


async def _collect(receive: Receive, timer: asyncio.Timeout, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, InvalidInput("The request was broken off."))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        chunks.append(chunk)
        more = message.get("more_body", False)
        if more:
            timer.reschedule(deadline + size / _SLOWEST)
    return b"".join(chunks)


def _too_slow() -> Refused:
    error = InvalidInput(
        "The body of the request did not come in time.",
        hint="Send the whole body at once; `Content-Length` must be its length.",
    )
    return Refused(408, error, ((b"connection", b"close"),))


def _too_large() -> Refused:
    error: MuxiError = InvalidInput(
        f"The body is larger than {MAX_BODY >> 20} MiB.",
        hint="Send large files by address instead of by value.",
    )
    # The rest of the body is not read, so the connection cannot be used again.
    return Refused(413, error, ((b"connection", b"close"),))
