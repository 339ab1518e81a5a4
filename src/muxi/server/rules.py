"""Roles, policies, and what somebody may do by them. Part of the API."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.responses import Response

from muxi.core.actions import ACTIONS
from muxi.core.caller import Caller, Credential
from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.policies import ActionInfo, Decision, PolicyRule, Role
from muxi.runtime.conditions import Reading
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.paging import WholeQuery, page_of


class NewRole(Role, extra="forbid"):
    """A role. Where it comes from is known to the server."""


class NewPolicy(PolicyRule, extra="forbid"):
    """A policy. Where it comes from is known to the server."""


class CanQuery(Strict):
    action: str = Field(max_length=100)
    resource: str | None = Field(None, max_length=300)
    agent: str | None = Field(None, max_length=64)
    """The agent in whose run it would be done."""
    user: str | None = Field(None, max_length=200)
    """Another user; it needs the permission `users.read`."""


async def can(call: Call[Nothing, CanQuery]) -> Decision:
    query, caller = call.query, call.caller
    runtime = call.runtime
    if query.user is not None and query.user != caller.user:
        await runtime.guard.require(caller, "users.read", query.user)
        await runtime.identity.users.get(caller.tenant, query.user)
        standing = await runtime.identity.callers.standing(caller.tenant, query.user)
        shown = Credential("session")
        caller = Caller(caller.tenant, query.user, shown, standing.groups, standing.roles)
    return await runtime.rules.can(caller, query.action, query.resource, query.agent)


async def list_actions(call: Call[Nothing, WholeQuery]) -> Page[ActionInfo]:
    items = [
        ActionInfo(name=each.name, words=each.words, upon=each.upon or None)
        for each in ACTIONS.values()
    ]
    return page_of(items, call.query, lambda each: each.name)


async def list_roles(call: Call[Nothing, WholeQuery]) -> Page[Role]:
    found = await call.runtime.rules.roles(call.caller.tenant)
    return page_of(found, call.query, lambda each: each.name)


async def get_role(call: Call[Nothing, Nothing]) -> Role:
    return await call.runtime.rules.role(call.caller.tenant, call.path["name"])


def role_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.rules.reading_role(call.path["name"])


async def put_role(call: Call[NewRole, Nothing]) -> Role:
    _check_name(call.body.name, call.path["name"])
    return await call.runtime.rules.put_role(call.caller, Role(**call.body.model_dump()))


async def delete_role(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.rules.delete_role(call.caller.tenant, call.path["name"])
    return Response(status_code=204)


async def list_policies(call: Call[Nothing, WholeQuery]) -> Page[PolicyRule]:
    found = await call.runtime.rules.policies(call.caller.tenant)
    return page_of(found, call.query, lambda each: each.name)


async def get_policy(call: Call[Nothing, Nothing]) -> PolicyRule:
    return await call.runtime.rules.policy(call.caller.tenant, call.path["name"])


def policy_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.rules.reading_policy(call.path["name"])


async def put_policy(call: Call[NewPolicy, Nothing]) -> PolicyRule:
    _check_name(call.body.name, call.path["name"])
    policy = PolicyRule(**call.body.model_dump())
    return await call.runtime.rules.put_policy(call.caller, policy)


async def delete_policy(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.rules.delete_policy(call.caller.tenant, call.path["name"])
    return Response(status_code=204)


def _check_name(said: str, placed: str) -> None:
    if said != placed:
        raise InvalidInput("The name in the body is not the name in the address.")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/can",
        summary="Whether the caller, or another user, may do something, and why",
        handler=can,
        action="project.read",
        query=CanQuery,
        answer=Decision,
        tag="roles",
    ),
    Operation(
        method="GET",
        path="/api/actions",
        summary="Everything that can be allowed or refused",
        handler=list_actions,
        query=WholeQuery,
        action="project.read",
        answer=Page[ActionInfo],
        tag="roles",
    ),
    Operation(
        method="GET",
        path="/api/roles",
        summary="All roles: built in, declared in the project's file, and stored",
        handler=list_roles,
        query=WholeQuery,
        action="roles.read",
        answer=Page[Role],
        tag="roles",
    ),
    Operation(
        method="GET",
        path="/api/roles/{name}",
        summary="One role",
        handler=get_role,
        action="roles.read",
        answer=Role,
        tag="roles",
    ),
    Operation(
        method="PUT",
        path="/api/roles/{name}",
        summary="Store a role; nobody can give away what they may not do themselves",
        handler=put_role,
        action="roles.write",
        body=NewRole,
        answer=Role,
        current=role_now,
        tag="roles",
    ),
    Operation(
        method="DELETE",
        path="/api/roles/{name}",
        summary="Remove a stored role",
        handler=delete_role,
        action="roles.write",
        status=204,
        current=role_now,
        tag="roles",
    ),
    Operation(
        method="GET",
        path="/api/policies",
        summary="All policies: declared in the project's file, and stored",
        handler=list_policies,
        query=WholeQuery,
        action="policies.read",
        answer=Page[PolicyRule],
        tag="roles",
    ),
    Operation(
        method="GET",
        path="/api/policies/{name}",
        summary="One policy",
        handler=get_policy,
        action="policies.read",
        answer=PolicyRule,
        tag="roles",
    ),
    Operation(
        method="PUT",
        path="/api/policies/{name}",
        summary="Store a policy: what is allowed or refused to users, groups, roles or everybody",
        handler=put_policy,
        action="policies.write",
        body=NewPolicy,
        answer=PolicyRule,
        current=policy_now,
        tag="roles",
    ),
    Operation(
        method="DELETE",
        path="/api/policies/{name}",
        summary="Remove a stored policy",
        handler=delete_policy,
        action="policies.write",
        status=204,
        current=policy_now,
        tag="roles",
    ),
)
