"""The project's tools for clients of MCP, without an agent between. Part of what muxi offers.

Only those that the project names are offered. A call goes by the same rule of approval as an
agent's, but belongs to no run: whoever made it sees its result, and nobody else.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import mcp_types as types
from pydantic import Field, JsonValue

from muxi.core.context import RunContext
from muxi.core.errors import InputNeeded, ToolDenied, ToolFailed, ToolTimeout
from muxi.core.events import Approval, Event, ToolProgress
from muxi.core.ids import new_id
from muxi.core.messages import (
    AudioPart,
    ImagePart,
    MediaPart,
    TextPart,
    ToolCallPart,
    ToolContent,
)
from muxi.core.questions import Answer, Answered, Question
from muxi.core.record import Record
from muxi.core.requests import ToolSpec
from muxi.runtime.build import Runtime
from muxi.runtime.warrant import Warrant
from muxi.server.mcp.call import Call
from muxi.server.mcp.offering import closed, text, upon
from muxi.server.mcp.questions import answer_of, decision_of, form_of, request_of
from muxi.server.mcp.surface import ServedTool

if TYPE_CHECKING:
    from muxi.tools.toolset import Toolset

_GIVES = closed({"result": text("What the tool gave, without images and files.")}, set())


class DirectTools:
    """Calls the tools that the project lets clients call."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._wanted = runtime.project.server.mcp.tools

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        """One for each."""
        if not self._wanted:
            return ()
        found: list[ServedTool] = []
        for toolset in await self._runtime.tools.toolsets(self._wanted):
            specs = await toolset.specs(_context(call, lambda _: None))
            found += [self._served(toolset, spec) for spec in specs]
        return found

    def _served(self, toolset: Toolset, spec: ToolSpec) -> ServedTool:
        notes = spec.annotations
        shown = types.Tool(
            name=spec.name,
            title=notes.title or spec.name.replace("_", " ").capitalize(),
            description=spec.description,
            input_schema={"additionalProperties": False, **spec.parameters},
            output_schema=_GIVES,
            annotations=types.ToolAnnotations(
                title=notes.title or spec.name.replace("_", " ").capitalize(),
                read_only_hint=bool(notes.read_only),
                destructive_hint=not notes.read_only and notes.destructive is not False,
                idempotent_hint=spec.idempotent,
                open_world_hint=notes.open_world is not False,
            ),
        )
        return ServedTool(shown, partial(self._run, toolset, spec), upon(spec.name, "tools.use"))

    async def _run(
        self, toolset: Toolset, spec: ToolSpec, arguments: dict[str, Any], call: Call
    ) -> types.CallToolResult:
        asking = _Asking.model_validate(call.state or {})
        if not asking.allowed:
            await self._ask_leave(spec, arguments, call)
        async with _progress(call) as emit:
            while True:
                ctx = _context(call, emit)
                ctx.answer = await asking.answered(call)
                try:
                    return _result(await _once(toolset, spec, arguments, ctx))
                except InputNeeded as needed:
                    asking = _Asking(
                        allowed=True,
                        questions=needed.questions,
                        state=needed.state,
                        round=asking.round + 1,
                    )

    async def _ask_leave(self, spec: ToolSpec, arguments: dict[str, Any], call: Call) -> None:
        """Return if the call may be made.

        Raises:
            ToolDenied: It may not, or a person must say so and cannot be asked.
        """
        part = ToolCallPart(id=new_id("call"), name=spec.name, arguments=arguments)
        ctx = _context(call, lambda _: None)
        warrant = Warrant(guard=self._runtime.guard, caller=call.caller, agent="")
        policy = self._runtime.agents.policy(None, warrant)
        verdict = await policy.decide(ctx, part, spec)
        if verdict.verdict == "allow":
            return
        if verdict.verdict == "deny":
            raise ToolDenied(verdict.reason or f"{spec.name} may not be called.")
        approval = Approval(
            id="leave",
            run_id="",
            call_id=part.id,
            agent="This client",
            tool=spec.name,
            arguments=arguments,
            reason=verdict.reason,
        )
        request = request_of(approval)
        if not call.may_ask(request):
            raise ToolDenied(
                f"A person must approve each call of {spec.name}, and this client cannot ask one.",
                hint="Ask an agent that has the tool: its questions can be answered elsewhere.",
            )
        said = await call.ask({approval.id: request}, {})
        decision = decision_of(approval, said[approval.id])
        if decision is None or decision.decision != "approve":
            reason = decision.reason if decision is not None else None
            raise ToolDenied(f"A person denied this call of {spec.name}. {reason or ''}".strip())


