"""The project as a whole: its state, health, agents and models; signing in. Part of the API."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.status import AgentInfo, ModelInfo, ServerStatus
from muxi.runtime.conditions import Reading
from muxi.server.operations import AnyOperation, Call, Nothing, Operation


async def status(call: Call[Nothing, Nothing]) -> ServerStatus:
    return await call.runtime.status(call.who)


async def list_agents(call: Call[Nothing, Nothing]) -> Page[AgentInfo]:
    return Page[AgentInfo](items=await call.runtime.agents.infos(call.who), next=None)


async def get_agent(call: Call[Nothing, Nothing]) -> AgentInfo:
    return await call.runtime.agents.info(call.who, call.path["name"])


async def put_agent(call: Call[AgentDefinition, Nothing]) -> AgentInfo:
    if call.body.name != call.path["name"]:
        raise InvalidInput("The name in the body is not the name in the address.")
    return await call.runtime.agents.save(call.who, call.body)


def agent_now(call: Call[AgentDefinition, Nothing]) -> Reading:
    return call.runtime.agents.reading(call.path["name"])


async def list_models(call: Call[Nothing, Nothing]) -> Page[ModelInfo]:
    return Page[ModelInfo](items=await call.runtime.models.infos(), next=None)


async def healthy(_: Call[Nothing, Nothing]) -> Response:
    return PlainTextResponse("ok")


async def ready(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.check()
    return PlainTextResponse("ready")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/status",
        summary="The project, its default agent and model, and the process that owns it",
        handler=status,
        action="project.read",
        answer=ServerStatus,
    ),
    Operation(
        method="GET",
        path="/api/agents",
        summary="All agents",
        handler=list_agents,
        action="agents.read",
        answer=Page[AgentInfo],
        tag="agents",
    ),
    Operation(
        method="GET",
        path="/api/agents/{name}",
        summary="One agent",
        handler=get_agent,
        action="agents.read",
        answer=AgentInfo,
        tag="agents",
    ),
    Operation(
        method="PUT",
        path="/api/agents/{name}",
        summary="Store a version of an agent; agents of the project file cannot be changed",
        handler=put_agent,
        current=agent_now,
        action="agents.write",
        body=AgentDefinition,
        answer=AgentInfo,
        tag="agents",
    ),
    Operation(
        method="GET",
        path="/api/models",
        summary="The models that the project can use",
        handler=list_models,
        action="models.read",
        answer=Page[ModelInfo],
        tag="models",
    ),
    Operation(
        method="GET",
        path="/healthz",
        summary="The process is up",
        handler=healthy,
        open=True,
        tag="health",
    ),
    Operation(
        method="GET",
        path="/readyz",
        summary="The database answers",
        handler=ready,
        open=True,
        tag="health",
    ),
)
