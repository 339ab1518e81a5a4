"""All operations of the API: what is served and described. Read by `serve` and by the docs."""

from __future__ import annotations

import json
from functools import cache

from starlette.responses import Response

from muxi.server import (
    accounts,
    agents,
    budgets,
    credentials,
    events,
    facts,
    federation,
    files,
    forgetting,
    groups,
    keys,
    knowledge,
    mcp_servers,
    mcp_trust,
    memories,
    messages,
    project,
    runs,
    secrets,
    sign_in,
    socket_tickets,
    tenants,
    threads,
    tools,
)
from muxi.server.agui import door as agui
from muxi.server.aisdk import door as aisdk
from muxi.server.openai import chat as openai_chat
from muxi.server.openai import files as openai_files
from muxi.server.openai import models as openai_models
from muxi.server.openai import responses as openai_responses
from muxi.server.openapi import describe
from muxi.server.operations import AnyOperation, Call, Nothing, Operation


@cache
def _document() -> bytes:
    return json.dumps(describe(OPERATIONS), separators=(",", ":")).encode()


async def get_openapi(_: Call[Nothing, Nothing]) -> Response:
    return Response(_document(), media_type="application/json")


# The most frequent first: the router tries them in this order.
OPERATIONS: tuple[AnyOperation, ...] = (
    *runs.OPERATIONS,
    *threads.OPERATIONS,
    *openai_chat.OPERATIONS,
    *openai_responses.OPERATIONS,
    *openai_models.OPERATIONS,
    *openai_files.OPERATIONS,
    *memories.OPERATIONS,
    *facts.OPERATIONS,
    *forgetting.OPERATIONS,
    *messages.OPERATIONS,
    *events.OPERATIONS,
    *agents.OPERATIONS,
    *project.OPERATIONS,
    *knowledge.OPERATIONS,
    *files.OPERATIONS,
    *tools.OPERATIONS,
    *mcp_servers.OPERATIONS,
    *mcp_trust.OPERATIONS,
    *secrets.OPERATIONS,
    *budgets.OPERATIONS,
    *credentials.OPERATIONS,
    *sign_in.OPERATIONS,
    *federation.OPERATIONS,
    *agui.OPERATIONS,
    *aisdk.OPERATIONS,
    *socket_tickets.OPERATIONS,
    *accounts.OPERATIONS,
    *groups.OPERATIONS,
    *keys.OPERATIONS,
    *tenants.OPERATIONS,
    Operation(
        method="GET",
        path="/openapi.json",
        summary="This description",
        handler=get_openapi,
        action="project.read",
    ),
)
