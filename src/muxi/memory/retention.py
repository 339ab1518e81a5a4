"""Keeps memory small by itself: what tells least goes first. A job of the runtime, once a day.

Recency is not relevance: giving up a quarter of the turns by information costs 3 % of what
questions need, by age 28 %. So nothing goes for its age alone unless the project says so. Messages
of threads stay; it must never hold up a turn, so it works in small pieces.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from muxi.config.memory_settings import RetentionLimits, RetentionSettings
from muxi.core.errors import LeaseLost, MuxiError
from muxi.core.forgetting import MemorySize, RetentionItem, RetentionReport
from muxi.memory.forgetting import Forgot, erase_places
from muxi.memory.rows import CONTEXT, MEMORY
from muxi.retrieval.words import information, rarity, words
from muxi.storage import cursors, erasing, facts, forgettings, leases, passages
from muxi.storage.erasing import Ranked
from muxi.storage.owners import owned
from muxi.storage.records import cursor, place
from muxi.storage.snapshots import Snapshots
from muxi.storage.transaction import Database, Scope, Tx

_log = logging.getLogger("muxi.memory")

_DAY: Final = 86_400_000_000
"""Microseconds."""
_EVERY: Final = 24 * 3600.0
"""Seconds between two rounds."""
_FIRST: Final = 600.0
"""Seconds after the start until the first round: a start has better things to do."""
_ROOM: Final = 0.95
"""Share of a bound that is left after pruning, so that it is not pruned again at once."""
_PIECE: Final = 100
_BREATH: Final = 0.02
"""Seconds between two pieces, for the turns that wait."""
_SAME_WITHIN: Final = 30 * _DAY
_LEASE: Final = "retention"
_RUNS_CURSOR: Final = "retention.runs"
_NOWHERE: Final = (-1, "")
_EXAMPLES: Final = 5


@dataclass(kw_only=True)
class Retention:
    """Prunes one project."""

    database: Database
    settings: RetentionSettings
    holder: str
    """Name of this process in leases."""
    snapshots: Snapshots | None = None
    listeners: list[Forgot] = field(default_factory=list[Forgot])
    """Told tenant and owner, whenever something of theirs went."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Prune once a day from now on."""
        if self.settings.enabled:
            self._task = asyncio.create_task(self._watch(), name="retention")

    async def stop(self) -> None:
        """Prune no longer; what is left is done after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def run(self, tenant: str, *, dry_run: bool) -> RetentionReport:
        """Prune one tenant now, or say what would go.

        Raises:
            StorageError: What was pruned until then stays pruned.
        """
        started = time.perf_counter()
        report = RetentionReport(dry_run=dry_run)
        whole = Scope(tenant, None)
        limits = self.settings.tenants.get(tenant, self.settings)
        for owner in await self.database.read(whole, passages.owners):
            await self._prune_owner(whole, owner, limits, report)
        for owner in await self.database.read(whole, facts.owners):
            await self._prune_facts(whole, owner, limits, report)
        await self._thin_runs(whole, report)
        await self._drop_forgettings(whole, dry_run=dry_run)
        if self.snapshots is not None and self.settings.snapshot_days is not None:
            report.items += await asyncio.to_thread(self._expire_snapshots, dry_run)
        report.seconds = time.perf_counter() - started
        return report

    def size(self, tx: Tx, owner: str) -> MemorySize:
        """How much an owner's memory takes, and what it may."""
        name = owned(tx, owner)
        limits = self.settings.tenants.get(tx.scope.tenant, self.settings)
        rows, size = passages.count(tx, name, MEMORY)
        counted = {
            "memories": rows,
            "facts": facts.count(tx, name)[0],
            "pieces": passages.count(tx, name, "knowledge")[0],
        }
        return MemorySize(
            owner=owner,
            rows=counted,
            bytes=size,
            most_rows=limits.memories,
            most_bytes=limits.bytes,
        )

    async def _watch(self) -> None:
        await asyncio.sleep(_FIRST)
        while True:
            try:
                for tenant in await self.database.tenants("retention"):
                    if await self._due(tenant):
                        report = await self.run(tenant, dry_run=False)
                        _log.info("Retention: %s", _in_words(report))
            except MuxiError as error:
                _log.warning("Memory could not be pruned: %s", error.message)
            await asyncio.sleep(_EVERY)

    async def _due(self, tenant: str) -> bool:
        """Whether this process is the one to do it, for a round."""
        take = partial(
            leases.acquire, kind="job", id=_LEASE, holder=self.holder, seconds=_EVERY / 2
        )
        try:
            await self.database.write(Scope(tenant, None), take)
        except LeaseLost:
            return False
        return True

    async def _prune_owner(
        self, whole: Scope, owner: str, limits: RetentionLimits, report: RetentionReport
    ) -> None:
        held = await self.database.read(whole, partial(erasing.ranked, owner=owner))
        chosen = await asyncio.to_thread(self._chosen, held, limits)
        for rule, gone in chosen.items():
            report.items.append(
                RetentionItem(
                    rule=rule,
                    owner=owner,
                    rows=len(gone),
                    bytes=sum(each.size for each in gone),
                    examples=[each.id for each in gone[:_EXAMPLES]],
                )
            )
            if not report.dry_run:
                await self._erase(whole, owner, gone)

    async def _prune_facts(
        self, whole: Scope, owner: str, limits: RetentionLimits, report: RetentionReport
    ) -> None:
        """Let go of facts that hold no longer, if they are too old or too many."""
        now = round(self.clock() * 1_000_000)
        if limits.past_fact_days is not None:
            before = now - limits.past_fact_days * _DAY
            await self._drop_facts(whole, owner, report, rule="age", before=before, keep=0)
        if limits.past_facts is not None:
            keep = limits.past_facts
            await self._drop_facts(whole, owner, report, rule="budget", before=now, keep=keep)

    async def _drop_facts(
        self,
        whole: Scope,
        owner: str,
        report: RetentionReport,
        *,
        rule: str,
        before: int,
        keep: int,
    ) -> None:
        count = partial(facts.count_past, owner=owner, before=before)
        many = await self.database.read(whole, count) - keep
        if many <= 0:
            return
        item = RetentionItem(rule=f"past facts: {rule}", owner=owner, rows=0, bytes=0)
        report.items.append(item)
        find = partial(facts.past, owner=owner, before=before)
        if report.dry_run:
            first = await self.database.read(whole, partial(find, limit=min(many, _EXAMPLES)))
            item.rows, item.examples = many, [each[0] for each in first]
            return
        while item.rows < many:
            most = min(_PIECE, many - item.rows)
            gone = await self.database.read(whole, partial(find, limit=most))
            if not gone:
                break
            ids = [each[0] for each in gone]
            await self.database.write(whole, partial(facts.drop, owner=owner, fact_ids=ids))
            item.rows += len(gone)
            item.bytes += sum(each[1] for each in gone)
            item.examples += ids[: _EXAMPLES - len(item.examples)]
            await asyncio.sleep(_BREATH)

    async def _erase(self, whole: Scope, owner: str, gone: Sequence[Ranked]) -> None:
        for at in range(0, len(gone), _PIECE):
            places = [(owner, each.number, each.id) for each in gone[at : at + _PIECE]]
            await self.database.write(whole, partial(erase_places, gone=places))
            for listener in self.listeners:
                listener(whole.tenant, owner)
            await asyncio.sleep(_BREATH)

    def _chosen(self, held: list[Ranked], limits: RetentionLimits) -> dict[str, list[Ranked]]:
        """What goes, by the rule for which it goes; each memory once."""
        chosen: dict[str, list[Ranked]] = {}
        now = round(self.clock() * 1_000_000)
        left = held
        rules: list[tuple[str, Callable[[list[Ranked]], Iterable[Ranked]]]] = [
            ("age", partial(self._aged, limits=limits, now=now)),
            ("same", _repeated if self.settings.merge else _none),
            ("budget", partial(_beyond, limits=limits)),
        ]
        for rule, pick in rules:
            gone = list(pick(left))
            if gone:
                numbers = {each.number for each in gone}
                left = [each for each in left if each.number not in numbers]
                chosen[rule] = gone
        return chosen

    def _aged(self, held: list[Ranked], limits: RetentionLimits, now: int) -> Iterator[Ranked]:
        for each in held:
            own = self.settings.agents.get(each.agent or "", limits)
            days = own.note_days if each.kind == "note" else own.turn_days
            if days is not None and each.said_at < now - days * _DAY:
                yield each

    async def _thin_runs(self, whole: Scope, report: RetentionReport) -> None:
        days = self.settings.event_days
        if days is None:
            return
        before = round(self.clock() * 1_000_000) - days * _DAY
        after = await self.database.read(whole, _runs_cursor)
        if report.dry_run:
            count = partial(erasing.count_old_runs, before=before, after=after)
            if runs := await self.database.read(whole, count):
                report.items.append(RetentionItem(rule="runs to be thinned", rows=runs, bytes=0))
            return
        touched = 0
        more = True
        while more:
            step = partial(_thin_some, before=before)
            some, more = await self.database.write(whole, step)
            touched += some
            await asyncio.sleep(_BREATH)
        if touched:
            report.items.append(RetentionItem(rule="events", rows=touched, bytes=0))

    async def _drop_forgettings(self, whole: Scope, *, dry_run: bool) -> None:
        days = self.settings.forgetting_days
        if days is not None and not dry_run:
            before = round(self.clock() * 1_000_000) - days * _DAY
            await self.database.write(whole, partial(forgettings.drop_old, before=before))

    def _expire_snapshots(self, dry_run: bool) -> list[RetentionItem]:
        assert self.snapshots is not None, "asked for only where there can be snapshots"
        days = self.settings.snapshot_days or 0
        limit = self.clock() - days * 86_400
        old = [each for each in self.snapshots.list()[1:] if each.taken_at.timestamp() < limit]
        if not old:
            return []
        if not dry_run:
            for each in old:
                each.path.unlink(missing_ok=True)
        names = [each.path.name for each in old]
        size = sum(each.size for each in old)
        return [RetentionItem(rule="snapshots", rows=len(old), bytes=size, examples=names)]


