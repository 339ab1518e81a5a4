"""People who use a project while its servers are killed: they talk, read along and decide.

Whatever a server acknowledged they remember, and so do they what they decided, so that the test
can compare it with what is there at the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from muxi.client.client import Client
from muxi.core.errors import Conflict, MuxiError, ServerUnavailable
from muxi.core.events import (
    FINAL_STATUSES,
    Approval,
    ApprovalDecision,
    RunCompleted,
    RunSuspended,
    parse_event,
)
from muxi.core.threads import Run
from muxi.wire.sse import SseReader

from .node import DEADLINE, Node
from .reader import Held, Seen

T = TypeVar("T")

_LEAVES = 0.002
"""Chance that a reader goes away after an event, to come back where it was."""


@dataclass
class Records:
    """What the customers of one test were told and have said."""

    said: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    """By thread: run and text of each acknowledged message."""
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    """Every run that a server has acknowledged or shown."""
    asked: dict[str, Approval] = field(default_factory=dict[str, Approval])
    decisions: dict[str, ApprovalDecision] = field(default_factory=dict[str, ApprovalDecision])
    """By approval id. What a customer decided it sends again until it is taken."""
    held: dict[str, Held] = field(default_factory=dict[str, Held])
    """Readers of runs, by run."""
    watched: list[Held] = field(default_factory=list[Held])
    """Readers of whole threads."""
    seen: Seen = field(default_factory=Seen)
    left: set[str] = field(default_factory=set[str])
    """Runs whose question nobody answered."""
    refused: int = 0
    """Requests that found no server, or one that was busy with the thread."""


@dataclass
class Customer:
    """One person with one thread at a time."""

    name: str
    nodes: Sequence[Node]
    records: Records
    chance: random.Random
    over: asyncio.Event
    _clients: dict[int, Client] = field(default_factory=dict[int, Client])
    _thread: str | None = None
    _count: int = 0

    async def live(self) -> None:
        """Talk until it is `over`, and let every conversation come to its end."""
        async with asyncio.TaskGroup() as readers:
            watching: list[asyncio.Task[None]] = []
            while not self.over.is_set():
                if self._thread is None or self.chance.random() < 0.1:
                    held = Held(await self._begin(), self.records.seen)
                    self.records.watched.append(held)
                    watching.append(readers.create_task(self._watch(held)))
                await self._talk()
            async with asyncio.timeout(DEADLINE):
                while not all(map(self._has_all, self.records.watched)):
                    await self.records.seen.more()
            for task in watching:
                task.cancel()

    def _has_all(self, watcher: Held) -> bool:
        """Whether a reader of a thread has come as far as the readers of its runs."""
        of_thread = (
            held for held in self.records.held.values() if held.thread_id == watcher.thread_id
        )
        return all(held.last <= watcher.last for held in of_thread)

    async def _begin(self) -> str:
        thread = await self._ask(lambda client: client.create_thread(self.name))
        self._thread = thread.id
        self.records.said[thread.id] = []
        return thread.id

    async def _talk(self) -> None:
        """Say something and wait for the answer."""
        thread = self._thread
        assert thread is not None
        self._count += 1
        text = f"{self.name} says {self._count}"
        try:
            run = await self._client().start_run(text, thread_id=thread)
        except (ServerUnavailable, Conflict):
            # Perhaps it was taken nevertheless; then a run is at work, and it is ours.
            self.records.refused += 1
            await self._settle(thread)
            return
        self.records.said[thread].append((run.id, text))
        await self._accompany(run)

    async def _settle(self, thread: str) -> None:
        await asyncio.sleep(self.chance.uniform(0, 0.1))
        page = await self._ask(lambda client: client.runs(thread_id=thread))
        for run in page.items:
            if run.status not in FINAL_STATUSES and self._thread is not None:
                await self._accompany(run)

    async def _accompany(self, run: Run) -> None:
        """Read along to the end of a run, and decide what it asks."""
        self.records.runs[run.id] = run
        held = self.records.held.setdefault(run.id, Held(run.thread_id, self.records.seen))
        while True:
            end = await self._read(run, held)
            if isinstance(end, RunCompleted):
                return
            if self.chance.random() < 0.05:
                # Nobody answers: the run waits for ever, and the person begins anew.
                self.records.left.add(run.id)
                self._thread = None
                return
            for approval in end.approvals:
                await self._decide(approval)

    async def _read(self, run: Run, held: Held) -> RunCompleted | RunSuspended:
        """Events of a run up to its end or a question, through however many connections."""
        since = held.last
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    stream = self._client().events(run.id, since=held.last, patience=1.0)
                    async with aclosing(stream) as events:
                        async for event in events:
                            held.take(event)
                            if self.chance.random() < _LEAVES:
                                break
                except ServerUnavailable:
                    await asyncio.sleep(self.chance.uniform(0, 0.1))
                end = held.ends.get(run.id)
                if end is not None and end.seq > since and end.seq == held.last:
                    return end

    async def _decide(self, approval: Approval) -> None:
        records = self.records
        records.asked[approval.id] = approval
        decision = records.decisions.setdefault(approval.id, self._decision(approval))
        await self._ask(lambda client: _answer(client, approval, decision))

    def _decision(self, approval: Approval) -> ApprovalDecision:
        number = self.chance.random()
        if number < 0.25:
            return ApprovalDecision(decision="deny", reason="Not now.")
        if number < 0.4:
            other = {"order": -int(approval.arguments["order"])}
            return ApprovalDecision(decision="approve", arguments=other)
        return ApprovalDecision(decision="approve")

    async def _watch(self, held: Held) -> None:
        """Read a whole thread as a browser does: one connection after the other, by raw frames."""
        path = f"/api/threads/{held.thread_id}/events"
        async with aiohttp.ClientSession() as session:
            while True:
                node = self.chance.choice(self.nodes)
                headers = {"Authorization": f"Bearer {node.token}"}
                if held.last:
                    headers["Last-Event-ID"] = str(held.last)
                try:
                    await self._frames(session, node.url + path, headers, held)
                except aiohttp.ClientError:
                    self.records.refused += 1
                await asyncio.sleep(self.chance.uniform(0, 0.2))

    async def _frames(
        self, session: aiohttp.ClientSession, url: str, headers: dict[str, str], held: Held
    ) -> None:
        reader = SseReader()
        timeout = aiohttp.ClientTimeout(total=None, sock_read=45)
        async with session.get(url, headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                for frame in reader.feed(chunk):
                    event = parse_event(frame.data)
                    if frame.id != str(event.seq):
                        self.records.seen.faults.append(f"frame {frame.id} holds {event.seq}")
                    held.take(event)
                if self.chance.random() < _LEAVES:
                    return

    async def _ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        """The answer to what may be asked twice, from whichever server gives it."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    return await question(self._client())
                except (ServerUnavailable, Conflict):
                    self.records.refused += 1
                    await asyncio.sleep(self.chance.uniform(0, 0.1))
                except MuxiError as error:
                    if error.code != "lease_lost":
                        raise
                    await asyncio.sleep(self.chance.uniform(0, 0.1))

    def _client(self) -> Client:
        at = self.chance.randrange(len(self.nodes))
        client = self._clients.get(at)
        if client is None:
            client = self._clients[at] = self.nodes[at].client()
        return client


async def _answer(client: Client, approval: Approval, decision: ApprovalDecision) -> None:
    """Decide a question, unless that was done the first time and only the answer was lost."""
    try:
        await client.resolve(approval.id, decision)
    except Conflict:
        waiting = await client.approvals(approval.run_id)
        if any(each.id == approval.id for each in waiting.items):
            raise


def problems(records: Records) -> dict[str, int]:
    """How the runs that failed have failed, as their readers were told."""
    codes: dict[str, int] = {}
    for held in records.held.values():
        for end in held.ends.values():
            problem: Any = getattr(end, "problem", None)
            if problem is not None:
                codes[problem.code] = codes.get(problem.code, 0) + 1
    return codes
