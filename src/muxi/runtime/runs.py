"""Runs: begun in one transaction, driven by tasks of their own, continued and cancelled.

Called by doors, by `approvals` and by `recovery`. It must never tie a run to a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from muxi.core.caller import LOCAL_CALLER, LOCAL_USER, Caller
from muxi.core.context import RunContext
from muxi.core.errors import Conflict, InvalidInput, LeaseLost, ServerUnavailable
from muxi.core.events import FINAL_STATUSES, Problem, RunCompleted, RunStatus, RunSuspended
from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.pages import Page
from muxi.core.ports import Credentials, Host
from muxi.core.terms import RunTerms
from muxi.core.threads import Run, Thread
from muxi.core.usage import Limits
from muxi.identity.audit.log import tell
from muxi.identity.ledger import BudgetLedger
from muxi.memory.history import History
from muxi.runtime.attempt import Attempt
from muxi.runtime.begin import Beginning, Begun, occupied, take_over
from muxi.runtime.blobs import Blobs
from muxi.runtime.feed import Feed
from muxi.runtime.frames import Frame
from muxi.runtime.guard import Guard
from muxi.runtime.kept_files import KeptFiles
from muxi.runtime.media_texts import MediaTexts
from muxi.runtime.past import Past
from muxi.runtime.people import LivePeople
from muxi.runtime.principal import Principal
from muxi.runtime.requests import RunRequest
from muxi.runtime.run_media import RunMedia
from muxi.runtime.streams import Reserved, Streams, ThreadStream
from muxi.runtime.terms import check_terms, host_on_terms, on_terms
from muxi.runtime.waiting import Waiting
from muxi.runtime.warrant import Warrant
from muxi.storage import messages, runs, threads
from muxi.storage.journal import StoredJournal
from muxi.storage.transaction import Database, Tx

if TYPE_CHECKING:
    from muxi.agents.agent import Agent
    from muxi.runtime.agents import Agents, Version

_SUCCESSOR = 5
"""Seconds after which another process is probably there, in the place of one that stops."""

_SMALL = 16_384
"""Characters of a message that are stored in no time."""

Present = Callable[[Caller], Awaitable[Caller]]


async def _as_they_were(caller: Caller) -> Caller:
    return caller


@dataclass(kw_only=True)
class Runs:
    """All runs of the project, and the ones that this process drives."""

    database: Database
    streams: Streams
    agents: Agents
    credentials: Credentials
    ledger: BudgetLedger
    past: Past
    blobs: Blobs
    media_texts: MediaTexts
    kept_files: KeptFiles
    guard: Guard
    present: Present = field(default=_as_they_were)
    """Finds what whoever began a run may do now, when another attempt begins."""
    people: LivePeople = field(init=False)
    waiting: Waiting = field(init=False)
    holder: str = field(default_factory=lambda: new_id("proc"))
    """Name of this process in leases."""
    active: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    """What this process drives, by run id."""
    untold: dict[str, RunCompleted] = field(default_factory=dict[str, RunCompleted])
    """Ends that readers have seen and the database did not take, by run id."""
    _closing: bool = False

    def __post_init__(self) -> None:
        self.people = LivePeople(database=self.database)
        self.waiting = Waiting(database=self.database, active=self.active, resume=self.resume)

    async def start(self, caller: Caller, request: RunRequest) -> Run:
        """Begin a run; it goes on by itself, and may do what `caller` may.

        Raises:
            AccessDenied: The caller may not use the agent.
            NotFound: The thread, the agent or the message to answer does not exist.
            Conflict: A run of this thread is at work or waits, and no `parent_id` is named; or the
                id that the request names is taken.
            MuxiError: The agent's model cannot be used, or the run cannot be stored.
        """
        attempt, _ = await self._begin(caller, request, follow=False)
        return attempt.run.model_copy()

    async def start_and_follow(self, caller: Caller, request: RunRequest) -> tuple[Run, Feed]:
        """Begin a run and read its events from the first one on; raises as `start`."""
        attempt, feed = await self._begin(caller, request, follow=True)
        assert feed is not None
        return attempt.run, feed

    async def get(self, who: Principal, run_id: str) -> Run:
        """Raises `NotFound`."""
        return await self.database.read(who, partial(runs.get, run_id=run_id), tiny=True)

    async def page(
        self,
        who: Principal,
        *,
        thread_id: str | None = None,
        status: RunStatus | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Run]:
        """Runs, the newest first, without what was asked of them and the tools they were shown."""
        read = partial(runs.page, thread_id=thread_id, status=status, after=cursor, limit=limit)
        found = await self.database.read(who, read)
        for run in found.items:
            run.tools, run.terms = [], None
        return Page[Run](items=list(found.items), next=found.next)

    async def cancel(self, who: Principal, run_id: str) -> Run:
        """Stop a run and keep what it has said; one that has ended is left as it is.

        Raises:
            NotFound: There is no such run.
            Conflict: Another process drives it.
        """
        attempt = self.active.get(run_id)
        if attempt is not None:
            # Nobody stops what they may not see.
            await self.get(who, run_id)
            attempt.cancel()
            await attempt.wait()
        run = await self.get(who, run_id)
        if run.status == "waiting" or (attempt is None and run.status not in FINAL_STATUSES):
            await self.conclude(who, run, "cancelled")
            run = await self.get(who, run_id)
        return run

    async def conclude(
        self, who: Principal, run: Run, status: RunStatus, problem: Problem | None = None
    ) -> None:
        """End a run that nobody drives, without asking its agent.

        Raises:
            Conflict: Another process drives it, or it has ended.
        """
        attempt = await self._continue(who, run, agent=None, caller=_beginner(who, run))
        try:
            usage = attempt.run.usage
            await attempt.conclude(RunCompleted(status=status, usage=usage, problem=problem))
        finally:
            self._over(who, attempt)

    async def resume(self, who: Principal, run: Run, *, replaces_from: int | None = None) -> Run:
        """Go on with a run as a new attempt, with the agent that it began with.

        Args:
            who: In whose name.
            run: The run, waiting or left behind.
            replaces_from: Number of the last event that holds, after a crash.

        Raises:
            AccessDenied: Whoever began it may not use the agent any more.
            Conflict: Another process drives it, or it has ended or waits.
            MuxiError: The agent cannot be used any more.
        """
        self.check_open()
        version = await self.agents.version(who, run.agent, run.agent_hash)
        agent = on_terms(await self.agents.live(version), run.terms)
        caller = await self.present(_beginner(who, run))
        await self.guard.require(caller, "agents.use", run.agent)
        attempt = await self._continue(who, run, agent=agent, caller=caller)
        attempt.replaces_from = replaces_from
        self._launch(who, attempt)
        return attempt.run.model_copy()

    async def close(self, grace: float) -> None:
        """Accept no more, let runs end for `grace` seconds, then leave the rest to a successor."""
        self._closing = True
        await self.waiting.close()
        waiting = [asyncio.ensure_future(each.wait()) for each in self.active.values()]
        if waiting and grace:
            await asyncio.wait(waiting, timeout=grace)
        for attempt in self.active.values():
            attempt.interrupt()
        await asyncio.gather(*waiting)

    async def _begin(
        self, caller: Caller, request: RunRequest, *, follow: bool
    ) -> tuple[Attempt, Feed | None]:
        self.check_open()
        who = caller.scope
        known, fresh = await _thread(self.database, who, request)
        thread = known or fresh
        assert thread is not None
        version = await self.agents.current(who, request.agent or thread.agent)
        await self.guard.require(caller, "agents.use", version.definition.name)
        run, said = _run_of(request, caller, thread.id, version)
        agent = on_terms(await self.agents.live(version), run.terms)
        stored, blobs = await self.blobs.lay_down(who, said)
        earlier, more = await self.blobs.lay_down_all(who, request.past())
        if request.parent_id is None and (busy := await self.streams.at_work(who, thread.id)):
            raise occupied(thread.id, busy[0], "running")
        async with self.ledger.admitting(who, agent.name, agent.model, run.id) as also:
            beginning = Beginning(
                run=run,
                input=stored,
                new_thread=fresh,
                parent_id=request.parent_id,
                earlier=earlier,
                blobs=[*blobs, *more],
                ended=self.untold.keys(),
                definition=None if self.agents.is_recorded(version) else version.definition,
                also=also,
            )
            tell(run_id=run.id, thread_id=run.thread_id, agent=run.agent)
            small = len(request.text) < _SMALL and not earlier
            store = partial(self._store, caller, beginning, agent=agent)
            begun = await store(small=small, follow=follow)
        self.agents.recorded(version)
        return begun

    async def _store(
        self,
        caller: Caller,
        beginning: Beginning,
        *,
        agent: Agent[object],
        small: bool,
        follow: bool,
    ) -> tuple[Attempt, Feed | None]:
        """Store a run and begin to drive it."""
        who, run_id = caller.scope, beginning.run.id
        stream = self.streams.open(who, beginning.run.thread_id)
        begun: list[tuple[Attempt, Feed | None]] = []

        def begin(stored: Begun) -> None:
            attempt = _attempt(self, who, stream, stored, agent=agent, caller=caller)
            feed = self.streams.attach(stream, run_id=run_id, fresh=True) if follow else None
            begun.append((attempt, feed))
            self._launch(who, attempt)

        def begin_early(stored: Begun) -> None:
            # The agent is asked while the disk still writes; nobody is told before it has written.
            begin(stored)
            begun[0][0].stored = False

        store = partial(beginning.store, holder=self.holder)
        try:
            stored = await self._write(who, stream, run_id, store, small=small, early=begin_early)
        except BaseException as error:
            for attempt, feed in begun:
                if feed is not None:
                    feed.close()
                # Who merely gave up waiting does not undo what is stored: that run goes on.
                if isinstance(error, Exception):
                    attempt.abandon()
            raise
        if begun:
            begun[0][0].now_stored()
        else:
            begin(stored)
        return begun[0]

    async def _continue(
        self, who: Principal, run: Run, *, agent: Agent[object] | None, caller: Caller
    ) -> Attempt:
        stream = self.streams.open(who, run.thread_id)
        if run.id in stream.sources:
            raise Conflict("The run is being continued already.", run_id=run.id)
        take = partial(take_over, run_id=run.id, holder=self.holder, close=agent is None)
        begun = await self._write(who, stream, run.id, take)
        return _attempt(self, who, stream, begun, agent=agent, caller=caller)

    async def _write(
        self,
        who: Principal,
        stream: ThreadStream,
        run_id: str,
        store: Callable[[Tx], Begun],
        *,
        small: bool = False,
        early: Callable[[Begun], None] | None = None,
    ) -> Begun:
        """Store the beginning of an attempt, whose place in the stream is taken meanwhile."""
        reserved = stream.sources[run_id] = Reserved()
        try:
            return await self.database.write(who, store, tiny=small, early=early)
        except BaseException as error:
            if stream.sources.get(run_id) is reserved:
                del stream.sources[run_id]
            # A reader that came meanwhile took the run for one of this process.
            stream.look_again(run_id)
            self.streams.run_left(stream)
            if isinstance(error, LeaseLost):
                raise await _driven_elsewhere(self.database, who, stream.thread_id) from error
            raise

    def _launch(self, who: Principal, attempt: Attempt) -> None:
        self.active[attempt.run.id] = attempt
        attempt.begin(lambda: self._over(who, attempt))

    def _over(self, who: Principal, attempt: Attempt) -> None:
        """An attempt has ended: remember what it said, and let its readers go on without it."""
        run, stream = attempt.run, attempt.stream
        self.active.pop(run.id, None)
        stream.sources.pop(run.id, None)
        if attempt.end is not None and not attempt.lost:
            self.past.ended(who, attempt, closing=self._closing)
        elif isinstance(attempt.end, RunCompleted):
            # The stream stays open: what its buffer holds goes before whatever comes next.
            self.untold[run.id] = attempt.end
            stream.last_words[run.id] = Frame(attempt.end)
            return
        else:
            stream.look_again(run.id)
        self.streams.run_left(stream)
        if isinstance(attempt.end, RunSuspended) and not self._closing:
            self.waiting.suspended(who, run.id)

    def check_open(self) -> None:
        """Raise `ServerUnavailable` if nothing more is begun here."""
        if self._closing:
            raise ServerUnavailable(
                "This process is stopping.", hint="Try again in a moment.", retry_after=_SUCCESSOR
            )


def _beginner(who: Principal, run: Run) -> Caller:
    """Who began a run; before there were users, that was the person at the machine."""
    return run.begun_by or LOCAL_CALLER.acting(who.principal or LOCAL_USER)


def _run_of(
    request: RunRequest, caller: Caller, thread_id: str, version: Version
) -> tuple[Run, Message]:
    """A run as it begins, and what was said to begin it."""
    if request.terms is not None:
        check_terms(request.terms)
    said = request.message(caller.subject)
    run = Run(
        id=request.id or new_id("run"),
        thread_id=thread_id,
        agent=version.definition.name,
        agent_hash=version.hash,
        status="running",
        input_id=said.id,
        begun_by=caller,
        terms=None if request.terms is None else RunTerms(**dict(request.terms)),
        limits=request.limits and version.definition.limits.within(request.limits),
    )
    said.thread_id, said.run_id = thread_id, run.id
    return run, said


async def _thread(
    database: Database, who: Principal, request: RunRequest
) -> tuple[Thread | None, Thread | None]:
    """The thread to continue, or else one that is yet to be stored."""
    if request.thread_id is not None:
        if request.terms is not None and request.terms.passing:
            raise InvalidInput("A run that leaves nothing has a thread of its own: name none.")
        read = partial(threads.get, thread_id=request.thread_id)
        return await database.read(who, read, tiny=True), None
    if request.parent_id is not None:
        raise InvalidInput("A message to answer lies in a thread: name it as `thread_id`.")
    thread = request.new_thread()
    thread.owner = who.principal or ""
    return None, thread


async def _driven_elsewhere(database: Database, who: Principal, thread_id: str) -> Conflict:
    read = partial(messages.tip, thread_id=thread_id)
    open_run = (await database.read(who, read, tiny=True)).run_id
    return Conflict(
        "Another process works on this thread.",
        hint="Wait for its answer" + (f", which is run {open_run}." if open_run else "."),
        thread_id=thread_id,
        run_id=open_run,
    )


def _attempt(
    of: Runs,
    who: Principal,
    stream: ThreadStream,
    begun: Begun,
    *,
    agent: Agent[object] | None,
    caller: Caller,
) -> Attempt:
    run = begun.run
    stream.hold(begun.stream_lease)
    stream.use_block(begun.block)
    journal = StoredJournal(
        of.database, who, run, begun.run_lease, buffer=stream.buffer, fresh=run.attempt == 1
    )
    history = History(who, of.past.history, of.agents.compaction(agent), erasures=begun.erasures)
    warrant = Warrant(guard=of.guard, caller=caller, agent=run.agent)
    host = host_on_terms(_host(of, warrant, agent, journal, history), run.terms)
    attempt = Attempt(
        run=run,
        input=begun.input,
        agent=agent,
        stream=stream,
        journal=journal,
        database=of.database,
        host=host,
        ctx=_context(who, run, agent),
        history=history,
    )
    stream.sources[run.id] = attempt
    stream.last_words.pop(run.id, None)
    return attempt


def _host(
    of: Runs,
    warrant: Warrant,
    agent: Agent[object] | None,
    journal: StoredJournal,
    history: History,
) -> Host:
    who = warrant.caller.scope
    return Host(
        journal=journal,
        ledger=of.ledger.of_run(journal),
        policy=of.agents.policy(agent, warrant),
        credentials=of.credentials,
        sources=of.past.sources(warrant, agent, history),
        media=RunMedia(who, journal, of.blobs, of.media_texts, of.kept_files),
        people=of.people,
        answer_within=of.agents.project.approvals.expire_after,
    )


def _context(who: Principal, run: Run, agent: Agent[object] | None) -> RunContext[None]:
    limits = run.limits or (Limits() if agent is None else agent.spec.limits)
    return RunContext(
        deps=None,
        tenant=who.tenant,
        user=who.principal or "",
        agent=run.agent,
        thread_id=run.thread_id,
        run_id=run.id,
        root_run_id=run.root_run_id,
        parent_run_id=run.parent_run_id,
        attempt=run.attempt,
        usage=run.usage.model_copy(),
        limits=limits,
    )
