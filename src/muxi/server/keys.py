"""Keys of the API. Part of the API itself.

Without a `user`, all of this is about the keys of who asks; others' need the right to manage them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from starlette.responses import Response

from muxi.core.errors import NotFound
from muxi.core.identities import Key, NewKey
from muxi.core.pages import Page
from muxi.core.permissions import PermissionText
from muxi.runtime.conditions import Reading
from muxi.server.managing import is_own, require_management, require_within
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.threads import PageQuery

_LONGEST_OVERLAP = 90 * 24 * 3600


class KeyQuery(PageQuery):
    user: str | None = Field(None, max_length=200)
    """Whose keys; those of who asks, if left out. `*` for everybody's."""


class KeyRequest(Strict):
    """A key to be."""

    name: str = Field("", max_length=200)
    """What it is for."""
    user: str | None = Field(None, max_length=200)
    """Whose it is, such as a service account's; of who asks, if left out."""
    scopes: Annotated[list[PermissionText], Field(min_length=1, max_length=100)] | None = None
    """What it is good for, such as `runs.*`; null for all that its user may do."""
    expires_at: AwareDatetime | None = None
    """When it ends to be good; null for never, or as late as this project allows."""


class Rotation(Strict):
    overlap_seconds: int = Field(24 * 3600, ge=0, le=_LONGEST_OVERLAP)
    """How long the old key stays good."""


async def list_keys(call: Call[Nothing, KeyQuery]) -> Page[Key]:
    query, tenant = call.query, call.caller.tenant
    user = query.user or call.caller.subject
    if not is_own(call, user):
        await call.runtime.guard.require(call.caller, "users.read", user)
    return await call.runtime.identity.keys.page(
        tenant, None if user == "*" else user, cursor=query.cursor, limit=query.limit
    )


async def create_key(call: Call[KeyRequest, Nothing]) -> NewKey:
    body = call.body
    user = body.user or call.caller.subject
    if not is_own(call, user):
        await require_management(call, user)
    require_within(call, body.scopes)
    expires_at: datetime | None = body.expires_at
    return await call.runtime.identity.keys.create(
        call.caller.tenant, user, name=body.name, scopes=body.scopes, expires_at=expires_at
    )


async def get_key(call: Call[Nothing, Nothing]) -> Key:
    return await _found(call, "users.read")


def key_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.identity.keys.reading(call.path["id"])


async def rotate_key(call: Call[Rotation, Nothing]) -> NewKey:
    key = await _managed(call)
    require_within(call, key.scopes)
    return await call.runtime.identity.keys.rotate(
        call.caller.tenant, key.id, overlap=call.body.overlap_seconds
    )


async def revoke_key(call: Call[Nothing, Nothing]) -> Response:
    key = await _managed(call)
    await call.runtime.identity.keys.revoke(call.caller.tenant, key.id)
    return Response(status_code=204)


async def _found(call: Call[Any, Any], action: str) -> Key:
    """The key of the address, as if there were none for who may not know of it."""
    key = await call.runtime.identity.keys.get(call.caller.tenant, call.path["id"])
    if is_own(call, key.user) or await call.runtime.guard.allows(call.caller, action, key.user):
        return key
    raise NotFound(f"There is no key {call.path['id']}.", id=call.path["id"])


async def _managed(call: Call[Any, Any]) -> Key:
    key = await _found(call, "users.write")
    if not is_own(call, key.user):
        await require_management(call, key.user)
    return key


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/keys",
        summary="Keys, the oldest first",
        handler=list_keys,
        action="keys.read",
        query=KeyQuery,
        answer=Page[Key],
        tag="keys",
    ),
    Operation(
        method="POST",
        path="/api/keys",
        summary="Make a key; it is told in this answer and never again",
        handler=create_key,
        action="keys.write",
        body=KeyRequest,
        answer=NewKey,
        status=201,
        confidential=True,
        tag="keys",
    ),
    Operation(
        method="GET",
        path="/api/keys/{id}",
        summary="One key, without its secret",
        handler=get_key,
        action="keys.read",
        answer=Key,
        tag="keys",
    ),
    Operation(
        method="POST",
        path="/api/keys/{id}/rotate",
        summary="Make a key in the place of another, which stays good for some time",
        handler=rotate_key,
        action="keys.write",
        body=Rotation,
        answer=NewKey,
        status=201,
        confidential=True,
        tag="keys",
    ),
    Operation(
        method="DELETE",
        path="/api/keys/{id}",
        summary="Revoke a key, at once",
        handler=revoke_key,
        action="keys.write",
        status=204,
        current=key_now,
        tag="keys",
    ),
)
