"""AG-UI: one request runs an agent, goes on with a run that waits, or tells how things stand.

What the protocol calls a run is what one request is told; here, a run that waited goes on as the
same run. Part of the API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.events import Approval, ApprovalDecision, Event
from muxi.core.messages import Message, ToolResultPart, user_message
from muxi.core.problems import problem_of
from muxi.core.requests import ToolSpec
from muxi.core.terms import Terms
from muxi.core.threads import CLIENT_ID, Run
from muxi.runtime.conversations import Place
from muxi.runtime.feed import Feed
from muxi.runtime.requests import ClientRequest
from muxi.server.agui.voice import AgUiVoice, said_problem
from muxi.server.operations import AnyOperation, Call, EventStream, Nothing, Operation
from muxi.server.problems import invalid
from muxi.wire.agui.interrupts import decision_of
from muxi.wire.agui.messages import history_of, result_of, snapshot_of
from muxi.wire.agui.request import AgUiMessage, RunAgentInput, parts_of
from muxi.wire.agui.state import State, state_after
from muxi.wire.agui.stream import AgUiNarration
from muxi.wire.narration import Frame, spelt

_DOOR = "ag-ui"
_TOLD = (InvalidInput, Conflict)
"""What the protocol wants told as the run's end; other refusals are those of HTTP."""


async def run_agent(call: Call[RunAgentInput, Nothing]) -> EventStream | Response:
    """Run the project's own agent."""
    return await _run(call, None)


async def run_named_agent(call: Call[RunAgentInput, Nothing]) -> EventStream | Response:
    """Run the agent that the path names."""
    return await _run(call, call.path["agent"])


async def _run(call: Call[RunAgentInput, Nothing], agent: str | None) -> EventStream | Response:
    try:
        return await _answer(call, agent)
    except _TOLD as error:
        return _stream(said_problem(problem_of(error)))
    except ValidationError as error:
        return _stream(said_problem(problem_of(invalid(error))))


async def _answer(call: Call[RunAgentInput, Nothing], agent: str | None) -> EventStream | Response:
    asked = call.body
    said, before = _new_words(asked.messages)
    after = [message.id for message in reversed(before)]
    place = await call.runtime.conversations.find(
        call.who, asked.thread_id, door=_DOOR, said=said and said.id, after=after
    )
    if asked.resume or place.status == "waiting":
        answered = await _go_on(call, place, said)
        if answered is not None:
            return answered
    results = _stray_results(before) if place.new and said is None else []
    if said is None and not results:
        return await _tell(call, place)
    return await _start(call, place, agent, said=said, before=before, results=results)


async def _start(
    call: Call[RunAgentInput, Nothing],
    place: Place,
    agent: str | None,
    *,
    said: AgUiMessage | None,
    before: Sequence[AgUiMessage],
    results: Sequence[ToolResultPart],
) -> EventStream:
    """Begin a run; one that was begun by the same request before is told again."""
    asked, runs = call.body, call.runtime.runs
    if place.new and results:
        before = _without_results(before)
    request = ClientRequest(
        id=_run_id(place.thread_id, asked.run_id),
        input=list(results) if said is None else parts_of(said.content),
        role="user" if said is not None else "tool",
        history=history_of(before) if place.new else [],
        client_id=None if said is None else said.id,
        begins=call.runtime.conversations.begins(place, asked.thread_id),
        agent=agent,
        thread_id=None if place.new else place.thread_id,
        parent_id=place.parent_id,
        terms=_terms(asked, await _state(call, place)),
    )
    try:
        run, feed = await call.start_and_follow(request)
    except Conflict:
        try:
            run = await runs.get(call.who, request.id or "")
        except NotFound:
            pass
        else:
            feed = await call.runtime.streams.follow_run(call.who, run.id)
            return _told(call, run, feed)
        raise
    outset: list[Frame] = []
    if not place.known:
        outset.append(await _snapshot_frame(call, run.thread_id, without=run))
    return _told(call, run, feed, outset=outset)


