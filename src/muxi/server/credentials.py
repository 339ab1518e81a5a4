"""A user's own credentials for tools: values only come in. Part of the API.

No answer and no error of these operations holds a value.
"""

from __future__ import annotations

from pydantic import Field, SecretStr
from starlette.responses import Response

from muxi.core.credentials import CredentialInfo
from muxi.core.pages import Page
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
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
    await call.runtime.credentials.delete(call.who, call.path["name"])
    return Response(status_code=204)


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
)
