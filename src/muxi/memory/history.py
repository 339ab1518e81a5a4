"""What was said before in a thread, as much of it as a model can take. A source of every run.

Called by agents through the port `ContextSource`, and told by `runtime` what a run has added. The
path of a thread that is in use stays in memory, so that a turn costs the same however long the
thread is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from muxi.core.messages import Message, ReasoningPart, TextPart, ToolResultPart
from muxi.core.ports import Context, ContextBlock, ContextQuery
from muxi.storage import messages as stored
from muxi.storage.transaction import Database, Scope

_LONGEST_PATH = 4_000
"""Messages of one thread that are read and kept: more than any model reads with profit."""

_MESSAGE_WEIGHT = 3_000
"""Bytes that a message takes in memory beside its text."""


class HistoryCache:
    """The paths of threads in use, by their leaf; the least recently used ones go first.

    Args:
        database: Where paths are read that are not here.
        max_bytes: Roughly what all paths together may take.
    """

    def __init__(self, database: Database, *, max_bytes: int = 32 << 20) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._paths: OrderedDict[tuple[str, str], _Path] = OrderedDict()
        self._bytes = 0

    async def path(self, who: Scope, thread_id: str, leaf_id: str) -> Sequence[Message]:
        """The messages up to `leaf_id`, oldest first; of a very long thread, the newest of them."""
        key = (who.tenant, leaf_id)
        known = self._paths.get(key)
        if known is not None:
            self._paths.move_to_end(key)
            return known.messages
        read = partial(
            stored.path_to_leaf, thread_id=thread_id, leaf_id=leaf_id, limit=_LONGEST_PATH
        )
        messages = await self._database.read(who, read)
        self._put(key, _Path(messages, sum(map(_weight, messages))))
        return messages

    def extend(self, who: Scope, leaf_id: str | None, added: Sequence[Message]) -> None:
        """A run has added messages below `leaf_id`, which are durable now.

        A thread that has only begun is not kept: most threads have one turn, and a second one reads
        what is little.
        """
        path = None if leaf_id is None else self._paths.pop((who.tenant, leaf_id), None)
        if path is None or not added:
            return
        self._bytes -= path.weight
        # A reader may hold the old list.
        path.messages = [*path.messages, *added][-_LONGEST_PATH:]
        path.weight += sum(map(_weight, added))
        self._put((who.tenant, added[-1].id), path)

    def _put(self, key: tuple[str, str], path: _Path) -> None:
        self._paths[key] = path
        self._bytes += path.weight
        while self._bytes > self._max_bytes and self._paths:
            _, oldest = self._paths.popitem(last=False)
            self._bytes -= oldest.weight


@dataclass(slots=True)
class _Path:
    messages: list[Message]
    weight: int


def _weight(message: Message) -> int:
    return _MESSAGE_WEIGHT + sum(map(_part_weight, message.parts))


def _part_weight(part: object) -> int:
    if isinstance(part, TextPart | ReasoningPart):
        return len(part.text)
    if isinstance(part, ToolResultPart):
        return sum(map(_part_weight, part.content))
    return len(getattr(part, "data", None) or b"")


@dataclass(frozen=True, slots=True)
class History:
    """The context source of one run: the path to what its input answers."""

    who: Scope
    cache: HistoryCache

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        parent = query.input[0].parent_id if query.input else None
        if parent is None:
            return ContextBlock()
        path = await self.cache.path(self.who, ctx.thread_id, parent)
        return ContextBlock(messages=newest_that_fit(path, query.budget, query.count))


def newest_that_fit(
    path: Sequence[Message], budget: int, count: Callable[[Message], int]
) -> list[Message]:
    """The newest messages of `path` within `budget` tokens, oldest first.

    A tool call and its results stay together, and what is kept begins with words of a person if
    there are any in it: a model that reads an answer without its question is led astray. Answers
    that were cut off before their first word are left out.
    """
    kept: list[Message] = []
    for group in _groups_from_newest(path):
        budget -= sum(map(count, group))
        if budget < 0:
            break
        kept.extend(reversed(group))
    kept.reverse()
    first = next((at for at, message in enumerate(kept) if message.role == "user"), 0)
    return kept[first:]


def _groups_from_newest(path: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages that may not be separated: each alone, but tool results with their calls."""
    results: list[Message] = []
    for message in reversed(path):
        if message.role == "tool":
            results.insert(0, message)
            continue
        if results:
            yield [message, *results]
            results = []
        elif message.status == "complete" or message.text:
            yield [message]
