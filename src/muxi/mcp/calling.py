"""One call of a remote tool: its arguments, its clock, its progress, its questions, its result.

Made by `toolset`. A call ends in parts or in an error that a model can read, whatever the server
does: hangs, dies, answers twice or nonsense.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, cast

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import TypeAdapter, ValidationError

from muxi.core.errors import (
    InputNeeded,
    ToolArgumentsInvalid,
    ToolError,
    ToolFailed,
    ToolTimeout,
    summarize,
)
from muxi.core.events import ToolProgress
from muxi.core.messages import TextPart, ToolContent
from muxi.core.ports import Context
from muxi.core.questions import Answer, Question
from muxi.mcp.connection import Connection
from muxi.mcp.content import parts_of
from muxi.mcp.questions import needed, result_of
from muxi.mcp.specs import RemoteTool
from muxi.mcp.tasks import TaskNeedsInput, TaskStarted, followed, poll_seconds

_WITH_PROGRESS: Final = 10
"""A call that shows progress may take so many times as long as one that does not."""
_PROGRESS_EVERY: Final = 0.1
"""Seconds between two reports that are passed on."""
_LONGEST_REPORT: Final = 500
_MOST_ROUNDS: Final = 20
"""How often a server may answer that it is not ready yet."""
_SOONEST: Final = 0.05
_LATEST: Final = 1.0

_RESULT: Final[TypeAdapter[Any]] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult | TaskStarted
)
_TASK: Final = "task"
"""Under which name the state of a suspended call holds the task that goes on meanwhile."""


@dataclass(slots=True, kw_only=True, eq=False)
class RemoteCall:
    """A call under way."""

    connection: Connection
    tool: RemoteTool
    arguments: dict[str, Any]
    ctx: Context
    _timer: asyncio.Timeout = field(init=False)
    _latest: float = 0.0
    """When it must end, however much progress it shows."""
    _reported: float = 0.0
    _asking: int = 0
    _over: bool = False
    _left: float = 0.0
    """Seconds of the call's time when a person was asked."""

    async def make(self) -> list[ToolContent]:
        """Call the tool.

        Raises:
            ToolArgumentsInvalid: The arguments do not fit its schema.
            ToolTimeout: It took too long.
            InputNeeded: People must answer first.
            ToolError: It failed, or the server did.
        """
        self._check()
        connection = self.connection
        session = await connection.session()
        connection.calls += 1
        connection.active.append(self)
        now = asyncio.get_running_loop().time()
        seconds = connection.settings.timeout
        self._latest = now + seconds * _WITH_PROGRESS
        self._timer = asyncio.timeout_at(now + seconds)
        try:
            async with self._timer:
                result = await self._rounds(session)
        except TimeoutError:
            connection.failures += 1
            connection.suspect()
            raise ToolTimeout(
                f"{self.tool.spec.name} did not answer within {seconds:g} s.",
                tool=self.tool.spec.name,
            ) from None
        except MCPError as error:
            raise self._failed(error, session) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise self._nonsense(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        finally:
            connection.active.remove(self)
            self._over = True
        return self._content(result)

    async def ask(self, question: Question) -> Answer:
        """Put a question to the person, while the call waits and its clock stands still."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not self._asking:
            self._left = (self._timer.when() or began) - began
        self._asking += 1
        self._set(None)
        try:
            return await self.ctx.ask(question)
        finally:
            self._asking -= 1
            if not self._asking:
                self._latest += loop.time() - began
                self._set(loop.time() + max(self._left, 1.0))

    async def _rounds(self, session: Any) -> types.CallToolResult:
        """Call until there is a result; the newer era may need several rounds."""
        responses, state = self._answers()
        if isinstance(state, dict):
            task_id = cast("dict[str, str]", state)[_TASK]
            return await self._followed(task_id, answers=responses)
        delay = _SOONEST
        for _ in range(_MOST_ROUNDS):
            result = await session.send_request(
                types.CallToolRequest(
                    params=types.CallToolRequestParams(
                        name=self.tool.name,
                        arguments=self.arguments,
                        input_responses=responses,
                        request_state=state,
                    )
                ),
                _RESULT,
                progress_callback=self._progress,
            )
            if isinstance(result, types.CallToolResult):
                return result
            if isinstance(result, TaskStarted):
                return await self._followed(result.task_id, wait=poll_seconds(result))
            state = result.request_state
            if result.input_requests:
                raise InputNeeded(needed(result.input_requests, self.tool.server), state=state)
            responses = None
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LATEST)
        raise ToolFailed(f"{self.tool.spec.name} did not come to an end in {_MOST_ROUNDS} rounds.")

    async def _followed(self, task_id: str, **how: Any) -> types.CallToolResult:
        """The result of a task that the server has made of the call."""
        try:
            return await followed(self.connection, task_id, alive=self._alive, **how)
        except TaskNeedsInput as waiting:
            questions = needed(waiting.requests, self.tool.server)
            raise InputNeeded(questions, state={_TASK: task_id}) from None

    def _answers(self) -> tuple[dict[str, Any] | None, Any]:
        """What people said since the call was made before, and what was left for now."""
        answer = self.ctx.answer
        if answer is None:
            return None, None
        state = answer.state if isinstance(answer.state, str | dict) else None
        return {key: result_of(each) for key, each in answer.answers.items()}, state

    def _alive(self, message: str | None) -> None:
        """A task has shown a sign of life."""
        self._prolong()
        if message:
            self._emit(0, None, message)

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        now = self._prolong()
        if now - self._reported < _PROGRESS_EVERY and progress != total:
            return
        self._reported = now
        self._emit(progress, total, message)

    def _prolong(self) -> float:
        """Give the call another while, since it shows that it is alive; gives the present time."""
        now = asyncio.get_running_loop().time()
        if not self._asking:
            self._set(min(now + self.connection.settings.timeout, self._latest))
        return now

    def _emit(self, progress: float, total: float | None, message: str | None) -> None:
        self.ctx.emit(
            ToolProgress(
                call_id=self.ctx.call_id or "",
                name=self.tool.spec.name,
                progress=progress,
                total=total,
                message=message[:_LONGEST_REPORT] if message else None,
            )
        )

    def _set(self, when: float | None) -> None:
        # What a server still says after the call was given up moves nothing.
        if not (self._over or self._timer.expired()):
            self._timer.reschedule(when)

    def _check(self) -> None:
        spec = self.tool.spec
        self.arguments = _said(self.arguments, spec.parameters)
        found = self.tool.wrong_arguments(self.arguments)
        if self.tool.closed:
            known = spec.parameters["properties"]
            found += [
                f"$.{name}: there is no such argument; there is: {', '.join(known)}"
                for name in self.arguments
                if name not in known
            ]
        if found:
            lines = "\n".join(f"- {each}" for each in found[:10])
            raise ToolArgumentsInvalid(
                f"The arguments of `{spec.name}` do not fit its schema:\n{lines}", tool=spec.name
            )

    def _content(self, result: types.CallToolResult) -> list[ToolContent]:
        settings = self.connection.settings
        content = parts_of(result, max_bytes=settings.max_result)
        if result.is_error:
            words = "\n".join(part.text for part in content if isinstance(part, TextPart))
            raise ToolError(words or f"{self.tool.spec.name} failed and did not say why.")
        if self.tool.output is not None:
            if result.structured_content is None:
                raise self._nonsense("it promises a structured result and gave none")
            wrong = self.tool.wrong_output(result.structured_content)
            if wrong:
                raise self._nonsense(f"its result does not fit its own schema: {wrong[0]}")
        return content

    def _failed(self, error: MCPError, session: Any) -> ToolError:
        connection, name = self.connection, self.tool.spec.name
        if (refusal := connection.target.refusal) is not None:
            return ToolFailed(summarize(refusal), tool=name)
        if error.code == types.CONNECTION_CLOSED:
            connection.failures += 1
            connection.lost(session)
            return ToolFailed(
                f"The MCP server {connection.name} ended while {name} was being called. "
                "It is started again.",
                tool=name,
            )
        if error.code == types.INVALID_PARAMS:
            return ToolArgumentsInvalid(f"{name}: {error.message}"[:2_000], tool=name)
        if error.message == "Session terminated":
            connection.lost(session)
        return ToolFailed(f"{name} failed: {error.message}"[:2_000], tool=name)

    def _nonsense(self, words: str) -> ToolFailed:
        name = self.tool.spec.name
        return ToolFailed(
            f"{name} gave an answer that cannot be used: {words}"[:1_000],
            hint=f"This is a fault of the MCP server {self.tool.server}.",
            tool=name,
        )


def _said(arguments: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """`arguments` without the nulls by which models leave out what they need not give."""
    if None not in arguments.values():
        return arguments
    needed: list[str] = schema.get("required") or []
    fields: dict[str, Any] = schema.get("properties") or {}

    def means_nothing(name: str) -> bool:
        field: Any = fields.get(name)
        kinds: Any = cast("dict[str, Any]", field).get("type") if isinstance(field, dict) else None
        return name not in needed and kinds is not None and "null" not in kinds

    return {
        name: value
        for name, value in arguments.items()
        if value is not None or not means_nothing(name)
    }
