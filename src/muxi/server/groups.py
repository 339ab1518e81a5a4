"""Groups of users, who share roles. Part of the API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError
from starlette.responses import Response

from muxi.core.errors import NotFound
from muxi.core.identities import Group, GroupName, User
from muxi.core.pages import Page
from muxi.core.policies import RuleName
from muxi.core.record import now
from muxi.runtime.conditions import Reading
from muxi.server.managing import require_known_roles, require_roles
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.problems import invalid
from muxi.server.threads import PageQuery


class GroupBody(Strict):
    """What a group is."""

    description: str = Field("", max_length=1000)
    roles: Annotated[list[RuleName], Field(max_length=50)] = Field(default_factory=list[str])


class NewGroup(GroupBody):
    name: GroupName


async def list_groups(call: Call[Nothing, PageQuery]) -> Page[Group]:
    query = call.query
    return await call.runtime.identity.users.groups(
        call.caller.tenant, cursor=query.cursor, limit=query.limit
    )


async def get_group(call: Call[Nothing, Nothing]) -> Group:
    return await call.runtime.identity.users.group(call.caller.tenant, call.path["name"])


def group_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.identity.users.reading_group(call.path["name"])


async def put_group(call: Call[GroupBody, Nothing]) -> Group:
    users, tenant, name = call.runtime.identity.users, call.caller.tenant, call.path["name"]
    try:
        before = (await users.group(tenant, name)).roles
    except NotFound:
        before = []
    await require_roles(call, set(before) ^ set(call.body.roles))
    await require_known_roles(call, set(call.body.roles) - set(before))
    try:
        group = NewGroup(name=name, **call.body.model_dump())
    except ValidationError as error:
        raise invalid(error) from None
    return await users.put_group(tenant, Group(**group.model_dump(), created_at=now()))


async def delete_group(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.identity.users.delete_group(call.caller.tenant, call.path["name"])
    return Response(status_code=204)


async def list_members(call: Call[Nothing, PageQuery]) -> Page[User]:
    query = call.query
    return await call.runtime.identity.users.members(
        call.caller.tenant, call.path["name"], cursor=query.cursor, limit=query.limit
    )


async def add_member(call: Call[Nothing, Nothing]) -> Response:
    users, tenant, name = call.runtime.identity.users, call.caller.tenant, call.path["name"]
    await require_roles(call, (await users.group(tenant, name)).roles)
    await users.join(tenant, name, call.path["user"])
    return Response(status_code=204)


async def remove_member(call: Call[Nothing, Nothing]) -> Response:
    users = call.runtime.identity.users
    await users.leave(call.caller.tenant, call.path["name"], call.path["user"])
    return Response(status_code=204)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/groups",
        summary="Groups, by name",
        handler=list_groups,
        action="groups.read",
        query=PageQuery,
        answer=Page[Group],
        tag="users",
    ),
    Operation(
        method="GET",
        path="/api/groups/{name}",
        summary="One group",
        handler=get_group,
        action="groups.read",
        answer=Group,
        tag="users",
    ),
    Operation(
        method="PUT",
        path="/api/groups/{name}",
        summary="Make a group, or change what it is; who is in it stays",
        handler=put_group,
        action="groups.write",
        body=GroupBody,
        answer=Group,
        current=group_now,
        tag="users",
    ),
    Operation(
        method="DELETE",
        path="/api/groups/{name}",
        summary="Remove a group",
        handler=delete_group,
        action="groups.write",
        status=204,
        current=group_now,
        tag="users",
    ),
    Operation(
        method="GET",
        path="/api/groups/{name}/members",
        summary="The users of a group, by their ids",
        handler=list_members,
        action="groups.read",
        query=PageQuery,
        answer=Page[User],
        tag="users",
    ),
    Operation(
        method="PUT",
        path="/api/groups/{name}/members/{user}",
        summary="Let a user be in a group",
        handler=add_member,
        action="groups.write",
        status=204,
        tag="users",
    ),
    Operation(
        method="DELETE",
        path="/api/groups/{name}/members/{user}",
        summary="Let a user be in a group no longer",
        handler=remove_member,
        action="groups.write",
        status=204,
        tag="users",
    ),
)
