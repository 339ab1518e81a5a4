"""Agents as tools: each answers to `ask_NAME`. Part of what muxi offers.

A run is driven by the runtime and not by the call: a call that is cancelled cancels the run, one
that merely lost its connection does not, and `run_result` finds it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, cast, get_args

import mcp_types as types

from muxi.core.errors import Conflict, MuxiError, NotFound
from muxi.core.events import (
    Approval,
    ApprovalRequested,
    Event,
    RunCompleted,
    RunStatus,
    RunSuspended,
)
from muxi.core.status import AgentInfo
from muxi.core.threads import Run
from muxi.runtime.build import Runtime
from muxi.runtime.feed import EventReader, Feed
from muxi.runtime.requests import RunRequest
from muxi.server.mcp.call import Call
from muxi.server.mcp.narration import Narration
from muxi.server.mcp.offering import Schema, offered, simply, text
from muxi.server.mcp.questions import decision_of, request_of
from muxi.server.mcp.surface import ServedTool

ASK: Final = "ask_"
"""What the name of an agent's tool begins with."""
RESULT: Final = "run_result"
"""The tool that finds a run again."""

_ACTS: Final = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
)
"""An agent may do whatever its tools can."""
_WAITS: Final = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_APPROVAL: Final = {
    "type": "object",
    "properties": {
        "id": text("Id of the question."),
        "tool": text("The tool whose call waits."),
        "reason": text("Why a person is asked, or what they are asked."),
    },
    "required": ["id", "tool", "reason"],
}


def _gives(output: Schema | None = None) -> dict[str, Schema]:
    """What the result of a run holds."""
    return {
        "thread_id": text("The conversation; name it again to go on with it."),
        "run_id": text("The run, for `run_result`."),
        "status": {
            "type": "string",
            "enum": list(get_args(RunStatus)),
            "description": "How it ended. `waiting`: a person must decide first.",
        },
        "text": text("The answer, or as much of it as there is."),
        "output": {**(output or {}), "description": "The structured answer, if the agent has one."},
        "approvals": {
            "type": "array",
            "items": _APPROVAL,
            "description": "The questions to a person that the run waits for.",
        },
        "problem": text("What went wrong, if something did."),
        "tokens": {"type": "integer", "description": "Tokens that the run has used."},
        "cost": {"type": "string", "description": "US dollars, if the price is known."},
    }


_DEFINED: Final = {"$defs", "definitions"}
_OPTIONAL: Final = {"output", "problem", "cost", "tokens", "thread_id"}


@dataclass(slots=True)
class _Followed:
    """A run that a call follows."""

    run_id: str
    thread_id: str
    seq: int = 0
    """Number of the last event that was seen."""
    end: RunCompleted | None = None
    open: dict[str, Approval] = field(default_factory=dict[str, Approval])
    """Questions that wait for a person, by id."""


