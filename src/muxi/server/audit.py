"""The audit log: who did what, by what right; and the log as a file for its verifier."""

from __future__ import annotations

from pydantic import Field
from starlette.responses import Response

from muxi.core.audit import AuditEntry, AuditHead, AuditReport, Outcome
from muxi.core.pages import Page
from muxi.server import lines
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.threads import PageQuery


class AuditQuery(PageQuery):
    actor: str | None = Field(None, max_length=200)
    action: str | None = Field(None, max_length=100)
    outcome: Outcome | None = None


async def list_audit(call: Call[Nothing, AuditQuery]) -> Page[AuditEntry]:
    query = call.query
    return await call.runtime.audit.page(
        call.caller.tenant,
        actor=query.actor,
        action=query.action,
        outcome=query.outcome,
        cursor=query.cursor,
        limit=query.limit,
    )


async def audit_head(call: Call[Nothing, Nothing]) -> AuditHead:
    return await call.runtime.audit.head(call.caller.tenant)


async def verify_audit(call: Call[Nothing, Nothing]) -> AuditReport:
    return await call.runtime.audit.verify(call.caller.tenant)


async def export_audit(call: Call[Nothing, Nothing]) -> Response:
    return await lines.stream(call.runtime.audit.export(call.caller.tenant))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/audit",
        summary="What was done and refused, the newest first",
        handler=list_audit,
        action="audit.read",
        query=AuditQuery,
        answer=Page[AuditEntry],
        tag="audit",
    ),
    Operation(
        method="GET",
        path="/api/audit/head",
        summary="Where the log ends: kept elsewhere, it shows later whether the log was cut",
        handler=audit_head,
        action="audit.read",
        answer=AuditHead,
        tag="audit",
    ),
    Operation(
        method="GET",
        path="/api/audit/report",
        summary="What the verifier finds in the log; `muxi audit verify` needs no server",
        handler=verify_audit,
        action="audit.read",
        answer=AuditReport,
        tag="audit",
    ),
    Operation(
        method="GET",
        path="/api/audit/export",
        summary="The whole log as lines of JSON, for its verifier",
        handler=export_audit,
        action="audit.read",
        media_type=lines.MEDIA_TYPE,
        tag="audit",
    ),
)
