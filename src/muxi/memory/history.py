"""What was said before in a thread, as much of it as a model can take. A source of every run.

Called by agents through the port `ContextSource`, and told by `runtime` what a run has added. The
end of a path that is in use stays in memory, and no more of it is looked at than fits, so that a
turn costs the same however long the thread is. Summaries are looked for only when a thread does
not fit any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from muxi.config.memory_settings import CompactionSettings
from muxi.core.events import HistoryCompacted
from muxi.core.messages import Message, ReasoningPart, TextPart, ToolResultPart
from muxi.core.ports import Context, ContextBlock, ContextQuery
from muxi.core.summaries import Summary
from muxi.memory.fitting import Fit, Room, fit
from muxi.memory.overlay import Overlays
from muxi.storage import messages as stored
from muxi.storage import summaries
from muxi.storage.transaction import Database, Scope

LONGEST_PATH = 4_000
"""Messages of one thread that are read and kept: more than any model reads with profit."""

_FIRST_READ = 256
"""Messages that are read first: mostly as many as fit."""
_MORE = 2
"""How many times as many are read when there was room for more."""
_MESSAGE_WEIGHT = 3_000
"""Bytes that a message takes in memory beside its text."""
_THREADS = 128
"""Threads whose summaries are kept in memory."""


@dataclass(slots=True)
class Path:
    """The end of a thread's path, oldest first."""

    messages: list[Message]
    complete: bool
    """Whether it begins where the thread does."""
    weight: int
    erasures: int
    """How often something of the thread had been erased when it was read."""
    used: int = 0
    """The most messages that a turn was given of it."""


@dataclass(slots=True)
class Summaries:
    """What is known of a thread's summaries."""

    overlays: Overlays
    erasures: int
    untold: list[HistoryCompacted] = field(default_factory=list[HistoryCompacted])
    """What the thread's next run is to tell."""


class HistoryCache:
    """The paths of threads in use, by their leaf; the least recently used ones go first.

    Args:
        database: Where paths are read that are not here.
        max_bytes: Roughly what all paths together may take.
    """

    def __init__(self, database: Database, *, max_bytes: int = 32 << 20) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._paths: OrderedDict[tuple[str, str], Path] = OrderedDict()
        self._bytes = 0
        self._summaries: OrderedDict[tuple[str, str], Summaries] = OrderedDict()

    async def path(self, who: Scope, thread_id: str, leaf_id: str, *, erasures: int) -> Path:
        """The messages up to `leaf_id`; of a long thread, the newest of them.

        Args:
            who: Who reads.
            thread_id: The thread.
            leaf_id: Its last message.
            erasures: How often something of the thread has been erased, by whatever process: what
                was read before is read anew.
        """
        key = (who.tenant, leaf_id)
        known = self._paths.get(key)
        if known is not None and known.erasures >= erasures:
            self._paths.move_to_end(key)
            return known
        return await self._read(who, thread_id, leaf_id, _FIRST_READ, erasures)

    async def longer(self, who: Scope, thread_id: str, leaf_id: str, than: Path) -> Path | None:
        """More of a path than there was; None if no more is read."""
        if than.complete or len(than.messages) >= LONGEST_PATH:
            return None
        limit = min(LONGEST_PATH, _MORE * max(_FIRST_READ, len(than.messages)))
        return await self._read(who, thread_id, leaf_id, limit, than.erasures)

    def extend(self, who: Scope, leaf_id: str | None, added: Sequence[Message]) -> None:
        """A run has added messages below `leaf_id`, which are durable now.

        A thread that has only begun is not kept: most threads have one turn, and a second one reads
        what is little.
        """
        path = None if leaf_id is None else self._paths.pop((who.tenant, leaf_id), None)
        if path is None or not added:
            return
        self._bytes -= path.weight
        # A reader may hold the old path.
        messages, complete = [*path.messages, *added], path.complete
        weight = path.weight + sum(map(_weight, added))
        enough = min(LONGEST_PATH, 2 * max(_FIRST_READ, path.used))
        if len(messages) > min(LONGEST_PATH, 2 * enough):
            # What turns are not given any more can be read again.
            messages, complete = messages[-enough:], False
            weight = sum(map(_weight, messages))
        longer = Path(messages, complete, weight, path.erasures, path.used)
        self._put((who.tenant, added[-1].id), longer)

    def known(self, who: Scope, thread_id: str, *, erasures: int) -> Summaries | None:
        """What is known of a thread's summaries without reading."""
        known = self._summaries.get((who.tenant, thread_id))
        return known if known is not None and known.erasures >= erasures else None

    async def summaries(
        self, who: Scope, thread_id: str, *, since: Message | None, erasures: int
    ) -> Summaries:
        """A thread's summaries, read anew.

        Args:
            who: Who reads.
            thread_id: The thread.
            since: The newest message of the path, if a run is beginning that is to tell what has
                been summarised after it; None if there is nothing to tell.
            erasures: As for `path`.
        """
        found = await self._database.read(who, partial(summaries.newest, thread_id=thread_id))
        key = (who.tenant, thread_id)
        known = self.known(who, thread_id, erasures=erasures)
        if known is None:
            known = Summaries(Overlays(), erasures)
            if since is not None:
                fresh = [each for each in found if each.created_at >= since.created_at]
                known.untold = told(fresh)
        known.overlays = Overlays.holding(found)
        self._summaries[key] = known
        self._summaries.move_to_end(key)
        if len(self._summaries) > _THREADS:
            self._summaries.popitem(last=False)
        return known

    def summarised(self, who: Scope, thread_id: str, made: Sequence[Summary]) -> None:
        """Summaries of a thread have been stored."""
        known = self._summaries.get((who.tenant, thread_id))
        if known is not None:
            known.overlays.add(made)
            known.untold += told(made)

    def drop(self, tenant: str, thread_id: str) -> None:
        """Let go of a thread: something of it was erased."""
        self._summaries.pop((tenant, thread_id), None)
        for key, path in list(self._paths.items()):
            if key[0] == tenant and path.messages and path.messages[0].thread_id == thread_id:
                del self._paths[key]
                self._bytes -= path.weight

    async def _read(
        self, who: Scope, thread_id: str, leaf_id: str, limit: int, erasures: int
    ) -> Path:
        read = partial(stored.path_to_leaf, thread_id=thread_id, leaf_id=leaf_id, limit=limit)
        messages = await self._database.read(who, read)
        complete = not messages or messages[0].parent_id is None
        path = Path(messages, complete, sum(map(_weight, messages)), erasures)
        self._put((who.tenant, leaf_id), path)
        return path

    def _put(self, key: tuple[str, str], path: Path) -> None:
        old = self._paths.pop(key, None)
        self._bytes += path.weight - (0 if old is None else old.weight)
        self._paths[key] = path
        while self._bytes > self._max_bytes and self._paths:
            _, oldest = self._paths.popitem(last=False)
            self._bytes -= oldest.weight


