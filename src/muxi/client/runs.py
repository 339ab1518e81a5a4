"""Runs of agents over the API: begun, followed, answered, cancelled. Inherited by `Client`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

from muxi.client.calls import read, segment
from muxi.client.resources import Resources
from muxi.client.stream import follow
from muxi.core.events import Approval, ApprovalDecision, Event
from muxi.core.ids import new_id
from muxi.core.messages import AnyPart
from muxi.core.pages import Page
from muxi.core.terms import Terms
from muxi.core.threads import Run
from muxi.core.usage import Limits


class Runs(Resources):
    """What a client does with runs, their events and the questions that they put to people."""

    async def start_run(
        self,
        input: str | Sequence[AnyPart],
        *,
        agent: str | None = None,
        thread_id: str | None = None,
        parent_id: str | None = None,
        limits: Limits | None = None,
        terms: Terms | None = None,
    ) -> Run:
        """Begin a run, in a new thread if none is given; `events` tells how it goes.

        Args:
            input: The user's message: a text, or parts.
            agent: Name of the agent; the thread's or the project's own if None.
            thread_id: The thread to continue.
            parent_id: The message to answer to, for a fork; the thread's leaf if None.
            limits: Bounds on this run beside those of its agent; the narrower ones count.
            terms: What is asked of this run beside the input, such as tools that the caller has.
        """
        content = input if isinstance(input, str) else [_part(part) for part in input]
        # Named here, so that a run whose beginning was not answered can be looked for.
        run_id = new_id("run")
        body = {
            "id": run_id,
            "input": content,
            "agent": agent,
            "thread_id": thread_id,
            "parent_id": parent_id,
            "limits": limits and limits.model_dump(mode="json", exclude_unset=True),
            "terms": terms and terms.model_dump(mode="json", exclude_unset=True),
        }
        made = f"/api/runs/{run_id}"
        return read(Run, await self._call("POST", "/api/runs", body=body, makes=made))

    async def stream(
        self,
        input: str | Sequence[AnyPart],
        *,
        agent: str | None = None,
        thread_id: str | None = None,
        parent_id: str | None = None,
        limits: Limits | None = None,
        terms: Terms | None = None,
        patience: float = 30.0,
    ) -> AsyncGenerator[Event]:
        """Begin a run as `start_run` does, and give its events as `events` does."""
        run = await self.start_run(
            input,
            agent=agent,
            thread_id=thread_id,
            parent_id=parent_id,
            limits=limits,
            terms=terms,
        )
        async for event in self.events(run.id, patience=patience):
            yield event

    async def runs(
        self,
        *,
        thread_id: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Run]:
        """Runs, newest first, of one thread or in one status if asked for."""
        params = {"thread_id": thread_id, "status": status, "cursor": cursor, "limit": limit}
        return read(Page[Run], await self._call("GET", "/api/runs", params=params))

    async def run(self, id: str) -> Run:
        return read(Run, await self._call("GET", f"/api/runs/{segment(id)}"))

    async def cancel(self, run_id: str) -> Run:
        """Stop a run; what it has answered so far is kept as a partial message."""
        path = f"/api/runs/{segment(run_id)}/cancel"
        return read(Run, await self._call("POST", path, again=True))

    def events(
        self, run_id: str, *, since: int = 0, patience: float = 30.0
    ) -> AsyncGenerator[Event]:
        """The events of a run after number `since`, up to its end or to a question to a person.

        Connects again when the connection breaks, and gives up after `patience` seconds in vain.
        """
        opener = partial(self._open_stream, f"/api/runs/{segment(run_id)}/events")
        return follow(opener, since=since, until_end=True, patience=patience, regain=self._regain)

    def thread_events(
        self, thread_id: str, *, since: int = 0, patience: float = 30.0
    ) -> AsyncGenerator[Event]:
        """The events of all runs of a thread after number `since`, without end."""
        opener = partial(self._open_stream, f"/api/threads/{segment(thread_id)}/events")
        return follow(opener, since=since, until_end=False, patience=patience, regain=self._regain)

    async def approvals(
        self,
        run_id: str | None = None,
        *,
        thread_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Approval]:
        """The questions that wait for a person, the oldest first; those of one run all at once."""
        params = {"run_id": run_id, "thread_id": thread_id, "cursor": cursor, "limit": limit}
        return read(Page[Approval], await self._call("GET", "/api/approvals", params=params))

    async def approval(self, approval_id: str) -> Approval:
        """A question, open or not."""
        return read(Approval, await self._call("GET", f"/api/approvals/{segment(approval_id)}"))

    async def resolve(self, approval_id: str, decision: ApprovalDecision) -> Run:
        """Answer a question; the run goes on once none of its questions is open."""
        body = decision.model_dump(mode="json", exclude_none=True)
        return read(
            Run, await self._call("POST", f"/api/approvals/{segment(approval_id)}", body=body)
        )


def _part(part: AnyPart) -> dict[str, Any]:
    return part.model_dump(mode="json", exclude_none=True)