class _Asking(Record):
    """What a tool that is called by itself wants to know, kept by the client in between."""

    allowed: bool = False
    """Whether the call may be made, as far as somebody was asked."""
    questions: dict[str, Question] = Field(default_factory=dict[str, Question])
    state: JsonValue = None
    round: int = 0

    async def answered(self, call: Call) -> Answered | None:
        """What a person says to it; None if nothing was asked.

        Raises:
            ToolFailed: The client cannot ask anybody.
        """
        if not self.questions:
            return None
        # A round's answers must not be taken for those of the next.
        names = {name: f"{self.round}.{name}" for name in self.questions}
        requests = {names[name]: form_of(each) for name, each in self.questions.items()}
        if not all(map(call.may_ask, requests.values())):
            raise ToolFailed("The tool asks a person, and this client cannot ask one.")
        said = await call.ask(requests, self.model_dump(mode="json"))
        answers = {
            name: answer_of(each, said[names[name]]) for name, each in self.questions.items()
        }
        return Answered(answers=answers, state=self.state, round=self.round)


async def _once(
    toolset: Toolset, spec: ToolSpec, arguments: dict[str, Any], ctx: RunContext[None]
) -> list[ToolContent]:
    try:
        async with asyncio.timeout(spec.timeout):
            return await toolset.call(spec.name, arguments, ctx)
    except TimeoutError:
        raise ToolTimeout(f"{spec.name} took too long.") from None


def _context(call: Call, emit: Callable[[Event], None]) -> RunContext[None]:
    """The circumstances of a call that belongs to no run."""

    async def ask(question: Question) -> Answer:
        request = form_of(question)
        if call.modern or not call.may_ask(request):
            # There a question ends the call; this tool wants to stay where it is.
            return Answer(action="cancel")
        return answer_of(question, (await call.ask({"live": request}))["live"])

    return RunContext(
        deps=None,
        tenant=call.who.tenant,
        user=call.who.principal or "",
        call_id=new_id("call"),
        emit=emit,
        ask=ask,
    )


@asynccontextmanager
async def _progress(call: Call) -> AsyncGenerator[Callable[[Event], None]]:
    """Passes on what a tool reports while it works."""
    reports: asyncio.Queue[ToolProgress] = asyncio.Queue()

    def emit(event: Event) -> None:
        if isinstance(event, ToolProgress):
            reports.put_nowait(event)

    async def tell() -> None:
        number = 0
        while True:
            report = await reports.get()
            number += 1
            done = number if report.progress is None else report.progress
            await call.progress(done, report.total, report.message)
            reports.task_done()

    teller = asyncio.create_task(tell())
    try:
        yield emit
        await reports.join()
    finally:
        teller.cancel()
        await asyncio.wait([teller])


def _result(content: Sequence[ToolContent]) -> types.CallToolResult:
    words = "\n".join(part.text for part in content if isinstance(part, TextPart))
    return types.CallToolResult(
        content=[_block(part) for part in content], structured_content={"result": words}
    )


def _block(part: ToolContent) -> types.ContentBlock:
    if isinstance(part, TextPart):
        return types.TextContent(text=part.text)
    if not isinstance(part, MediaPart):
        return types.TextContent(text=part.model_dump_json())
    if part.data is None:
        return types.ResourceLink(
            name=part.name or part.media_type, uri=part.url or "", mime_type=part.media_type
        )
    data = base64.b64encode(part.data).decode()
    if isinstance(part, ImagePart):
        return types.ImageContent(data=data, mime_type=part.media_type)
    if isinstance(part, AudioPart):
        return types.AudioContent(data=data, mime_type=part.media_type)
    held = types.BlobResourceContents(
        uri=f"muxi://results/{quote(part.name or 'file')}", blob=data, mime_type=part.media_type
    )
    return types.EmbeddedResource(resource=held)