class AgentTools:
    """Asks the project's agents."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._patterns = runtime.project.server.mcp.agents
        self._limits = runtime.project.server.mcp.limits.model_dump(exclude_unset=True) or None
        self._cancelling: set[asyncio.Task[None]] = set()

    async def infos(self, call: Call) -> list[AgentInfo]:
        """The agents that the client may ask."""
        guard = self._runtime.guard
        return [
            info
            for info in await self._runtime.agents.infos(call.who)
            if any(fnmatchcase(info.name, pattern) for pattern in self._patterns)
            and await guard.allows(call.caller, "agents.use", info.name)
        ]

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        """One for each agent, and one that finds a run again."""
        infos = await self.infos(call)
        return [*map(self._ask, infos), self._run_result()] if infos else []

    def _ask(self, info: AgentInfo) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
            followed = await self._again(call)
            if followed is None:
                asked = {**arguments, "agent": info.name, "limits": self._limits}
                request = RunRequest.model_validate(asked)
                made, feed = await self._begin(call, request)
                followed = _Followed(made.id, made.thread_id)
                return await self._to_the_end(call, followed, feed)
            return await self._follow(call, followed)

        output = dict(info.definition.output or {})
        # What the agent's own schema refers to from its root.
        definitions = {name: output.pop(name) for name in _DEFINED & output.keys()}
        about = info.description or f"The agent {info.name}."
        return offered(
            f"{ASK}{info.name}",
            f"Ask {info.name}",
            f"{about.rstrip('.')}. Say something to this agent and get its answer. It remembers "
            "the conversation: name the `thread_id` of an earlier answer to go on with it.",
            takes={
                "input": text("What to say to the agent.", minLength=1),
                "thread_id": text("The conversation to go on with; a new one if it is left out."),
            },
            gives=_gives(output),
            definitions=definitions,
            annotations=_ACTS,
            run=run,
            needs=lambda _: [("runs.start", None), ("agents.use", info.name)],
            optional=_OPTIONAL,
        )

    def _run_result(self) -> ServedTool:
        async def run(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
            followed = await self._again(call)
            if followed is None:
                found = await self._runtime.runs.get(call.who, arguments["run_id"])
                followed = _Followed(found.id, found.thread_id)
            return await self._follow(call, followed, cancels=False)

        return offered(
            RESULT,
            "Result of a run",
            "Wait for the end of a run that an agent was asked for before, and get its answer: "
            "after a person has decided elsewhere, or after the call that began it was lost.",
            takes={"run_id": text("The run, as an earlier answer names it: `run_...`.")},
            gives=_gives(),
            annotations=_WAITS,
            run=run,
            needs=simply("runs.read"),
            optional=_OPTIONAL,
        )

    async def _begin(self, call: Call, request: RunRequest) -> tuple[Run, Feed]:
        """Begin a run; one whose call is cancelled meanwhile is cancelled once it has begun."""
        beginning = asyncio.ensure_future(self._runtime.runs.start_and_follow(call.caller, request))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            self._afterwards(self._undo(call, beginning))
            raise

    async def _undo(self, call: Call, beginning: asyncio.Future[tuple[Run, Feed]]) -> None:
        try:
            made, feed = await beginning
        except MuxiError:
            return
        feed.close()
        await self._stop(call, made.id)

    async def _again(self, call: Call) -> _Followed | None:
        """The run that an earlier round of this call began, once what was said is passed on."""
        if not isinstance(call.state, dict):
            return None
        state = cast("dict[str, Any]", call.state)
        followed = _Followed(state["run_id"], state["thread_id"], state["seq"])
        asked = [Approval.model_validate(each) for each in state["asked"]]
        followed.open = {each.id: each for each in asked}
        await self._put_questions(call, followed)
        return followed

    async def _follow(
        self, call: Call, followed: _Followed, *, cancels: bool = True
    ) -> types.CallToolResult:
        if followed.open:
            return _result(followed)
        feed = await self._runtime.streams.follow_run(call.who, followed.run_id, since=followed.seq)
        return await self._to_the_end(call, followed, feed, cancels=cancels)

    async def _to_the_end(
        self, call: Call, followed: _Followed, feed: Feed, *, cancels: bool = True
    ) -> types.CallToolResult:
        """Follow a run, putting its questions to the client, until it ends or waits for others."""
        try:
            async with Narration(call) as narration:
                while True:
                    suspended = await self._read(call, followed, feed, narration)
                    if followed.open:
                        await self._put_questions(call, followed)
                    if followed.open or not suspended:
                        return _result(followed)
                    feed = await self._runtime.streams.follow_run(
                        call.who, followed.run_id, since=followed.seq
                    )
        except asyncio.CancelledError:
            if cancels:
                self._afterwards(self._stop(call, followed.run_id))
            raise

    async def _read(
        self, call: Call, followed: _Followed, feed: Feed, narration: Narration
    ) -> bool:
        """Follow a run to its end or to open questions; says whether it waited when that ended."""
        suspended = False
        async with EventReader(feed) as events:
            async for event in events:
                followed.seq = max(followed.seq, event.seq)
                await narration.hear(event)
                suspended = _asks(event, call)
                if isinstance(event, RunCompleted):
                    followed.end = event
                elif suspended:
                    followed.open = await self._open(call, followed.run_id)
                    if followed.open:
                        break
        await narration.finish()
        return suspended

    async def _open(self, call: Call, run_id: str) -> dict[str, Approval]:
        """The questions of a run that nobody has answered yet."""
        found = await self._runtime.approvals.page(call.who, run_id=run_id)
        return {each.id: each for each in found.items}

    async def _put_questions(self, call: Call, followed: _Followed) -> None:
        """Ask the person behind the client; what they leave open stays so."""
        asked = list(followed.open.values())
        requests = {each.id: request_of(each) for each in asked}
        if not all(map(call.may_ask, requests.values())):
            return
        state = {
            "run_id": followed.run_id,
            "thread_id": followed.thread_id,
            "seq": followed.seq,
            "asked": [each.model_dump(mode="json") for each in asked],
        }
        said = await call.ask(requests, state)
        for each in asked:
            decision = decision_of(each, said[each.id])
            if decision is None:
                continue
            with suppress(Conflict, NotFound):  # somebody else was faster, on the dashboard perhaps
                await self._runtime.guard.require(call.caller, "approvals.resolve")
                await self._runtime.approvals.resolve(call.who, each.id, decision)
            del followed.open[each.id]

    def _afterwards(self, work: Coroutine[None, None, None]) -> None:
        """Do something by a task of its own, since this one is being cancelled."""
        task = asyncio.create_task(work, name="a cancelled call")
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _stop(self, call: Call, run_id: str) -> None:
        try:
            await self._runtime.runs.cancel(call.who, run_id)
        except MuxiError:
            # It has ended meanwhile, or the process is ending.
            return


def _asks(event: Event, call: Call) -> bool:
    """Whether the run cannot go on before somebody has answered."""
    return isinstance(event, RunSuspended) or (
        isinstance(event, ApprovalRequested)
        and event.approval.live
        and call.may_ask(request_of(event.approval))
    )


def _result(followed: _Followed) -> types.CallToolResult:
    """What is told of a run, whether it has ended, waits or goes on without this call."""
    end = followed.end
    members: dict[str, Any] = {
        "thread_id": followed.thread_id,
        "run_id": followed.run_id,
        "status": end.status if end is not None else "waiting" if followed.open else "running",
        "text": "" if end is None else end.text,
        "approvals": [
            {"id": each.id, "tool": each.tool, "reason": each.reason}
            for each in followed.open.values()
        ],
    }
    if end is not None:
        members["tokens"] = end.usage.total_tokens
        if end.usage.cost is not None:
            members["cost"] = str(end.usage.cost)
        if end.output is not None:
            members["output"] = end.output
        if end.problem is not None:
            members["problem"] = end.problem.message
    words = [each for each in (members["text"], _what_now(members)) if each]
    return types.CallToolResult(
        content=[types.TextContent(text=each) for each in words],
        structured_content=members,
        is_error=members["status"] in ("failed", "limited", "blocked", "cancelled"),
    )


def _what_now(members: dict[str, Any]) -> str:
    """What a model should know beside the answer, in words."""
    status, run_id = members["status"], members["run_id"]
    if status == "completed":
        return f"[thread_id: {members['thread_id']}]"
    if status == "waiting":
        tools = ", ".join(each["tool"] for each in members["approvals"])
        return (
            f"The run waits until a person has decided about {tools}: on the dashboard, or with "
            f"`muxi approvals`. `run_result` with run_id {run_id} gives the answer after that."
        )
    if status == "running":
        return f"The run goes on. `run_result` with run_id {run_id} gives its answer."
    why = f": {members['problem']}" if "problem" in members else "."
    return f"The run {status.replace('limited', 'reached a limit')}{why}"
