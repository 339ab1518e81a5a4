"""A user's own credentials for tools: values and logins only come in. Part of the API.

No answer and no error of these operations holds a value.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr
from starlette.responses import Response

from muxi.core.credentials import CredentialInfo
from muxi.core.errors import NotFound, SecretMissing
from muxi.core.mcp_login import LoginAnswer, LoginPage
from muxi.core.pages import Page
from muxi.core.servers import ServerInfo
from muxi.runtime.credentials import LOGIN
from muxi.server.mcp_trust import AnswerBody, LoginBody
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.own_address import own_address
from muxi.server.paging import WholeQuery, page_of


class NewCredential(Strict):
    value: SecretStr = Field(min_length=1, max_length=65_536)


async def list_credentials(call: Call[Nothing, WholeQuery]) -> Page[CredentialInfo]:
    found = await call.runtime.credentials.infos(call.who)
    return page_of(found, call.query, lambda each: each.name)


async def put_credential(call: Call[NewCredential, Nothing]) -> Response:
    value = call.body.value.get_secret_value()
    await call.runtime.credentials.put(call.who, call.path["name"], value)
    return Response(status_code=204)


async def delete_credential(call: Call[Nothing, Nothing]) -> Response:
    name = call.path["name"]
    if name.startswith(LOGIN):
        if not await call.runtime.mcp.log_out(_server(call), call.who, own=True):
            raise SecretMissing(f"You are not signed in to {_server(call)}.", hint="", name=name)
    else:
        await call.runtime.credentials.delete(call.who, name)
    return Response(status_code=204)


async def begin_own_login(call: Call[LoginBody, Nothing]) -> LoginPage:
    back = call.body.redirect_url or f"{own_address(call)}/credentials/{call.path['name']}/login"
    url = await call.runtime.mcp.logins.begin(_server(call), back, who=call.who)
    return LoginPage(url=url)


async def finish_own_login(call: Call[AnswerBody, Nothing]) -> ServerInfo:
    answer = LoginAnswer.model_validate(call.body.model_dump())
    return await call.runtime.mcp.finish_login(_server(call), answer, call.who, own=True)


def _server(call: Call[Any, Any]) -> str:
    name = call.path["name"]
    if not name.startswith(LOGIN):
        raise NotFound(
            f"{name[:64]} is nothing to sign in to.", hint=f"Logins are called `{LOGIN}SERVER`."
        )
    return name.removeprefix(LOGIN)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/credentials",
        summary="The credentials that the caller may bring, and which they have",
        handler=list_credentials,
        query=WholeQuery,
        action="credentials.read",
        answer=Page[CredentialInfo],
        tag="credentials",
    ),
    Operation(
        method="PUT",
        path="/api/credentials/{name}",
        summary="Store a credential of the caller's own, used in their runs before the project's",
        handler=put_credential,
        action="credentials.write",
        body=NewCredential,
        status=204,
        tag="credentials",
    ),
    Operation(
        method="DELETE",
        path="/api/credentials/{name}",
        summary="Forget a credential of the caller's own",
        handler=delete_credential,
        action="credentials.write",
        status=204,
        tag="credentials",
    ),
    Operation(
        method="POST",
        path="/api/credentials/{name}/login",
        summary="Begin to sign in to an MCP server for oneself",
        handler=begin_own_login,
        action="credentials.write",
        body=LoginBody,
        answer=LoginPage,
        tag="credentials",
    ),
    Operation(
        method="POST",
        path="/api/credentials/{name}/login/answer",
        summary="Finish to sign in for oneself with what the browser came back with",
        handler=finish_own_login,
        action="credentials.write",
        body=AnswerBody,
        answer=ServerInfo,
        tag="credentials",
    ),
)
