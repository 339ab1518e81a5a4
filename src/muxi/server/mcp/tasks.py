"""Calls that outlive their request: the extension `io.modelcontextprotocol/tasks` (SEP-2663).

Handed to the server of the SDK among its extensions. A client that knows the extension is given a
task in place of the result of a long call, asks how it is, answers what it needs, and may cancel
it; every other client waits for the result as ever. A task lives as long as this process does.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field, TypeAdapter, ValidationError

from muxi.core.ids import new_id
from muxi.server.mcp.call import Context

_log = logging.getLogger("muxi.mcp")

TASKS: Final = "io.modelcontextprotocol/tasks"
"""The extension's identifier."""

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]

_LIFETIME: Final = 24 * 3600.0
_POLL: Final = 1.0
_MOST: Final = 200
"""Tasks of one caller that are remembered."""
_ANSWERS: Final[TypeAdapter[dict[str, types.InputResponse]]] = TypeAdapter(
    dict[str, types.InputResponse]
)
_ACKNOWLEDGED: Final[dict[str, Any]] = {"resultType": "complete"}


@dataclass(frozen=True, slots=True)
class TaskSupport:
    """How a tool goes along with tasks."""

    required: bool = False
    """Whether it is refused to clients that do not know tasks."""
    ask_first: bool = False
    """Whether what it has to ask is asked before there is a task."""


class TaskParams(types.RequestParams):
    """Names a task."""

    task_id: str = Field(alias="taskId")


class TaskUpdateParams(TaskParams):
    """Brings answers to what a task has asked for."""

    input_responses: dict[str, Any] = Field(alias="inputResponses", default_factory=dict[str, Any])


@dataclass(slots=True, kw_only=True, eq=False)
class _Task:
    """One call that goes on by itself."""

    id: str
    owner: Hashable
    lifetime: float
    poll: float
    status: Status = "working"
    message: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    born: float = field(default_factory=time.monotonic)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    asked: dict[str, Any] = field(default_factory=dict[str, Any])
    """What it waits for: the requests by their keys."""
    answers: dict[str, types.InputResponse] = field(default_factory=dict[str, types.InputResponse])
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def forgettable(self) -> bool:
        return self.over and time.monotonic() - self.born > self.lifetime

    def become(self, status: Status) -> None:
        if not self.over:
            self.status = status
            self.updated = datetime.now(UTC)

    def shown(self) -> dict[str, Any]:
        """What any answer about it holds."""
        shown = {
            "taskId": self.id,
            "status": self.status,
            "createdAt": self.created.isoformat(),
            "lastUpdatedAt": self.updated.isoformat(),
            "ttlMs": int(self.lifetime * 1000),
            "pollIntervalMs": int(self.poll * 1000),
        }
        return shown if self.message is None else {**shown, "statusMessage": self.message}

    def detailed(self) -> dict[str, Any]:
        """It, with what became of it."""
        found = {**_ACKNOWLEDGED, **self.shown()}
        if self.status == "input_required":
            found["inputRequests"] = dict(self.asked)
        elif self.status == "completed":
            found["result"] = self.result
        elif self.status == "failed":
            found["error"] = self.error
        return found


