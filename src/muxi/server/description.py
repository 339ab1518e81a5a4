"""The description of the API by OpenAPI, as part of the API."""

from __future__ import annotations

import json
from functools import cache

from starlette.responses import Response

from muxi.server.openapi import describe
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.table import all_operations


@cache
def _document() -> bytes:
    return json.dumps(describe(all_operations()), separators=(",", ":")).encode()


async def get_openapi(_: Call[Nothing, Nothing]) -> Response:
    return Response(_document(), media_type="application/json")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/openapi.json",
        summary="This description",
        handler=get_openapi,
        action="project.read",
    ),
)
