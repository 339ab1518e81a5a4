"""Runs, their events, and the questions that they put to people. Part of the API."""

from __future__ import annotations

from typing import get_args

from pydantic import Field, field_validator

from muxi.core.events import Approval, ApprovalDecision, RunStatus
from muxi.core.pages import Page
from muxi.core.threads import Run
from muxi.runtime.requests import RunRequest
from muxi.server.operations import (
    AnyOperation,
    Call,
    EventStream,
    Nothing,
    Operation,
)
from muxi.server.threads import PageQuery, SinceQuery, since_of


class RunQuery(PageQuery):
    thread_id: str | None = None
    status: RunStatus | None = Field(None, description=f"One of {', '.join(get_args(RunStatus))}")


class ApprovalQuery(PageQuery):
    run_id: str | None = None
    thread_id: str | None = None


class Decision(ApprovalDecision, extra="forbid"):
    """A person's answer. Who gives it is known to the server."""

    @field_validator("by")
    @classmethod
    def _nobody(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError("`by` is set by the server")
        return value


async def start_run(call: Call[RunRequest, Nothing]) -> Run:
    return await call.start(call.body)


async def stream_run(call: Call[RunRequest, Nothing]) -> EventStream:
    run, feed = await call.start_and_follow(call.body)
    headers = ((b"x-run-id", run.id.encode()), (b"x-thread-id", run.thread_id.encode()))
    return EventStream(feed, headers)


async def list_runs(call: Call[Nothing, RunQuery]) -> Page[Run]:
    query = call.query
    return await call.runtime.runs.page(
        call.who,
        thread_id=query.thread_id,
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
    )


async def get_run(call: Call[Nothing, Nothing]) -> Run:
    return await call.runtime.runs.get(call.who, call.path["id"])


async def run_events(call: Call[Nothing, SinceQuery]) -> EventStream:
    feed = await call.runtime.streams.follow_run(call.who, call.path["id"], since=since_of(call))
    return EventStream(feed)


async def cancel_run(call: Call[Nothing, Nothing]) -> Run:
    return await call.runtime.runs.cancel(call.who, call.path["id"])


async def list_approvals(call: Call[Nothing, ApprovalQuery]) -> Page[Approval]:
    query = call.query
    return await call.runtime.approvals.page(
        call.who,
        run_id=query.run_id,
        thread_id=query.thread_id,
        cursor=query.cursor,
        limit=query.limit,
    )


async def get_approval(call: Call[Nothing, Nothing]) -> Approval:
    return await call.runtime.approvals.get(call.who, call.path["id"])


async def resolve_approval(call: Call[Decision, Nothing]) -> Run:
    return await call.runtime.approvals.resolve(call.who, call.path["id"], call.body)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/runs/stream",
        summary="Start a run and follow its events",
        handler=stream_run,
        starts_run=True,
        action="runs.start",
        body=RunRequest,
        events=True,
        tag="runs",
    ),
    Operation(
        method="POST",
        path="/api/runs",
        summary="Start a run",
        handler=start_run,
        starts_run=True,
        action="runs.start",
        body=RunRequest,
        answer=Run,
        status=201,
        tag="runs",
    ),
    Operation(
        method="GET",
        path="/api/runs",
        summary="Runs, newest first",
        handler=list_runs,
        action="runs.read",
        query=RunQuery,
        answer=Page[Run],
        tag="runs",
    ),
    Operation(
        method="GET",
        path="/api/runs/{id}",
        summary="One run",
        handler=get_run,
        action="runs.read",
        answer=Run,
        tag="runs",
    ),
    Operation(
        method="GET",
        path="/api/runs/{id}/events",
        summary="A run's events, up to its end or to a question to a person",
        handler=run_events,
        action="runs.read",
        query=SinceQuery,
        events=True,
        tag="runs",
    ),
    Operation(
        method="POST",
        path="/api/runs/{id}/cancel",
        summary="Stop a run; what it has answered is kept",
        handler=cancel_run,
        action="runs.cancel",
        answer=Run,
        tag="runs",
    ),
    Operation(
        method="GET",
        path="/api/approvals",
        summary="Questions that wait for a person, the oldest first",
        handler=list_approvals,
        action="approvals.read",
        query=ApprovalQuery,
        answer=Page[Approval],
        tag="approvals",
    ),
    Operation(
        method="GET",
        path="/api/approvals/{id}",
        summary="One question, open or not",
        handler=get_approval,
        action="approvals.read",
        answer=Approval,
        tag="approvals",
    ),
    Operation(
        method="POST",
        path="/api/approvals/{id}",
        summary="Answer a question; the run goes on once none of its questions is open",
        handler=resolve_approval,
        action="approvals.resolve",
        body=Decision,
        answer=Run,
        tag="approvals",
    ),
)