class Tasks(Extension):
    """The extension of one server.

    Args:
        support: How a tool goes along with tasks, by its name; None if not at all.
        owner: Whose request it is: nobody sees the tasks of others.
        lifetime: Seconds from its beginning in which a task is not forgotten.
        poll: Seconds after which clients are told to ask again.
    """

    identifier = TASKS

    def __init__(
        self,
        support: Callable[[str], TaskSupport | None],
        owner: Callable[[Context], Hashable],
        *,
        lifetime: float = _LIFETIME,
        poll: float = _POLL,
    ) -> None:
        self._support = support
        self._owner = owner
        self._lifetime = lifetime
        self._poll = poll
        self._tasks: dict[str, _Task] = {}

    def methods(self) -> Sequence[MethodBinding]:
        """The requests that the extension adds."""
        eras = frozenset(MODERN_PROTOCOL_VERSIONS)
        return (
            MethodBinding("tasks/get", TaskParams, self._get, eras),
            MethodBinding("tasks/update", TaskUpdateParams, self._update, eras),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, eras),
        )

    async def intercept_tool_call(
        self, params: types.CallToolRequestParams, ctx: Context, call_next: CallNext
    ) -> HandlerResult:
        """Let a call go on by itself, if its tool and its client can."""
        support = self._support(params.name)
        if support is None:
            return await call_next(ctx)
        if not _knows_tasks(ctx):
            if support.required:
                raise _unable()
            return await call_next(ctx)
        if support.ask_first and params.input_responses is None:
            return await call_next(ctx)
        task = self._begin(self._owner(ctx))
        quiet = replace(ctx, session=_Quiet(ctx.session, task))
        work = self._run(task, params, quiet, call_next)
        task.work = asyncio.create_task(work, name=f"task {task.id}")
        return {"resultType": "task", **task.shown()}

    async def close(self) -> None:
        """Cancel what still goes on."""
        going = [task.work for task in self._tasks.values() if task.work is not None]
        for work in going:
            work.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    def _begin(self, owner: Hashable) -> _Task:
        for id_ in [id_ for id_, task in self._tasks.items() if task.forgettable]:
            del self._tasks[id_]
        if sum(task.owner == owner for task in self._tasks.values()) >= _MOST:
            raise MCPError(types.INTERNAL_ERROR, f"There are {_MOST} tasks already.")
        # Who knows the id may ask for the result.
        id_ = f"{new_id('task')}{secrets.token_hex(8)}"
        task = self._tasks[id_] = _Task(
            id=id_, owner=owner, lifetime=self._lifetime, poll=self._poll
        )
        return task

    async def _run(
        self, task: _Task, params: types.CallToolRequestParams, ctx: Context, call_next: CallNext
    ) -> None:
        try:
            for turn in range(1, 1_000):
                result = await call_next(ctx)
                if not isinstance(result, types.InputRequiredResult):
                    task.result = _plain(result)
                    task.become("completed")
                    return
                await _answers(task, result, turn)
                # The handler reads the answers from the parameters that it was called with.
                params.input_responses = task.answers
                params.request_state = result.request_state
        except asyncio.CancelledError:
            task.become("cancelled")
            raise
        except MCPError as error:
            task.error = error.error.model_dump(mode="json", exclude_none=True)
            task.become("failed")
        except Exception:  # noqa: BLE001 -- a task boundary: what is raised is logged, not told
            _log.exception("The task %s failed.", task.id)
            task.error = {"code": types.INTERNAL_ERROR, "message": "The task failed."}
            task.become("failed")

    async def _get(self, ctx: Context, params: TaskParams) -> dict[str, Any]:
        return self._find(ctx, params).detailed()

    async def _update(self, ctx: Context, params: TaskUpdateParams) -> dict[str, Any]:
        task = self._find(ctx, params)
        # Answers that nobody waits for are ignored, as the extension has it.
        wanted = {key: said for key, said in params.input_responses.items() if key in task.asked}
        for key, answer in _read(wanted).items():
            del task.asked[key]
            task.answers[key.partition(".")[2]] = answer
        if task.status == "input_required" and not task.asked:
            task.become("working")
            task.answered.set()
        return _ACKNOWLEDGED

    async def _cancel(self, ctx: Context, params: TaskParams) -> dict[str, Any]:
        task = self._find(ctx, params)
        task.become("cancelled")
        if task.work is not None:
            task.work.cancel()
        return _ACKNOWLEDGED

    def _find(self, ctx: Context, params: TaskParams) -> _Task:
        """Raises `MCPError`: The client may not ask, or there is no such task."""
        if not _knows_tasks(ctx):
            raise _unable()
        if ctx.request is not None:
            named = decode_header_value(ctx.request.headers.get(MCP_NAME_HEADER))
            if named != params.task_id:
                words = f"The header {MCP_NAME_HEADER} does not name the task of the body."
                raise MCPError(types.HEADER_MISMATCH, words)
        task = self._tasks.get(params.task_id)
        if task is None or task.owner != self._owner(ctx) or task.forgettable:
            raise MCPError(types.INVALID_PARAMS, "There is no such task.")
        return task


class _Quiet:
    """The session of a call whose request has been answered: nothing can be sent on it any more."""

    def __init__(self, session: Any, task: _Task) -> None:
        self._session = session
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Keep for whoever asks how the task is."""
        of = "" if total is None else f" of {total:g}"
        self._task.message = message or f"{progress:g}{of}"
        self._task.updated = datetime.now(UTC)

    async def send_notification(self, *_: Any, **__: Any) -> None:
        """There is nowhere to send it."""


async def _answers(task: _Task, needed: types.InputRequiredResult, turn: int) -> None:
    """Return when everything that a call needs has been answered."""
    # A key is never used again in the life of a task: an old answer must not pass for a new one.
    task.asked = {
        f"{turn}.{name}": request.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, request in (needed.input_requests or {}).items()
    }
    task.answers = {}
    if not task.asked:
        await asyncio.sleep(task.poll)
        return
    task.answered.clear()
    task.become("input_required")
    await task.answered.wait()


def _read(answers: dict[str, Any]) -> dict[str, types.InputResponse]:
    """Answers as what they are. Raises `MCPError` if one is none."""
    try:
        return _ANSWERS.validate_python(answers, by_name=False)
    except ValidationError as error:
        key = error.errors(include_url=False, include_input=False)[0]["loc"][0]
        words = f"The answer to {key} has no right form."
        raise MCPError(types.INVALID_PARAMS, words) from None


def _plain(result: HandlerResult) -> dict[str, Any]:
    if isinstance(result, dict):
        return result
    found = (
        {} if result is None else result.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    return {"resultType": "complete", **found}


def _knows_tasks(ctx: Context) -> bool:
    able = ctx.session.client_capabilities
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    return modern and able is not None and TASKS in (able.extensions or {})


def _unable() -> MCPError:
    return MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"This needs a client that supports {TASKS}.",
        {"requiredCapabilities": {"extensions": {TASKS: {}}}},
    )
