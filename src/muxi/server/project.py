"""The project as a whole: its state, health, agents and models; signing in. Part of the API."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import InvalidInput, NotFound
from muxi.core.pages import Page
from muxi.core.status import AgentInfo, ModelInfo, ServerStatus
from muxi.runtime.conditions import Reading
from muxi.server.access import COOKIE, SESSION_SECONDS
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict


class LoginQuery(Strict):
    token: str


class LoginLink(BaseModel):
    url: str
    """Signs one browser in, once, within a quarter of an hour."""


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


async def login(call: Call[Nothing, LoginQuery]) -> Response:
    answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
    answer.set_cookie(
        COOKIE,
        call.access.redeem(call.query.token),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
    )
    return answer


async def make_login_link(call: Call[Nothing, Nothing]) -> LoginLink:
    url = call.runtime.url
    if url is None:
        raise NotFound("This process serves no browsers.", hint="`muxi up` does.")
    return LoginLink(url=call.access.link(url))


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
        method="POST",
        path="/api/login-links",
        summary="A link that signs a browser in once",
        handler=make_login_link,
        action="users.login_link",
        answer=LoginLink,
        status=201,
        tag="access",
    ),
    Operation(
        method="GET",
        path="/login",
        summary="Sign a browser in",
        handler=login,
        query=LoginQuery,
        open=True,
        tag="access",
        status=303,
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