async def _go_on(
    call: Call[RunAgentInput, Nothing], place: Place, said: AgUiMessage | None
) -> EventStream | None:
    """Answer what a run waits for; None if the front end goes past it with something new."""
    asked = call.body
    run = await _waiting_run(call, place)
    open_ = await call.runtime.conversations.asked(call.who, run.id)
    of_person = {each.id: each for each in open_ if not each.of_client}
    decisions = await _decisions(call, run, open_)
    if missing := of_person.keys() - decisions.keys():
        raise Conflict(
            f"The run waits for an answer to interrupt {min(missing)}.",
            hint="Answer every open interrupt in `resume`, or cancel it there.",
            run_id=run.id,
        )
    results = _results(asked.messages, [each for each in open_ if each.of_client])
    if not decisions and not results:
        if said is not None and place.status == "waiting":
            # Nobody makes those calls any more: the user has gone on.
            await call.runtime.runs.cancel(call.who, run.id)
        return None
    told, feed = await call.runtime.conversations.answer(
        call.who,
        run.id,
        decisions=decisions,
        results=results,
        then=_then(call, said) if results else None,
        terms=_terms(asked, _shown_state(asked)) if results else None,
    )
    answered = {*decisions, *(each.call_id for each in results)}
    return _told(call, run, feed, before=told, answered=answered)


async def _waiting_run(call: Call[RunAgentInput, Nothing], place: Place) -> Run:
    """The run that is answered: the one that waits, or the one whose interrupt is named."""
    run_id = place.run_id
    if call.body.resume:
        approvals = call.runtime.approvals
        run_id = (await approvals.get(call.who, call.body.resume[0].interrupt_id)).run_id
    run = await call.runtime.runs.get(call.who, run_id or "")
    if run.thread_id != place.thread_id:
        raise InvalidInput("This interrupt belongs to another thread.")
    return run


async def _decisions(
    call: Call[RunAgentInput, Nothing], run: Run, open_: Sequence[Approval]
) -> dict[str, ApprovalDecision]:
    known = {each.id: each for each in open_}
    found: dict[str, ApprovalDecision] = {}
    for entry in call.body.resume:
        approval = known.get(entry.interrupt_id)
        if approval is None:
            approval = await call.runtime.approvals.get(call.who, entry.interrupt_id)
        if approval.run_id != run.id or approval.of_client:
            raise InvalidInput(f"The run has no interrupt {entry.interrupt_id[:64]}.")
        decision = decision_of(entry, approval)
        found[entry.interrupt_id] = decision.model_copy(update={"by": call.who.principal})
    return found


async def _tell(call: Call[RunAgentInput, Nothing], place: Place) -> EventStream | Response:
    """Nothing new is said: tell how things stand, and the run that is under way."""
    if place.new:
        raise InvalidInput("Say something: there is nothing to run.")
    if place.run_id is None:
        asked = call.body
        narration = _narration(asked, await _state(call, place))
        first = narration.begin(run_id=place.run_id or "", thread_id=place.thread_id)
        snapshot = await _snapshot_frame(call, place.thread_id)
        ids = {"threadId": asked.thread_id, "runId": asked.run_id}
        last = {"type": "RUN_FINISHED", **ids, "outcome": {"type": "success"}}
        return _stream(spelt([first, *_unknown_state(asked, narration), snapshot, last]))
    run = await call.runtime.runs.get(call.who, place.run_id)
    feed = await call.runtime.streams.follow_run(call.who, run.id)
    snapshot = await _snapshot_frame(call, place.thread_id, without=run)
    return _told(call, run, feed, outset=[snapshot])


def _told(
    call: Call[RunAgentInput, Nothing],
    run: Run,
    feed: Feed,
    *,
    before: Sequence[Event] = (),
    answered: Collection[str] = (),
    outset: Sequence[Frame] = (),
) -> EventStream:
    asked = call.body
    narration = _narration(asked, None if run.terms is None else run.terms.state)
    for event in before:
        narration.tell(event)
    narration.go_on(answered)
    voice = AgUiVoice(
        narration=narration,
        run_id=run.id,
        thread_id=run.thread_id,
        snapshot=partial(_snapshot, call, run.thread_id),
        outset=[*_unknown_state(asked, narration), *outset],
    )
    headers = ((b"x-run-id", run.id.encode()), (b"x-thread-id", run.thread_id.encode()))
    return EventStream(feed, headers, voice)


def _narration(asked: RunAgentInput, state: State | None) -> AgUiNarration:
    return AgUiNarration(thread_id=asked.thread_id, run_id=asked.run_id, state=state)


def _shown_state(asked: RunAgentInput) -> State | None:
    """The state that the front end holds; one that is empty is none."""
    return asked.state if isinstance(asked.state, dict) and asked.state else None


