"""Threads of front ends that name conversations and messages themselves and keep copies of them.

Called by doors whose protocols send what was said along. The thread is the truth: of what is sent
only what is new counts, and where it goes is found by the names of what lies before it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from muxi.core.errors import Conflict, NotFound
from muxi.core.events import Approval, ApprovalDecision, Event, RunStatus, RunSuspended
from muxi.core.messages import Message, ToolResultPart
from muxi.core.terms import Terms
from muxi.core.threads import CLIENT_ID, ROOT, Thread
from muxi.runtime.approvals import Approvals
from muxi.runtime.client_calls import ClientCalls
from muxi.runtime.feed import EventReader, Feed
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.storage import messages, threads
from muxi.storage.transaction import Tx

_OURS = re.compile(r"thr_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation, and where in it something new is said."""

    thread_id: str
    """Of the thread, which is there only if it is not `new`."""
    new: bool = False
    parent_id: str | None = None
    """The message to answer to, for a fork; None for the thread's leaf."""
    known: bool = True
    """Whether the front end holds what the thread does, up to there."""
    run_id: str | None = None
    """The run that is at work or waits at the thread's leaf."""
    status: RunStatus | None = None
    """That run's."""


@dataclass(kw_only=True)
class Conversations:
    """The conversations of front ends."""

    runs: Runs
    approvals: Approvals
    client_calls: ClientCalls

    async def find(
        self,
        who: Principal,
        name: str,
        *,
        door: str,
        said: str | None = None,
        after: Sequence[str] = (),
    ) -> Place:
        """The conversation that the front end calls `name`.

        Args:
            who: In whose name: other users' conversations of that name are others.
            name: A thread's id, or a name of the front end's own.
            door: The protocol, whose names are its own.
            said: The front end's name of what is said now. If the thread has a message of that
                name, it is said anew, beside that one.
            after: Names of the messages before it, the last one first.

        Raises:
            NotFound: `name` is a thread's id, and there is none of that id.
        """
        thread_id = name if _OURS.fullmatch(name) else _thread_id(who, door, name)
        find = partial(_place, thread_id=thread_id, said=said, after=after)
        try:
            return await self.runs.database.read(who, find, tiny=True)
        except NotFound:
            if thread_id == name:
                raise
            return Place(thread_id, new=True)

    def begins(self, place: Place, name: str) -> Thread | None:
        """The thread that a run begins in a new conversation."""
        return Thread(id=place.thread_id, metadata={CLIENT_ID: name}) if place.new else None

    async def asked(self, who: Principal, run_id: str) -> list[Approval]:
        """What a run asks and nobody has answered."""
        return (await self.approvals.page(who, run_id=run_id)).items

    async def answer(
        self,
        who: Principal,
        run_id: str,
        *,
        decisions: Mapping[str, ApprovalDecision],
        results: Sequence[ToolResultPart] = (),
        then: Message | None = None,
        terms: Terms | None = None,
    ) -> tuple[list[Event], Feed]:
        """Answer what a run asks, and read on from where it asked.

        What was answered before in the same way is not answered again, so that an answer may be
        sent twice.

        Args:
            who: In whose name.
            run_id: The run.
            decisions: What a person says, by the ids of the questions.
            results: Results of calls that the front end has made.
            then: What the user says after the results.
            terms: What the front end asks for from now on.

        Returns:
            What was told before, and all that comes after it.

        Raises:
            NotFound: There is no such run, or it does not ask this.
            InvalidInput: An answer does not fit its question.
            Conflict: A question was answered otherwise, or the run waits no more.
        """
        told = await self._told(who, run_id, [*decisions, *(each.call_id for each in results)])
        for approval_id, decision in decisions.items():
            await self._resolve(who, approval_id, decision)
        if results:
            _, feed = await self.client_calls.answer(who, run_id, results, then=then, terms=terms)
            feed.close()
        return told, await self.runs.streams.follow_run(who, run_id, since=told[-1].seq)

    async def _resolve(self, who: Principal, id: str, decision: ApprovalDecision) -> None:
        try:
            await self.approvals.resolve(who, id, decision)
        except Conflict:
            before = await self.approvals.decision(who, id)
            if before is None or before.model_copy(update={"by": decision.by}) != decision:
                raise

    async def _told(self, who: Principal, run_id: str, asked: Iterable[str]) -> list[Event]:
        """What a run told up to where it was suspended with one of these questions."""
        wanted = set(asked)
        feed = await self.runs.streams.follow_run(who, run_id)
        events: list[Event] = []
        async with EventReader(feed) as reader:
            async for event in reader:
                events.append(event)
                if isinstance(event, RunSuspended) and wanted & {e.id for e in event.approvals}:
                    return events
        raise NotFound("The run does not ask this.", run_id=run_id)


def _thread_id(who: Principal, door: str, name: str) -> str:
    """The id of the thread that a user's front end calls `name`: nobody else can make it."""
    whole = json.dumps(["conversation", who.tenant, who.principal, door, name])
    return f"thr_{hashlib.sha256(whole.encode()).hexdigest()[:32]}"


def _place(tx: Tx, *, thread_id: str, said: str | None, after: Sequence[str]) -> Place:
    thread = threads.get(tx, thread_id)
    tip = messages.tip(tx, thread.id)
    place = partial(Place, thread.id, run_id=tip.run_id, status=tip.status)
    if tip.leaf_id is None:
        return place()
    if after and after[0] in _names(messages.get(tx, tip.leaf_id)):
        return place()
    known = {name: each for each in messages.of_thread(tx, thread.id) for name in _names(each)}
    if said in known and known[said].role == "user":
        return place(parent_id=known[said].parent_id or ROOT)
    last = next((known[name] for name in after if name in known), None)
    if last is None:
        return place(known=False)
    # A front end may have lost the answer to what it knows was said.
    parent = known.get(last.run_id or "", last) if last.role == "user" else last
    return place(
        parent_id=None if parent.id == tip.leaf_id else parent.id, known=parent.id == last.id
    )


def _names(message: Message) -> Iterator[str]:
    """By what a front end may know a message: some know an answer by its run."""
    yield message.id
    theirs = message.metadata.get(CLIENT_ID)
    if isinstance(theirs, str):
        yield theirs
    if message.run_id is not None:
        yield message.run_id
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            yield f"{part.call_id}:result"