@dataclass(slots=True)
class History:
    """The context source of one run: the path to what its input answers."""

    who: Scope
    cache: HistoryCache
    settings: CompactionSettings = field(default_factory=CompactionSettings)
    erasures: int = 0
    """How often something of the thread had been erased when the run began."""
    room: Room | None = None
    """What there was room for; None until the run has asked."""
    tokens: int = 0
    """What the run was given."""
    crowded: bool = False
    """Whether the thread was to be summarised already when the run began."""

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        """See `core.ports.ContextSource`."""
        room = self.room = Room(
            budget=query.budget, target=int(query.budget * self.settings.at), count=query.count
        )
        parent = query.input[0].parent_id if query.input else None
        if parent is None:
            return ContextBlock()
        path = await self.cache.path(self.who, ctx.thread_id, parent, erasures=self.erasures)
        known = self._known(ctx.thread_id)
        overlays = None if known is None else known.overlays
        found = fit(path.messages, room, complete=path.complete, overlays=overlays)
        if found.crowded:
            found, path = await self._crowded(ctx.thread_id, parent, path, found)
            known = self._known(ctx.thread_id)
        self.tokens, self.crowded = found.tokens, found.crowded
        path.used = max(path.used, len(found.messages))
        if known is None or not known.untold:
            return ContextBlock(messages=found.messages, tokens=found.tokens)
        events, known.untold = known.untold, []
        return ContextBlock(messages=found.messages, tokens=found.tokens, events=events)

    def is_crowded(self, added: Iterable[Message]) -> bool:
        """Whether the thread is perhaps to be summarised, now that the run has added messages."""
        if self.room is None or self.settings.strategy == "window":
            return False
        if self.crowded:
            return True
        characters = 2 * (self.room.target - self.tokens)
        return sum(_size(message) for message in added) > characters

    def _known(self, thread_id: str) -> Summaries | None:
        if self.settings.strategy == "window":
            return None
        return self.cache.known(self.who, thread_id, erasures=self.erasures)

    async def _crowded(
        self, thread_id: str, leaf_id: str, path: Path, found: Fit
    ) -> tuple[Fit, Path]:
        """What enters the turn when not everything does, with all that is worth reading read."""
        assert self.room is not None
        known = self._known(thread_id)
        if known is None and self.settings.strategy != "window":
            newest = path.messages[-1] if path.messages else None
            known = await self.cache.summaries(
                self.who, thread_id, since=newest, erasures=self.erasures
            )
            if known.overlays:
                overlays = known.overlays
                found = fit(path.messages, self.room, complete=path.complete, overlays=overlays)
        while found.crowded and found.short:
            longer = await self.cache.longer(self.who, thread_id, leaf_id, path)
            if longer is None:
                break
            path = longer
            overlays = None if known is None else known.overlays
            found = fit(path.messages, self.room, complete=path.complete, overlays=overlays)
        return found, path


def told(made: Sequence[Summary]) -> list[HistoryCompacted]:
    """The event that tells of summaries; none if there are no new ones of messages."""
    fresh = [each for each in made if each.level == 1]
    if not fresh:
        return []
    chained = {before for each in fresh for before in each.summary_ids}
    usages = [each.usage for each in made if each.usage is not None]
    usage = usages[0].model_copy() if usages else None
    for more in usages[1:]:
        if usage is not None:
            usage.add(more)
    models = [each.model for each in made if each.model is not None]
    return [
        HistoryCompacted(
            strategy=fresh[-1].strategy,
            summary_ids=[each.id for each in made],
            first_message_id=fresh[0].message_ids[0],
            last_message_id=fresh[-1].last_message_id,
            messages=sum(len(each.message_ids) for each in fresh),
            tokens_before=sum(each.source_tokens for each in fresh),
            # Of summaries that continue one another only the last is given.
            tokens_after=sum(each.tokens for each in fresh if each.id not in chained),
            model=models[-1] if models else None,
            usage=usage,
        )
    ]


def _weight(message: Message) -> int:
    return _MESSAGE_WEIGHT + _size(message)


def _size(message: Message) -> int:
    return sum(map(_part_size, message.parts))


def _part_size(part: object) -> int:
    if isinstance(part, TextPart | ReasoningPart):
        return len(part.text)
    if isinstance(part, ToolResultPart):
        return sum(map(_part_size, part.content))
    return len(getattr(part, "data", None) or b"")
