"""What the project trusts of its MCP servers, and how it signs in to them. Part of the API.

No answer of these operations holds a token.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field
from starlette.responses import Response

from muxi.core.lock_changes import LockApproval, ServerLock
from muxi.core.mcp_login import LoginAnswer, LoginPage
from muxi.core.pages import Page
from muxi.core.servers import ServerInfo
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.own_address import own_address
from muxi.server.paging import WholeQuery, page_of

_LOOPBACK: Final = r"^http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}/[^?#]*$"
_LONGEST = 8_192


class FreshQuery(Strict):
    fresh: bool = False
    """Whether servers are asked what they offer now."""


class LocksQuery(WholeQuery, FreshQuery):
    pass


class ApprovalBody(Strict):
    name: str | None = Field(None, max_length=1_000)
    """A tool, prompt or template; everything that can be approved without it."""
    seen: list[str] | None = Field(None, max_length=20_000)
    """Hashes of what the person has seen; what has changed since then is refused."""


class LoginBody(Strict):
    redirect_url: str | None = Field(None, pattern=_LOOPBACK, max_length=300)
    """Where the browser shall come back to, on its own machine; by default to the dashboard."""


class AnswerBody(Strict):
    code: str | None = Field(None, max_length=_LONGEST)
    state: str | None = Field(None, max_length=_LONGEST)
    iss: str | None = Field(None, max_length=_LONGEST)
    error: str | None = Field(None, max_length=_LONGEST)
    error_description: str | None = Field(None, max_length=_LONGEST)


async def list_locks(call: Call[Nothing, LocksQuery]) -> Page[ServerLock]:
    found = await call.runtime.mcp.trust.states(call.who, fresh=call.query.fresh)
    return page_of(found, call.query, lambda each: each.server)


async def get_lock(call: Call[Nothing, FreshQuery]) -> ServerLock:
    return await call.runtime.mcp.trust.state(call.path["name"], call.who, fresh=call.query.fresh)


async def lock_server(call: Call[Nothing, Nothing]) -> ServerLock:
    return await call.runtime.mcp.trust.trust(call.path["name"], call.who)


async def forget_server(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.mcp.trust.forget(call.path["name"])
    return Response(status_code=204)


async def approve(call: Call[ApprovalBody, Nothing]) -> ServerLock:
    approval = LockApproval(name=call.body.name, seen=call.body.seen)
    return await call.runtime.mcp.trust.approve(call.path["name"], approval, call.who)


async def begin_login(call: Call[LoginBody, Nothing]) -> LoginPage:
    name = call.path["name"]
    back = call.body.redirect_url or f"{own_address(call)}/servers/{name}/login"
    url = await call.runtime.mcp.logins.begin(name, back)
    return LoginPage(url=url)


async def finish_login(call: Call[AnswerBody, Nothing]) -> ServerInfo:
    answer = LoginAnswer.model_validate(call.body.model_dump())
    return await call.runtime.mcp.finish_login(call.path["name"], answer, call.who)


async def log_out(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.mcp.log_out(call.path["name"], call.who)
    return Response(status_code=204)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/mcp/lock",
        summary="What differs between what is trusted of all MCP servers and what they offer",
        handler=list_locks,
        action="mcp.read",
        query=LocksQuery,
        answer=Page[ServerLock],
        tag="mcp",
    ),
    Operation(
        method="GET",
        path="/api/mcp/servers/{name}/lock",
        summary="What differs between what is trusted of an MCP server and what it offers",
        handler=get_lock,
        action="mcp.read",
        query=FreshQuery,
        answer=ServerLock,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/lock",
        summary="Trust an MCP server that is new, except for what is suspicious",
        handler=lock_server,
        action="mcp.write",
        answer=ServerLock,
        tag="mcp",
    ),
    Operation(
        method="DELETE",
        path="/api/mcp/servers/{name}/lock",
        summary="Take an MCP server out of the lock",
        handler=forget_server,
        action="mcp.write",
        status=204,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/approve",
        summary="Approve what is new or changed of an MCP server",
        handler=approve,
        action="mcp.write",
        body=ApprovalBody,
        answer=ServerLock,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/login",
        summary="Begin to sign in to an MCP server",
        handler=begin_login,
        action="mcp.login",
        body=LoginBody,
        answer=LoginPage,
        tag="mcp",
    ),
    Operation(
        method="POST",
        path="/api/mcp/servers/{name}/login/answer",
        summary="Finish to sign in with what the browser came back with",
        handler=finish_login,
        action="mcp.login",
        body=AnswerBody,
        answer=ServerInfo,
        tag="mcp",
    ),
    Operation(
        method="DELETE",
        path="/api/mcp/servers/{name}/login",
        summary="Sign out of an MCP server",
        handler=log_out,
        action="mcp.login",
        status=204,
        tag="mcp",
    ),
)