async def _state(call: Call[RunAgentInput, Nothing], place: Place) -> State | None:
    """What a run begins with: the state of the front end, or else what the thread's last run has
    left."""
    shown = _shown_state(call.body)
    if shown is not None or place.new:
        return shown
    runtime, who = call.runtime, call.who
    leaf_id = (await runtime.threads.get(who, place.thread_id)).leaf_id
    leaf = None if leaf_id is None else await runtime.threads.message(who, leaf_id)
    if leaf is None or leaf.run_id is None:
        return None
    run = await runtime.runs.get(who, leaf.run_id)
    if run.terms is None or run.terms.state is None:
        return None
    return state_after(run.terms.state, await runtime.transcripts.said(who, run))


def _unknown_state(asked: RunAgentInput, narration: AgUiNarration) -> list[Frame]:
    """The shared state, if the front end holds another one."""
    if narration.state is None or narration.state == asked.state:
        return []
    return [{"type": "STATE_SNAPSHOT", "snapshot": narration.state}]


async def _snapshot(
    call: Call[RunAgentInput, Nothing], thread_id: str, *, without: Run | None = None
) -> list[dict[str, Any]]:
    """The thread's messages; those that a run has given are told by its events."""
    messages = await call.runtime.threads.messages(call.who, thread_id)
    if without is not None:
        messages = [m for m in messages if m.run_id != without.id or m.id == without.input_id]
    return snapshot_of(messages)


async def _snapshot_frame(
    call: Call[RunAgentInput, Nothing], thread_id: str, *, without: Run | None = None
) -> Frame:
    return {
        "type": "MESSAGES_SNAPSHOT",
        "messages": await _snapshot(call, thread_id, without=without),
    }


def _new_words(
    messages: Sequence[AgUiMessage],
) -> tuple[AgUiMessage | None, Sequence[AgUiMessage]]:
    """What the user says last, if the conversation ends with it, and what lies before."""
    kept = [message for message in messages if message.role in ("user", "assistant", "tool")]
    if kept and kept[-1].role == "user":
        return kept[-1], kept[:-1]
    return None, kept


def _results(messages: Sequence[AgUiMessage], calls: Sequence[Approval]) -> list[ToolResultPart]:
    """What the front end says came of these calls."""
    given = {m.tool_call_id: m for m in messages if m.role == "tool"}
    return [result_of(given[call.call_id], call.tool) for call in calls if call.call_id in given]


def _stray_results(messages: Sequence[AgUiMessage]) -> list[ToolResultPart]:
    """Results at the end of a conversation that no thread holds yet."""
    names = {c.id: c.function.name for m in messages for c in m.tool_calls}
    found: list[ToolResultPart] = []
    for message in reversed(messages):
        if message.role != "tool" or message.tool_call_id not in names:
            break
        found.insert(0, result_of(message, names[message.tool_call_id]))
    return found


def _without_results(messages: Sequence[AgUiMessage]) -> Sequence[AgUiMessage]:
    end = len(messages)
    while end and messages[end - 1].role == "tool":
        end -= 1
    return messages[:end]


def _then(call: Call[RunAgentInput, Nothing], said: AgUiMessage | None) -> Message | None:
    if said is None:
        return None
    message = user_message(parts_of(said.content), author=call.who.principal)
    message.metadata[CLIENT_ID] = said.id
    return message


def _terms(asked: RunAgentInput, state: State | None) -> Terms | None:
    """What the front end asks for beside its words: its tools, and what the agent is to know."""
    told = [m.content for m in asked.messages if m.role in ("system", "developer")]
    texts = [text for text in told if isinstance(text, str) and text]
    texts += [f"{item.description}: {item.value}" for item in asked.context]
    if not texts and not asked.tools and state is None:
        return None
    tools = [
        ToolSpec.model_validate(tool.model_dump(exclude_none=True), strict=False)
        for tool in asked.tools
    ]
    return Terms(instructions="\n\n".join(texts), tools=tuple(tools), state=state)


def _run_id(thread_id: str, name: str) -> str:
    """The id of the run that a front end calls `name` in this thread."""
    whole = f"{thread_id}\0{name}".encode()
    return f"run_{hashlib.sha256(whole).hexdigest()[:32]}"


def _stream(body: bytes) -> Response:
    return Response(body, 200, {"cache-control": "no-store"}, "text/event-stream")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/agui",
        summary="Run the project's agent for an AG-UI front end",
        handler=run_agent,
        action="runs.start",
        starts_run=True,
        body=RunAgentInput,
        media_type="text/event-stream",
        tag="agui",
    ),
    Operation(
        method="POST",
        path="/agui/{agent}",
        summary="Run an agent for an AG-UI front end",
        handler=run_named_agent,
        action="runs.start",
        starts_run=True,
        body=RunAgentInput,
        media_type="text/event-stream",
        tag="agui",
    ),
)
