"""The worker that learns facts from what was remembered, after the turns and never within them.

Woken by the backlog when turns were stored; follows them by a stored cursor, so that a crash loses
none. Plain statements are read at once. A model, if one is set, is asked once for several turns,
at most once for each, and not beyond the calls and tokens of a day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import LeaseLost, ModelError, ModelTimeout, MuxiError
from muxi.core.facts import USER
from muxi.core.memories import Memory
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.memory import extraction, inquiry
from muxi.memory.claims import Claim, Heard
from muxi.memory.extraction import Learned
from muxi.memory.rows import CONTEXT, MEMORY, memory_of
from muxi.models.model import Model
from muxi.storage import cursors, events, facts, leases, passages
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx

_log = logging.getLogger("muxi.memory")

_PLAIN: Final = "facts"
_ASKED: Final = "facts.model"
_SPENT: Final = "facts.spent"
"""Names of cursors: how far plain statements were read, how far a model was asked, what it cost."""
_AT_ONCE: Final = 100
"""Turns that are looked at in one step."""
_HEARD: Final = ("turn", CONTEXT)
"""Kinds of passages that are listened to: who says the same again may have moved back."""
_PATIENCE: Final = 120.0
"""Seconds that a model has for an answer."""
_LEASE: Final = "facts"
_LEASE_SECONDS: Final = 180.0
"""Longer than a model may take: no two processes ask about the same turns."""
_LONGEST_PAUSE: Final = 600.0
_LOOK_AGAIN: Final = 1.0
"""Seconds until turns are looked for that a transaction hides which is still open."""
_AFTER_ANOTHER: Final = 5.0
"""Seconds until what another process works on is looked at again, as it may have died over it."""
_AFTER_OTHERS: Final = 60.0
"""Seconds until turns are looked for that another process has stored and not read."""
_BREATH: Final = 0.02
_AT_START: Final = 0.5
_AT_END: Final = 1.0
"""Seconds for which the start and the end of a process wait for what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What asking a model may take, for each tenant."""

    calls: int = 200
    """A day, by UTC."""
    tokens: int = 200_000
    """A day, in and out."""
    batch: int = 8
    """Turns of one question."""
    wait: float = 20.0
    """Seconds that turns wait for others to be asked about together."""


@dataclass(slots=True)
class _Spent:
    """What a day has consumed."""

    day: str
    calls: int = 0
    tokens: int = 0

    @classmethod
    def read(cls, text: str | None, today: str) -> _Spent:
        day, calls, tokens = (text or f"{today} 0 0").split()
        return cls(day, int(calls), int(tokens)) if day == today else cls(today)

    def __str__(self) -> str:
        return f"{self.day} {self.calls} {self.tokens}"


@dataclass(kw_only=True)
class Learning:
    """Learns facts in every tenant of one database."""

    database: Database
    holder: str
    """Name of this process in leases."""
    alone: bool
    """Whether no other process can be at work."""
    model: Callable[[], Awaitable[Model]] | None = None
    """Gives the model to ask; None: plain statements alone are read."""
    budget: Budget = field(default_factory=Budget)
    learned: Learned = field(default_factory=Learned)
    """All that this process has learned."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _task: asyncio.Task[None] | None = None
    _asked: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """Turns behind the cursor of a tenant that a model was asked about."""
    _failures: int = 0
    _taken: set[str] = field(default_factory=set[str])
    """Tenants that this process learns for, or may, where other processes may be at work."""
    _wanted: int = 0
    """The transaction before which all must have ended until all that was said can be read."""
    _ask_after: float = 0.0
    """When a model that has failed is asked again, by the monotonic clock."""

    async def start(self) -> None:
        """Read what the last process has left, as far as that is soon done, and begin to work."""
        await self._read_for(_AT_START)
        self._wake.set()
        self._task = asyncio.create_task(self._watch(), name="facts")

    async def stop(self) -> None:
        """Read what was said last, if that is soon done; the next process goes on from there."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        await self._read_for(_AT_END)
        for tenant in list(self._taken):
            try:
                await self._let_go(tenant)
            except MuxiError as error:
                _log.warning("The lease on facts ends by itself: %s", error.message)

    async def heard(self, who: Scope, owner: str, memories: Sequence[Memory]) -> None:
        """Turns were stored. The listener of the backlog, which waits for nothing here."""
        self._wake.set()

    async def catch_up(self) -> None:
        """Return once all that was said has been looked at, as far as the budget allows.

        Raises:
            MuxiError: The database or the model fails.
        """
        _, wanted = await self._horizon()
        finished = -1
        while finished < wanted:
            if finished >= 0:
                await asyncio.sleep(_BREATH)
            finished, _ = await self._horizon()
            await self._round(least=1)

    async def _read_for(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._lock:
                for tenant in await self.database.tenants("facts"):
                    if await self._take(tenant):
                        await self._read_plain(tenant)
        except TimeoutError:
            _log.info("Much was said; facts are learned from it in the background.")
        except MuxiError as error:
            _log.warning("Facts are learned later: %s", error.message)

    async def _watch(self) -> None:
        pause: float | None = None
        while True:
            woken = await self._sleep(pause)
            try:
                pause = await self._work(woken=woken)
                self._failures = 0
            except MuxiError as error:
                pause = self._after_failure()
                _log.warning("Facts are learned later: %s", error.message)
            except Exception:  # noqa: BLE001 -- the boundary of the task: it would stop for good unnoticed
                pause = self._after_failure()
                _log.exception("The worker of facts broke; it goes on later.")

    async def _sleep(self, pause: float | None) -> bool:
        """Whether something was said meanwhile."""
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    def _after_failure(self) -> float:
        self._failures += 1
        pause = min(_LONGEST_PAUSE, 2.0 ** min(self._failures, 10))
        self._ask_after = time.monotonic() + pause
        return pause

    async def _work(self, *, woken: bool) -> float | None:
        """One round; the seconds until the next one, or None: when something is said."""
        # Turns that have waited for others are asked about without them.
        least = self.budget.batch if woken else 1
        finished, begun = await self._horizon()
        if woken:
            self._wanted = begun
        pauses = await self._round(least=least)
        if finished < self._wanted:
            pauses.append(_LOOK_AGAIN)
        return min(pauses, default=None)

    async def _round(self, *, least: int) -> list[float]:
        """Look at what was said in all tenants; when there may be more to do, in seconds."""
        pauses = [] if self.alone else [_AFTER_OTHERS]
        async with self._lock:
            for tenant in await self.database.tenants("facts"):
                if not await self._take(tenant):
                    pauses.append(_AFTER_ANOTHER)
                    continue
                await self._read_plain(tenant)
                while await self._ask(tenant, least=least):
                    pass
                if await self._unasked(tenant):
                    pauses.append(max(self.budget.wait, self._ask_after - time.monotonic()))
                else:
                    await self._let_go(tenant)
        return pauses

    async def _horizon(self) -> tuple[int, int]:
        """How far all transactions have ended, and how far they have begun."""
        return await self.database.read(Scope(DEFAULT_TENANT, None), events.horizon, tiny=True)

    async def _take(self, tenant: str) -> bool:
        """Whether this process is the one that learns for the tenant."""
        if self.alone:
            return True
        take = partial(
            leases.acquire, kind="job", id=_LEASE, holder=self.holder, seconds=_LEASE_SECONDS
        )
        # Before it is: whoever is interrupted here may have got it.
        self._taken.add(tenant)
        try:
            await self.database.write(Scope(tenant, None), take)
        except LeaseLost:
            self._taken.discard(tenant)
            return False
        return True

    async def _let_go(self, tenant: str) -> None:
        """Let another process learn for the tenant."""
        if tenant in self._taken:
            release = partial(leases.let_go, kind="job", id=_LEASE, holder=self.holder)
            await self.database.write(Scope(tenant, None), release)
            self._taken.discard(tenant)

    async def _read_plain(self, tenant: str) -> None:
        whole = Scope(tenant, None)
        while (unread := await self.database.read(whole, partial(_unread, name=_PLAIN))).rows:
            # Not above: its patterns take a tenth of a server's start to compile.
            from muxi.memory.statements import plain_statements

            told = [
                (row, plain_statements(heard_in(row))) for row in unread.rows if row.kind in _HEARD
            ]
            self.learned.add(
                await self.database.write(
                    whole, partial(_learn, told=told, name=_PLAIN, upto=unread.cursor)
                )
            )

    async def _unasked(self, tenant: str) -> list[PassageRow]:
        """Turns that a model is still to be asked about, as far as they are looked at at once."""
        if self.model is None:
            return []
        from muxi.memory.junk import tells_something

        done = self._asked.setdefault(tenant, set())
        whole = Scope(tenant, None)
        while (unread := await self.database.read(whole, partial(_unread, name=_ASKED))).rows:
            left = [
                row
                for row in unread.rows
                if row.kind == "turn" and row.number not in done and tells_something(heard_in(row))
            ]
            if left:
                return left
            move = partial(cursors.set, name=_ASKED, cursor=unread.cursor)
            await self.database.write(whole, move)
            done.clear()
        return []

    async def _ask(self, tenant: str, *, least: int) -> bool:
        """Ask about the turns of one owner; whether that was done and may be done again."""
        if time.monotonic() < self._ask_after:
            return False
        of_owners: dict[str, list[PassageRow]] = {}
        for row in await self._unasked(tenant):
            of_owners.setdefault(row.owner, []).append(row)
        batch = next(
            (rows[: self.budget.batch] for rows in of_owners.values() if len(rows) >= least), None
        )
        if batch is None or self.model is None:
            return False
        model = await self.model()
        whole = Scope(tenant, None)
        turns = [heard_in(row) for row in batch]
        known = await self.database.read(whole, partial(_paths, owner=batch[0].owner))
        request = inquiry.question(turns, known, structured=model.profile.structured_output)
        if not await self._reserve(whole, _most(model, request)):
            self._ask_after = time.monotonic() + _LONGEST_PAUSE
            return False
        claims = await self._answered(whole, model, request, turns)
        by_turn: dict[int, list[Claim]] = {}
        for heard, claim in claims:
            by_turn.setdefault(turns.index(heard), []).append(claim)
        told = [(row, by_turn.get(at, [])) for at, row in enumerate(batch)]
        self.learned.add(await self.database.write(whole, partial(_learn, told=told)))
        self._asked[tenant].update(row.number for row in batch)
        return True

    async def _answered(
        self, whole: Scope, model: Model, request: ModelRequest, turns: Sequence[Heard]
    ) -> list[tuple[Heard, Claim]]:
        """What the model claims; nothing if it refuses the question or answers another one."""
        used = Usage()
        try:
            async with asyncio.timeout(_PATIENCE):
                text, used = await inquiry.answer(model, request)
        except TimeoutError:
            raise ModelTimeout(f"{model.name} did not answer in time.") from None
        except ModelError as error:
            if error.retryable:
                raise
            _log.warning("Facts of %d turns are not learned: %s", len(turns), error.message)
            text = ""
        finally:
            await self.database.write(
                whole, partial(_spend, tokens=used.total_tokens - _most(model, request))
            )
        claims = inquiry.claims_of(text, turns)
        if claims is None:
            self.learned.refused["answer"] += 1
        return claims or []

    async def _reserve(self, whole: Scope, tokens: int) -> bool:
        """Whether one more call of so many tokens is within today's budget; it then counts."""

        def reserve(tx: Tx) -> bool:
            spent = _spent(tx)
            within = spent.calls < self.budget.calls and spent.tokens + tokens <= self.budget.tokens
            if within:
                _spend(tx, tokens=tokens, calls=1)
            return within

        return await self.database.write(whole, reserve)


