"""Agents as models of OpenAI's API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from muxi.core.errors import NotFound
from muxi.core.status import AgentInfo
from muxi.runtime.agents import Version
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.server.openai.errors import problem
from muxi.server.operations import AnyOperation, Call, Nothing, Operation


class ModelCard(BaseModel):
    """An agent, as clients list models."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    """Agents do not say when they were made."""
    owned_by: str = "muxi"
    description: str = ""


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


async def agent_of(runtime: Runtime, who: Principal, name: str) -> Version:
    """The agent that a client calls its model.

    Raises:
        NotFound: There is none of that name.
    """
    try:
        return await runtime.agents.current(who, name)
    except NotFound as error:
        raise NotFound(error.message, hint=error.hint, param="model") from None


async def list_model_cards(call: Call[Nothing, Nothing]) -> ModelList:
    guard, caller = call.runtime.guard, call.caller
    return ModelList(
        data=[
            _card(info)
            for info in await call.runtime.agents.infos(call.who)
            if await guard.allows(caller, "agents.use", info.name)
        ]
    )


async def get_model(call: Call[Nothing, Nothing]) -> ModelCard:
    version = await agent_of(call.runtime, call.who, call.path["name"])
    return _card(await call.runtime.agents.info(call.who, version.definition.name))


def _card(info: AgentInfo) -> ModelCard:
    return ModelCard(id=info.name, description=info.description)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/v1/models",
        summary="The agents, as models of OpenAI's API",
        handler=list_model_cards,
        action="agents.read",
        answer=ModelList,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/models/{name}",
        summary="One agent, as a model of OpenAI's API",
        handler=get_model,
        action="agents.read",
        answer=ModelCard,
        problem=problem,
        tag="openai",
    ),
)
