"""The project as a whole: its state, health and models. Part of the API."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from muxi.core.pages import Page
from muxi.core.status import FilesAtProvider, ModelInfo, Reloaded, ServerStatus
from muxi.server.operations import HEALTH, AnyOperation, Call, Nothing, Operation
from muxi.server.paging import WholeQuery, page_of


async def status(call: Call[Nothing, Nothing]) -> ServerStatus:
    return await call.runtime.status(call.who)


async def list_models(call: Call[Nothing, WholeQuery]) -> Page[ModelInfo]:
    return page_of(await call.runtime.models.infos(), call.query, lambda each: each.name)


async def list_kept_files(call: Call[Nothing, WholeQuery]) -> Page[FilesAtProvider]:
    found = await call.runtime.runs.kept_files.counts(call.who)
    return page_of(found, call.query, lambda each: each.provider)


async def reload(call: Call[Nothing, Nothing]) -> Reloaded:
    return await call.runtime.reloading.reload()


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
        path="/api/models",
        summary="The models that the project can use",
        handler=list_models,
        query=WholeQuery,
        action="models.read",
        answer=Page[ModelInfo],
        tag="models",
    ),
    Operation(
        method="GET",
        path="/api/kept-files",
        summary="How many files providers of models keep, and how many they do not delete",
        handler=list_kept_files,
        query=WholeQuery,
        action="project.read",
        answer=Page[FilesAtProvider],
    ),
    Operation(
        method="POST",
        path="/api/reload",
        summary="Read the project's file again; what has changed holds from the next run on",
        handler=reload,
        action="project.reload",
        answer=Reloaded,
    ),
    Operation(
        method="GET",
        path="/healthz",
        summary="The process is up",
        handler=healthy,
        open=True,
        tag=HEALTH,
    ),
    Operation(
        method="GET",
        path="/readyz",
        summary="The database answers",
        handler=ready,
        open=True,
        tag=HEALTH,
    ),
)