def heard_in(row: PassageRow) -> Heard:
    """A remembered turn as it is listened to."""
    memory = memory_of(replace(row, kind="turn"))
    return Heard(
        text=memory.text,
        said_at=memory.said_at or memory.created_at,
        role=memory.role or "",
        message_id=memory.message_id,
        memory_id=memory.id,
    )


def _learn(
    tx: Tx,
    told: Sequence[tuple[PassageRow, Sequence[Claim]]],
    *,
    name: str | None = None,
    upto: str = "",
) -> Learned:
    """Store what turns tell; if a cursor is named, it then stands behind them."""
    learned = Learned()
    for row, claims in told:
        subject = USER if row.owner.startswith("user:") else row.speaker
        if claims and subject:
            heard = heard_in(row)
            kept = extraction.sifted(claims, heard, learned)
            learned.add(extraction.tell(tx, row.owner, heard, kept, subject=subject))
    if name is not None:
        cursors.set(tx, name, upto)
    return learned


def _unread(tx: Tx, *, name: str) -> passages.Since:
    return passages.since(tx, cursors.get(tx, name), corpus=MEMORY, limit=_AT_ONCE)


def _paths(tx: Tx, *, owner: str) -> list[str]:
    page = facts.page(tx, owner, subject=USER, limit=60)
    return [fact.predicate for fact in page.items]


def _most(model: Model, request: ModelRequest) -> int:
    """The most tokens that a question and its answer take."""
    tokens = model.count_text(request.instructions) + sum(map(model.count, request.messages))
    if request.output is not None:
        tokens += model.count_text(str(request.output.json_schema))
    return tokens + (request.settings.max_tokens or 0)


def _spent(tx: Tx) -> _Spent:
    today = datetime.fromtimestamp(tx.clock() / 1_000_000, UTC).date().isoformat()
    return _Spent.read(cursors.get(tx, _SPENT), today)


def _spend(tx: Tx, *, tokens: int, calls: int = 0) -> None:
    spent = _spent(tx)
    spent.calls += calls
    spent.tokens = max(0, spent.tokens + tokens)
    cursors.set(tx, _SPENT, str(spent))
