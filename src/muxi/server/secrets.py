"""The project's secrets: names go out, values only come in. Part of the API.

No answer and no error of these operations holds a value.
"""

from __future__ import annotations

import re

from pydantic import Field, SecretStr
from starlette.responses import Response

from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.status import KeyRotation, SecretInfo
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.paging import WholeQuery, page_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


class NewSecret(Strict):
    value: SecretStr = Field(min_length=1, max_length=65_536)


async def list_secrets(call: Call[Nothing, WholeQuery]) -> Page[SecretInfo]:
    found = [SecretInfo(name=name) for name in await call.runtime.secrets.names()]
    return page_of(found, call.query, lambda each: each.name)


async def put_secret(call: Call[NewSecret, Nothing]) -> Response:
    await call.runtime.set_secret(_name(call.path["name"]), call.body.value.get_secret_value())
    return Response(status_code=204)


async def delete_secret(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.delete_secret(_name(call.path["name"]))
    return Response(status_code=204)


async def rotate_master_key(call: Call[Nothing, Nothing]) -> KeyRotation:
    return await call.runtime.sealed.rotate()


def _name(given: str) -> str:
    if _NAME.fullmatch(given) is None:
        raise InvalidInput(
            "A secret's name begins with a letter or `_` and has letters, digits, `_`, `.` and `-`."
        )
    return given


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/secrets",
        summary="The names of all secrets",
        handler=list_secrets,
        query=WholeQuery,
        action="secrets.read",
        answer=Page[SecretInfo],
        tag="secrets",
    ),
    Operation(
        method="PUT",
        path="/api/secrets/{name}",
        summary="Store a secret, in place of what the name held",
        handler=put_secret,
        action="secrets.write",
        body=NewSecret,
        status=204,
        tag="secrets",
    ),
    Operation(
        method="POST",
        path="/api/secrets/rotate-key",
        summary="Change the master key that all secrets are sealed with",
        handler=rotate_master_key,
        action="secrets.rotate",
        answer=KeyRotation,
        tag="secrets",
    ),
    Operation(
        method="DELETE",
        path="/api/secrets/{name}",
        summary="Delete a secret",
        handler=delete_secret,
        action="secrets.write",
        status=204,
        tag="secrets",
    ),
)
