"""What a run was told and has said, read again: its messages, its events, what it keeps for doors.

Called by doors whose protocols show a run anew after it was answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from muxi.core.errors import Conflict
from muxi.core.events import FINAL_STATUSES, Event
from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.threads import Run
from muxi.runtime.principal import Principal
from muxi.storage import events, messages, runs
from muxi.storage.transaction import Database, Tx

_PAGE = 512
"""Events that are read at once."""


@dataclass(kw_only=True)
class Transcripts:
    """The runs of the project, as they are stored."""

    database: Database

    async def message(self, who: Principal, message_id: str) -> Message:
        """Raises `NotFound`."""
        return await self.database.read(
            who, partial(messages.get, message_id=message_id), tiny=True
        )

    async def said(self, who: Principal, run: Run) -> list[Message]:
        """What a run has added to its thread, oldest first."""
        read = partial(messages.of_run, thread_id=run.thread_id, run_id=run.id)
        return await self.database.read(who, read)

    async def asked(self, who: Principal, run: Run) -> list[Message]:
        """What was said to begin a run, oldest first: its input, and what was told before it."""
        read = partial(messages.path_to_leaf, thread_id=run.thread_id, leaf_id=run.input_id)
        path = await self.database.read(who, read)
        told = 1
        while told < len(path) and path[-told - 1].run_id is None:
            # What belongs to no run was told with the input.
            told += 1
        return path[-told:]

    async def path(self, who: Principal, run: Run, leaf_id: str) -> list[Message]:
        """What was said in a run's thread up to a message, as if for the first time."""
        read = partial(messages.path_to_leaf, thread_id=run.thread_id, leaf_id=leaf_id)
        placeless = {"thread_id": None, "run_id": None, "parent_id": None}
        return [
            message.model_copy(update={**placeless, "id": new_id("msg")})
            for message in await self.database.read(who, read)
        ]

    async def tools_of_clients(
        self, who: Principal, thread_id: str
    ) -> dict[str | None, frozenset[str]]:
        """The names of the tools that the clients of a thread's runs have had, by run."""

        def read(tx: Tx) -> dict[str | None, frozenset[str]]:
            found: dict[str | None, frozenset[str]] = {}
            after = None
            while True:
                page = runs.page(tx, thread_id=thread_id, after=after, limit=_PAGE)
                for run in page.items:
                    tools = () if run.terms is None else (*run.terms.before, *run.terms.tools)
                    found[run.id] = frozenset(tool.name for tool in tools)
                after = page.next
                if after is None:
                    return found

        return await self.database.read(who, read)

    async def events(self, who: Principal, run: Run, *, since: int) -> list[Event]:
        """The events of a run after number `since`, as far as they are stored."""
        found: list[Event] = []
        page: Sequence[Event] = ()
        while not found or len(page) == _PAGE:
            read = partial(
                events.read,
                thread_id=run.thread_id,
                since=found[-1].seq if found else since,
                limit=_PAGE,
                run_id=run.id,
            )
            page = await self.database.read(who, read)
            found += page
            if not page:
                break
        return found

    async def keep(self, who: Principal, run_id: str, kept: dict[str, JsonValue]) -> None:
        """Change what a run keeps for its client.

        Raises:
            NotFound: There is no such run.
            Conflict: It has not ended.
        """
        await self.database.write(who, partial(_keep, run_id=run_id, kept=kept), tiny=True)


def _keep(tx: Tx, run_id: str, kept: dict[str, JsonValue]) -> None:
    run = runs.get(tx, run_id)
    if run.terms is None or run.status not in FINAL_STATUSES:
        raise Conflict("The run is not over yet.", hint="Cancel it first.", run_id=run_id)
    run.terms.kept |= kept
    runs.update(tx, run)
