"""The ASGI application: finds the operation, checks access, parses, calls, renders.

Run by `serve`. Every answer leaves through here, so that headers and errors are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from muxi.core.caller import STRANGER, Caller
from muxi.core.errors import InvalidInput, NotFound, PreconditionFailed, ServerUnavailable
from muxi.runtime.build import Runtime
from muxi.server import problems
from muxi.server.access import Access
from muxi.server.asking import Asked, caller_of, refuse_repeated
from muxi.server.bodies import pieces, read_body
from muxi.server.conditions import (
    IF_MATCH,
    IF_NONE_MATCH,
    is_known,
    rendered,
    tag_of,
    turn,
    unless_changed,
    unless_there,
)
from muxi.server.cross_origin import is_preflight, preflight, shown_to
from muxi.server.idempotency import HEADER, key_of, once
from muxi.server.mcp.endpoint import Endpoint
from muxi.server.mcp.paths import CALLER, LINES, PATH
from muxi.server.mcp.protected import challenged, resource_at
from muxi.server.operations import (
    HEALTH,
    NOTHING,
    Answer,
    AnyOperation,
    Call,
    EventStream,
    Headers,
    parse_body,
    parse_query,
    perform,
)
from muxi.server.pages import Pages
from muxi.server.problems import Refused, problem_for
from muxi.server.request_ids import REQUEST_ID_HEADER, begin_request
from muxi.server.router import Found, Place, Resource, Router
from muxi.server.sse import send_events

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")
_TELLING = (b"content-type", b"content-length", b"upload-length", b"upload-metadata")
"""Headers that make requests differ whose bodies are alike, or are not looked at before."""
_TAGGED = ("GET", "PUT", "PATCH")
_SAFETY = (
    (b"x-content-type-options", b"nosniff"),
    # Nothing to other sites; `no-referrer` would take the origin from our own forms too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = {"cache-control": "no-store"}


class App:
    """muxi over HTTP: the API of one project and the files of its dashboard."""

    def __init__(
        self,
        runtime: Runtime,
        resources: Sequence[Resource],
        *,
        access: Access,
        pages: Pages,
        mcp: Endpoint | None,
    ) -> None:
        self._runtime = runtime
        self._mcp = mcp
        self._access = access
        self._pages = pages
        self._router = Router(resources)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        found = await self._router.find(scope["path"], scope["method"])
        origin = headers.get(b"origin")
        if origin is not None and self._access.addresses.allows_origin(origin):
            send = shown_to(origin, send)
        found.told.append((REQUEST_ID_HEADER, begin_request(headers).encode()))
        try:
            answer = await self._answer(scope, receive, headers, found)
        except Refused as refused:
            answer = self._refusal(headers, refused, found.operation)
        except Exception as error:  # noqa: BLE001 -- the boundary of a request: whatever a route raises is answered
            answer = _problem(error, found.operation)
        if isinstance(answer, EventStream):
            answer.headers = (*answer.headers, *found.told)
            await send_events(answer, receive, send)
        elif isinstance(answer, Endpoint):
            await answer(scope, receive, send)
        else:
            answer.raw_headers.extend(found.told)
            answer.raw_headers.extend(_SAFETY)
            await answer(scope, receive, send)

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Headers, found: Found
    ) -> Response | EventStream | Endpoint:
        access, method = self._access, scope["method"]
        place, operation = found.place, found.operation
        if len(headers) != len(scope["headers"]):
            refuse_repeated(scope["headers"])
        access.check_address(headers, scope["server"], scope["scheme"])
        if is_preflight(method, headers):
            # The page was found to be one that may ask.
            return preflight()
        caller = await self._admit(scope, headers, found)
        if scope["path"] in (PATH, f"{PATH}/", LINES):
            return await self._find_mcp(scope, caller)
        if operation is None:
            return self._without_operation(place, scope)
        if operation.action and operation.resource is None:
            # Before the body is read: who may not has nothing to send.
            await self._runtime.guard.require(caller, operation.action)
        body = b""
        if method not in _WITHOUT_BODY and not operation.streamed:
            body = await read_body(receive, headers)
        call: Call[Any, Any] = Call(
            runtime=self._runtime,
            access=access,
            caller=caller,
            path=found.names,
            body=parse_body(operation.body, body, headers),
            query=parse_query(operation.query, scope["query_string"]),
            headers=headers,
            scheme=scope["scheme"],
            address=_address(scope),
            pieces=partial(pieces, receive),
        )
        if operation.action and operation.resource is not None:
            upon = operation.resource(call)
            await self._runtime.guard.require(caller, operation.action, upon)
        carry_out = partial(self._carry_out, operation, call, scope, place)
        if method != "POST" or HEADER not in headers or operation.open:
            return await carry_out()
        seen = b"" if operation.confidential else body
        told = (headers.get(name, b"") for name in _TELLING)
        parts = (scope["raw_path"], scope["query_string"], seen, *told)
        key = key_of(scope["headers"])
        return await once(operation, call, key, parts=parts, carry_out=carry_out)

    async def _admit(self, scope: Scope, headers: Headers, found: Found) -> Caller:
        """Who asks, unless nobody may ask now, or they have asked too often."""
        operation = found.operation
        if operation is not None and operation.tag == HEALTH:
            return STRANGER
        try:
            self._runtime.runs.check_open()
        except ServerUnavailable as error:
            # The process stops: a successor answers soon, on another connection.
            raise Refused(503, error, ((b"connection", b"close"),)) from None
        if operation is not None and operation.open:
            found.told += self._access.rates.admit_stranger(_address(scope))
            return STRANGER
        caller = await self._identify(scope, headers)
        found.told += await self._access.rates.admit(caller)
        return caller

    async def _carry_out(
        self, operation: AnyOperation, call: Call[Any, Any], scope: Scope, place: Place
    ) -> Response | EventStream:
        condition = call.headers.get(IF_MATCH)
        new = operation.method == "PUT" and call.headers.get(IF_NONE_MATCH) == b"*"
        if (condition is None and not new) or not call.caller.user:
            return _answered(await perform(operation, call), operation, call.headers)
        shown = place.methods.get("GET")
        read = None if shown is None else partial(_shown, shown, call, scope)
        current = operation.current and operation.current(call)
        async with turn(call.caller.tenant, scope["path"]):
            if condition is None:
                unchanged = await unless_there(read=read, current=current)
            else:
                unchanged = await unless_changed(condition, read=read, current=current)
            with unchanged:
                return _answered(await perform(operation, call), operation, call.headers)

    async def _identify(self, scope: Scope, headers: Headers) -> Caller:
        """Who asks, and for whom."""
        scheme = scope["scheme"]
        resource = resource_at(self._runtime, scope["path"], headers, scheme)
        asked = Asked(
            scope["method"],
            scope["headers"],
            headers,
            scope["server"],
            scope["client"],
            scheme,
            resource,
        )
        try:
            return await caller_of(self._runtime, self._access, asked)
        except Refused as refused:
            if resource is None or refused.status != 401:
                raise
            raise challenged(refused, resource, shown=b"authorization" in headers) from None

    async def _find_mcp(self, scope: Scope, caller: Caller) -> Endpoint:
        if self._mcp is None:
            raise NotFound(
                "This project offers nothing to MCP clients.",
                hint="`server: {mcp: {enabled: true}}` in muxi.yaml lets it.",
            )
        await self._runtime.guard.require(caller, "mcp.serve")
        scope[CALLER] = caller
        return self._mcp

    def _without_operation(self, place: Place, scope: Scope) -> Response:
        method, path = scope["method"], scope["path"]
        if place.methods:
            allowed = ", ".join(sorted(place.methods))
            error = InvalidInput(f"{path[:200]} does not know {method}.", hint=_SEE)
            raise Refused(405, error, ((b"allow", allowed.encode()),))
        if path.startswith("/api/") or method not in ("GET", "HEAD"):
            raise NotFound(f"There is nothing at {path[:200]}.", hint=_SEE)
        return self._pages.find(path)

    def _refusal(
        self, headers: Headers, refused: Refused, operation: AnyOperation | None
    ) -> Response:
        if refused.status == 401 and b"text/html" in headers.get(b"accept", b""):
            return self._access.login_page()
        answer = _problem(refused, operation)
        answer.raw_headers.extend(refused.headers)
        return answer


_SEE = "/openapi.json tells what there is."


def _address(scope: Scope) -> str:
    """Where a request came from; empty for a socket of this machine."""
    return scope["client"][0] if scope["client"] else ""


def _answered(answer: Answer, operation: AnyOperation, headers: Headers) -> Response | EventStream:
    """What a handler gave, as it goes out; nothing but its ETag to a client that has it already."""
    if not isinstance(answer, BaseModel):
        return answer
    content = rendered(answer)
    if operation.method not in _TAGGED:
        return Response(content, operation.status, _NO_STORE, "application/json")
    tag = tag_of(content)
    if operation.method == "GET" and is_known(headers.get(IF_NONE_MATCH), tag):
        answered = Response(status_code=304, headers=_NO_STORE)
    else:
        answered = Response(content, operation.status, _NO_STORE, "application/json")
    answered.raw_headers.append((b"etag", tag))
    return answered


async def _shown(read: AnyOperation, call: Call[Any, Any], scope: Scope) -> bytes:
    """What whoever reads at the address of `call` is answered now."""
    query = parse_query(read.query, scope["query_string"], of_another=True)
    answer = await read.handler(replace(call, body=NOTHING, query=query))
    if isinstance(answer, BaseModel):
        return rendered(answer)
    raise PreconditionFailed("What is at this address has no ETag.")


def _problem(error: Exception, operation: AnyOperation | None) -> Response:
    problem = problem_for(error)
    if operation is not None and operation.problem is not None:
        answer = operation.problem(problem)
    else:
        answer = Response(problem.model_dump_json(), problem.status, _NO_STORE, problems.MEDIA_TYPE)
    if isinstance(seconds := problem.details.get("retry_after"), int):
        answer.raw_headers.append((b"retry-after", str(seconds).encode()))
    return answer
