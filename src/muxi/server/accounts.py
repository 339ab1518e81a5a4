"""Users and service accounts, their passwords and sessions. Part of the API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr
from starlette.responses import Response

from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.identities import Session, User, UserKind
from muxi.core.pages import Page
from muxi.core.policies import RuleName
from muxi.core.record import now
from muxi.runtime.conditions import Reading
from muxi.server.managing import (
    require_known_roles,
    require_management,
    require_roles,
    require_whole,
)
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.threads import PageQuery

Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Password = Annotated[SecretStr, Field(max_length=1024)]
Roles = Annotated[list[RuleName], Field(max_length=50)]


class NewUser(Strict):
    """A person or a service account to be."""

    id: str = Field(min_length=1, max_length=200)
    """What they sign in with."""
    kind: UserKind = "person"
    name: str | None = Field(None, max_length=200)
    email: Email | None = None
    roles: Roles = Field(default_factory=lambda: ["member"])
    groups: list[str] = Field(default_factory=list[str], max_length=50)
    password: Password | None = None
    """None for who signs in by a link, by an identity provider or with keys."""


class UserChange(Strict):
    """What is to be changed of a user; what is left out stays."""

    name: str | None = Field(None, max_length=200)
    email: Email | None = None
    roles: Roles = Field(default_factory=list[str])
    disabled: bool = False


class NewPassword(Strict):
    password: Password | None
    """The new one; null for none."""


class OwnPassword(Strict):
    current: Password | None = None
    """The present one, if there is one."""
    password: Password


async def list_users(call: Call[Nothing, PageQuery]) -> Page[User]:
    query = call.query
    return await call.runtime.identity.users.page(
        call.caller.tenant, cursor=query.cursor, limit=query.limit
    )


async def create_user(call: Call[NewUser, Nothing]) -> User:
    body, users = call.body, call.runtime.identity.users
    await require_roles(call, set(body.roles) - {"member"})
    for group in body.groups:
        await require_roles(call, (await users.group(call.caller.tenant, group)).roles)
    await require_known_roles(call, body.roles)
    user = User(**body.model_dump(exclude={"password"}), created_at=now())
    password = None if body.password is None else body.password.get_secret_value()
    return await users.create(call.caller.tenant, user, password=password)


async def get_user(call: Call[Nothing, Nothing]) -> User:
    return await call.runtime.identity.users.get(call.caller.tenant, call.path["id"])


def user_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.identity.users.reading(call.path["id"])


async def change_user(call: Call[UserChange, Nothing]) -> User:
    await require_management(call, call.path["id"])
    changes = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    await require_roles(call, changes.get("roles", ()))
    await require_known_roles(call, changes.get("roles", ()))
    return await call.runtime.identity.users.update(call.caller.tenant, call.path["id"], **changes)


async def delete_user(call: Call[Nothing, Nothing]) -> Response:
    await require_management(call, call.path["id"])
    await call.runtime.identity.users.delete(call.caller.tenant, call.path["id"])
    return Response(status_code=204)


async def set_password(call: Call[NewPassword, Nothing]) -> Response:
    await require_management(call, call.path["id"])
    await require_whole(call)
    password = call.body.password
    await call.runtime.identity.users.set_password(
        call.caller.tenant,
        call.path["id"],
        None if password is None else password.get_secret_value(),
    )
    return Response(status_code=204)


async def list_user_sessions(call: Call[Nothing, PageQuery]) -> Page[Session]:
    return await _sessions(call, call.path["id"])


async def end_user_sessions(call: Call[Nothing, Nothing]) -> Response:
    await require_management(call, call.path["id"])
    await call.runtime.identity.sessions.end_all(call.caller.tenant, call.path["id"])
    return Response(status_code=204)


async def set_own_password(call: Call[OwnPassword, Nothing]) -> Response:
    await require_whole(call)
    tenant, user, users = call.caller.tenant, _self(call), call.runtime.identity.users
    if (await users.get(tenant, user)).has_password:
        current = call.body.current
        if current is None or not await call.runtime.identity.sessions.is_password(
            tenant, user, current.get_secret_value(), address=call.address
        ):
            raise AccessDenied("The present password is wrong.")
    await users.set_password(
        tenant, user, call.body.password.get_secret_value(), keep=call.caller.credential.id
    )
    return Response(status_code=204)


async def list_own_sessions(call: Call[Nothing, PageQuery]) -> Page[Session]:
    return await _sessions(call, _self(call))


async def end_own_session(call: Call[Nothing, Nothing]) -> Response:
    sessions, tenant = call.runtime.identity.sessions, call.caller.tenant
    await sessions.end(tenant, call.path["id"], of=_self(call))
    return Response(status_code=204)


async def end_own_sessions(call: Call[Nothing, Nothing]) -> Response:
    """End all but the one that asks."""
    await call.runtime.identity.sessions.end_all(
        call.caller.tenant, _self(call), keep=call.caller.credential.id
    )
    return Response(status_code=204)


async def _sessions(call: Call[Nothing, PageQuery], user: str) -> Page[Session]:
    query = call.query
    page = await call.runtime.identity.sessions.page(
        call.caller.tenant, user, cursor=query.cursor, limit=query.limit
    )
    for session in page.items:
        session.current = session.id == call.caller.credential.id
    return page


def _self(call: Call[Any, Any]) -> str:
    """Who asks, for themselves."""
    if call.caller.acting_for is not None or call.caller.user is None:
        raise InvalidInput("This is about who asks, who cannot act for somebody else here.")
    return call.caller.user


def _id(call: Call[Any, Any]) -> str:
    return call.path["id"]


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/users",
        summary="Users and service accounts, by their ids",
        handler=list_users,
        action="users.read",
        query=PageQuery,
        answer=Page[User],
        tag="users",
    ),
    Operation(
        method="POST",
        path="/api/users",
        summary="Add a user or a service account",
        handler=create_user,
        action="users.write",
        body=NewUser,
        answer=User,
        status=201,
        confidential=True,
        tag="users",
    ),
    Operation(
        method="GET",
        path="/api/users/{id}",
        summary="One user",
        handler=get_user,
        action="users.read",
        resource=_id,
        answer=User,
        tag="users",
    ),
    Operation(
        method="PATCH",
        path="/api/users/{id}",
        summary="Change a user",
        handler=change_user,
        action="users.write",
        resource=_id,
        body=UserChange,
        answer=User,
        current=user_now,
        tag="users",
    ),
    Operation(
        method="DELETE",
        path="/api/users/{id}",
        summary="Remove a user with their credentials; their threads and memories stay",
        handler=delete_user,
        action="users.write",
        resource=_id,
        status=204,
        current=user_now,
        tag="users",
    ),
    Operation(
        method="PUT",
        path="/api/users/{id}/password",
        summary="Give a user a password, or none, and end their sessions",
        handler=set_password,
        action="users.write",
        resource=_id,
        body=NewPassword,
        status=204,
        tag="users",
    ),
    Operation(
        method="GET",
        path="/api/users/{id}/sessions",
        summary="Where a user is signed in",
        handler=list_user_sessions,
        action="users.read",
        resource=_id,
        query=PageQuery,
        answer=Page[Session],
        tag="users",
    ),
    Operation(
        method="DELETE",
        path="/api/users/{id}/sessions",
        summary="Sign a user out everywhere",
        handler=end_user_sessions,
        action="users.write",
        resource=_id,
        status=204,
        tag="users",
    ),
    Operation(
        method="PUT",
        path="/api/me/password",
        summary="Change one's own password, and sign oneself out elsewhere",
        handler=set_own_password,
        action="account.write",
        body=OwnPassword,
        status=204,
        tag="access",
    ),
    Operation(
        method="GET",
        path="/api/me/sessions",
        summary="Where one is signed in oneself",
        handler=list_own_sessions,
        action="account.read",
        query=PageQuery,
        answer=Page[Session],
        tag="access",
    ),
    Operation(
        method="DELETE",
        path="/api/me/sessions",
        summary="Sign oneself out everywhere else",
        handler=end_own_sessions,
        action="account.write",
        status=204,
        tag="access",
    ),
    Operation(
        method="DELETE",
        path="/api/me/sessions/{id}",
        summary="End one of one's own sessions",
        handler=end_own_session,
        action="account.write",
        status=204,
        tag="access",
    ),
)
