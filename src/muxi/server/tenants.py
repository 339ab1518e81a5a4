"""Tenants, for who runs the project. Part of the API."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from muxi.core.identities import Tenant, TenantId
from muxi.core.pages import Page
from muxi.runtime.conditions import Reading
from muxi.server.managing import require_operator
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.threads import PageQuery


class NewTenant(Strict):
    """A tenant to be. Its first users are made with the header `X-Muxi-Tenant`."""

    id: TenantId
    name: str | None = Field(None, max_length=200)


class TenantChange(Strict):
    """What is to be changed of a tenant; what is left out stays."""

    name: str | None = Field(None, max_length=200)
    disabled: bool = False


async def list_tenants(call: Call[Nothing, PageQuery]) -> Page[Tenant]:
    require_operator(call.caller)
    query = call.query
    return await call.runtime.identity.tenants.page(cursor=query.cursor, limit=query.limit)


async def create_tenant(call: Call[NewTenant, Nothing]) -> Tenant:
    require_operator(call.caller)
    return await call.runtime.identity.tenants.create(call.body.id, call.body.name)


async def get_tenant(call: Call[Nothing, Nothing]) -> Tenant:
    require_operator(call.caller)
    return await call.runtime.identity.tenants.get(call.path["id"])


def tenant_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.identity.tenants.reading


async def change_tenant(call: Call[TenantChange, Nothing]) -> Tenant:
    require_operator(call.caller)
    changes = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return await call.runtime.identity.tenants.update(call.path["id"], **changes)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/tenants",
        summary="Tenants, by their ids",
        handler=list_tenants,
        action="tenants.read",
        query=PageQuery,
        answer=Page[Tenant],
        tag="tenants",
    ),
    Operation(
        method="POST",
        path="/api/tenants",
        summary="Make a tenant",
        handler=create_tenant,
        action="tenants.write",
        body=NewTenant,
        answer=Tenant,
        status=201,
        tag="tenants",
    ),
    Operation(
        method="GET",
        path="/api/tenants/{id}",
        summary="One tenant",
        handler=get_tenant,
        action="tenants.read",
        answer=Tenant,
        tag="tenants",
    ),
    Operation(
        method="PATCH",
        path="/api/tenants/{id}",
        summary="Rename a tenant, or let nobody of it do anything",
        handler=change_tenant,
        action="tenants.write",
        body=TenantChange,
        answer=Tenant,
        current=tenant_now,
        tag="tenants",
    ),
)