def _none(_: list[Ranked]) -> list[Ranked]:
    return []


def _repeated(held: list[Ranked]) -> Iterator[Ranked]:
    """Turns of the same words by the same speaker within a month, save for the first."""
    first: dict[tuple[str | None, frozenset[str]], int] = {}
    for each in held:
        said = frozenset(words(each.text)) if each.kind == "turn" else frozenset[str]()
        if not said:
            continue
        key = (each.speaker, said)
        if key in first and abs(each.said_at - first[key]) <= _SAME_WITHIN:
            yield each
        else:
            first[key] = each.said_at


def _beyond(held: list[Ranked], limits: RetentionLimits) -> list[Ranked]:
    """What is over the bounds: what tells least, then what was used least, then the oldest."""
    rows, size = len(held), sum(each.size for each in held)
    most_rows = limits.memories if limits.memories is not None else rows
    most_bytes = limits.bytes if limits.bytes is not None else size
    if rows <= most_rows and size <= most_bytes:
        return []
    tells = rarity(words(each.text) for each in held)

    def weight(each: Ranked) -> tuple[bool, float, int, int]:
        # What a person put down goes only when nothing else is left.
        told = 0.0 if each.kind == CONTEXT else round(information(each.text, tells))
        return each.kind == "note", told, each.uses, each.said_at

    gone: list[Ranked] = []
    few, small = round(most_rows * _ROOM), round(most_bytes * _ROOM)
    for each in sorted(held, key=weight):
        if rows <= max(1, few) and size <= small:
            break
        gone.append(each)
        rows -= 1
        size -= each.size
    return gone


def _runs_cursor(tx: Tx) -> tuple[int, str]:
    stored = cursors.get(tx, _RUNS_CURSOR)
    if stored is None:
        return _NOWHERE
    at, run_id = place(stored, 2)
    return int(at), run_id


def _thin_some(tx: Tx, before: int) -> tuple[int, bool]:
    touched, last = erasing.thin_runs(tx, before=before, after=_runs_cursor(tx))
    if last is not None:
        cursors.set(tx, _RUNS_CURSOR, cursor(*last))
    return touched, last is not None


def _in_words(report: RetentionReport) -> str:
    said = [f"{item.rule} {item.rows}" for item in report.items]
    return ", ".join(said) or "nothing to prune"
