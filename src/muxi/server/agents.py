"""Agents and their versions: shown, stored, retired. Part of the API."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.status import AgentInfo, AgentVersion
from muxi.runtime.conditions import Reading
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.paging import WholeQuery, page_of


async def list_agents(call: Call[Nothing, WholeQuery]) -> Page[AgentInfo]:
    found = await call.runtime.agents.infos(call.who)
    return page_of(found, call.query, lambda each: each.name)


async def get_agent(call: Call[Nothing, Nothing]) -> AgentInfo:
    return await call.runtime.agents.info(call.who, call.path["name"])


async def put_agent(call: Call[AgentDefinition, Nothing]) -> AgentInfo:
    if call.body.name != call.path["name"]:
        raise InvalidInput("The name in the body is not the name in the address.")
    return await call.runtime.agents.save(call.who, call.body)


async def retire_agent(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.agents.retire(call.who, call.path["name"])
    return Response(status_code=204)


async def list_agent_versions(call: Call[Nothing, WholeQuery]) -> Page[AgentVersion]:
    found = await call.runtime.agents.versions(call.who, call.path["name"])
    return page_of(found, call.query, lambda each: each.hash)


async def get_agent_version(call: Call[Nothing, Nothing]) -> AgentInfo:
    return await call.runtime.agents.info(call.who, call.path["name"], call.path["hash"])


def agent_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.agents.reading(call.path["name"])


def _named(call: Call[Any, Any]) -> str:
    return call.path["name"]


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/agents",
        summary="All agents, those of the project file first",
        handler=list_agents,
        action="agents.read",
        query=WholeQuery,
        answer=Page[AgentInfo],
        tag="agents",
    ),
    Operation(
        method="GET",
        path="/api/agents/{name}",
        summary="One agent",
        handler=get_agent,
        action="agents.read",
        resource=_named,
        answer=AgentInfo,
        tag="agents",
    ),
    Operation(
        method="PUT",
        path="/api/agents/{name}",
        summary="Store a version of an agent; agents of the project file cannot be changed",
        handler=put_agent,
        action="agents.write",
        resource=_named,
        current=agent_now,
        body=AgentDefinition,
        answer=AgentInfo,
        tag="agents",
    ),
    Operation(
        method="DELETE",
        path="/api/agents/{name}",
        summary="Retire an agent; its versions stay, since runs refer to them",
        handler=retire_agent,
        action="agents.write",
        resource=_named,
        current=agent_now,
        status=204,
        tag="agents",
    ),
    Operation(
        method="GET",
        path="/api/agents/{name}/versions",
        summary="The stored versions of an agent, the newest first",
        handler=list_agent_versions,
        action="agents.read",
        resource=_named,
        query=WholeQuery,
        answer=Page[AgentVersion],
        tag="agents",
    ),
    Operation(
        method="GET",
        path="/api/agents/{name}/versions/{hash}",
        summary="An agent as one of its versions",
        handler=get_agent_version,
        action="agents.read",
        resource=_named,
        answer=AgentInfo,
        tag="agents",
    ),
)
