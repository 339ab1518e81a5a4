"""Calls that a server lets go on by themselves: the extension `io.modelcontextprotocol/tasks`.

Used by `calling`. The client's side of SEP-2663: a server may answer a call with a task instead of
a result. The task is then asked how it is until it is over; what it needs of people is handed up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol, TypeVar

import anyio
import mcp_types as types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from pydantic import Field, TypeAdapter, ValidationError

from muxi.core.errors import ToolError, ToolFailed

TASKS: Final = "io.modelcontextprotocol/tasks"
"""The extension's identifier."""

_SOONEST: Final = 0.1
_LATEST: Final = 30.0
_USUAL: Final = 1.0
"""Seconds between two questions, whatever the server proposes and if it proposes nothing."""
_GOODBYE: Final = 5.0
"""Seconds that a server has to acknowledge that nobody waits any more."""

_REQUESTS: Final[TypeAdapter[dict[str, types.InputRequest]]] = TypeAdapter(
    dict[str, types.InputRequest]
)


ResultT = TypeVar("ResultT", bound=types.Result)


class TaskStarted(types.Result):
    """The answer to a call that goes on."""

    result_type: Literal["task"] = Field(alias="resultType", default="task")
    task_id: str = Field(alias="taskId")
    status: str = "working"
    status_message: str | None = Field(alias="statusMessage", default=None)
    poll_interval_ms: int | None = Field(alias="pollIntervalMs", default=None)


class TaskState(types.Result):
    """How a task is."""

    task_id: str = Field(alias="taskId")
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = Field(alias="statusMessage", default=None)
    poll_interval_ms: int | None = Field(alias="pollIntervalMs", default=None)
    last_updated_at: str | None = Field(alias="lastUpdatedAt", default=None)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = Field(alias="inputRequests", default=None)


class _Named(types.RequestParams):
    task_id: str = Field(alias="taskId")


class _Answers(_Named):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


class _Get(types.Request[_Named, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: _Named
    name_param: ClassVar[str | None] = "taskId"


class _Update(types.Request[_Answers, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    params: _Answers
    name_param: ClassVar[str | None] = "taskId"


class _Cancel(types.Request[_Named, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: _Named
    name_param: ClassVar[str | None] = "taskId"


class TaskNeedsInput(Exception):
    """A task waits for answers; it goes on when it is followed again with them."""

    def __init__(self, task_id: str, requests: Mapping[str, types.InputRequest]) -> None:
        super().__init__(task_id)
        self.task_id = task_id
        self.requests = dict(requests)


class TasksExtension(ClientExtension):
    """Tells servers that calls may become tasks. Given to the SDK's client."""

    identifier = TASKS

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """The one more shape that the result of a call may have."""
        return (ResultClaim(result_type="task", model=TaskStarted, resolve=_to_the_end),)


class Line(Protocol):
    """A way to a server that may have to be found again: a `Connection`."""

    async def session(self) -> ClientSession:
        """A live session. Raises `ToolFailed` if there is none."""
        ...

    def lost(self, session: Any) -> None:
        """Hears that a session was found dead."""
        ...


async def followed(
    line: Line,
    task_id: str,
    *,
    answers: Mapping[str, Any] | None = None,
    wait: float | None = None,
    alive: Callable[[str | None], None] = lambda message: None,
) -> types.CallToolResult:
    """The result of a task, once it is over. If nobody waits any more, the task is cancelled.

    Args:
        line: To the server that has it; a task outlives the connection on which it was begun.
        task_id: Which one.
        answers: To what it asked for, by the keys of the requests.
        wait: Seconds until the first question; by default the usual interval.
        alive: Hears of each sign of life, with the server's words if it has any.

    Raises:
        TaskNeedsInput: People must answer first; the task goes on to wait for that.
        ToolFailed: It failed or was cancelled, or the server speaks nonsense.
        MCPError: The server knows no such task, or cannot be asked.
    """
    try:
        if answers is not None:
            given = _Answers(taskId=task_id, inputResponses=dict(answers))
            await _asked(line, _Update(params=given), types.EmptyResult)
        delay = _USUAL if wait is None else wait
        before: str | None = None
        while True:
            await asyncio.sleep(min(max(delay, _SOONEST), _LATEST))
            state = await _asked(line, _Get(params=_Named(taskId=task_id)), TaskState)
            if (found := _result(state)) is not None:
                return found
            if state.status == "input_required":
                # Requests that were answered a moment ago may still be listed.
                open_ = {
                    key: request
                    for key, request in _requests(state).items()
                    if key not in (answers or {})
                }
                if open_:
                    raise TaskNeedsInput(task_id, open_)
            if state.last_updated_at != before:
                before = state.last_updated_at
                alive(state.status_message)
            delay = _USUAL if state.poll_interval_ms is None else state.poll_interval_ms / 1000
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            await cancelled(line, task_id)
        raise


async def cancelled(line: Line, task_id: str) -> None:
    """Tell the server that nobody waits for a task any more."""
    with suppress(MCPError, ToolError, ValidationError, TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            session = await line.session()
            await session.send_request(_Cancel(params=_Named(taskId=task_id)), types.EmptyResult)


def poll_seconds(started: TaskStarted) -> float | None:
    """When the server would be asked about a task for the first time."""
    return None if started.poll_interval_ms is None else started.poll_interval_ms / 1000


async def _asked(line: Line, request: types.Request[Any, Any], kind: type[ResultT]) -> ResultT:
    """The answer to a question about a task, by another connection if this one has ended."""
    while True:
        session = await line.session()
        try:
            return await session.send_request(request, kind)
        except MCPError as error:
            if error.code != types.CONNECTION_CLOSED:
                raise
            line.lost(session)
            await asyncio.sleep(_SOONEST)


def _result(state: TaskState) -> types.CallToolResult | None:
    """What a task has come to; None if it is not over. Raises `ToolFailed`."""
    if state.status == "completed":
        try:
            return types.CallToolResult.model_validate(state.result, by_name=False)
        except ValidationError:
            raise ToolFailed("The task is completed, but what it gave is no result.") from None
    if state.status == "failed":
        words = (state.error or {}).get("message") or "and the server does not say why"
        raise ToolFailed(f"The task failed: {words}"[:2_000])
    if state.status == "cancelled":
        raise ToolFailed("The task was cancelled by the server.")
    return None


def _requests(state: TaskState) -> dict[str, types.InputRequest]:
    try:
        return _REQUESTS.validate_python(state.input_requests or {}, by_name=False)
    except ValidationError:
        raise ToolFailed("The task asks for something that is not in the protocol.") from None


async def _to_the_end(started: TaskStarted, context: ClaimContext) -> types.CallToolResult:
    """For clients of the SDK that call a tool by themselves, such as the developer kit."""
    line = _OneSession(context.session)
    try:
        return await followed(line, started.task_id, wait=poll_seconds(started))
    except TaskNeedsInput:
        await cancelled(line, started.task_id)
        raise ToolFailed("The task asks for answers, and nobody can be asked here.") from None


@dataclass(frozen=True, slots=True)
class _OneSession:
    """A line that is not found again."""

    live: ClientSession

    async def session(self) -> ClientSession:
        return self.live

    def lost(self, session: Any) -> None:
        raise ToolFailed("The connection to the server has ended.")
