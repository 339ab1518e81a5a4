"""How a thread is compacted: which summaries are made of what no longer fits.

Called by `compaction`, which decides when. A strategy gives summaries; it stores nothing and reads
nothing. The messages that it is given follow one another on a path without a gap, in groups that
may not be separated: a call is never without its results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from muxi.core.messages import Message
from muxi.core.ports import Count
from muxi.core.summaries import CompactionStrategy, Summary
from muxi.memory.extractive import tokens_of
from muxi.memory.summarising import Source, Writer
from muxi.storage.summaries import id_of

_FAN = 4
"""The most summaries of one level that become one of the next."""
_WIDE = 8
"""Summaries of one level that may stand side by side, however small they are."""
_PARTS = 12
"""How many of a hierarchy's lowest summaries fill the room of all."""
_LARGEST = 3
"""No summary of a hierarchy takes more than this part of the room of all."""
_LEAST = 64
"""Tokens below which a summary says nothing."""
_STRETCH = 8
"""Tokens of messages for each token of a hierarchy's lowest summaries."""
_LONGEST_STRETCH = 400
"""Messages in one stretch: so many are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is to be condensed."""

    thread_id: str
    chain: Sequence[Summary]
    """The summaries of the path before `groups`, oldest first."""
    groups: Sequence[Sequence[Message]]
    """The messages after them, oldest first, in groups that may not be separated."""
    room: int
    """Most tokens of all summaries that stand for the path afterwards."""
    count: Count


class Strategy(Protocol):
    """One way to compact."""

    @property
    def name(self) -> CompactionStrategy: ...

    async def condense(self, material: Material, writer: Writer) -> list[Summary]:
        """New summaries, the last of which reaches to the last message of `material`.

        Together with those of the chain they stand for the whole path up to there. An empty list
        says that nothing is summarised.
        """
        ...


class Window:
    """Nothing is summarised: what does not fit is left out of turns."""

    name: CompactionStrategy = "window"

    async def condense(self, material: Material, writer: Writer) -> list[Summary]:
        return []


class Rolling:
    """One summary for everything so far, continued with each stretch."""

    name: CompactionStrategy = "summary"

    async def condense(self, material: Material, writer: Writer) -> list[Summary]:
        chain = list(material.chain)
        made: list[Summary] = []
        for stretch in _stretches(material, most=None):
            source = Source(earlier=chain, messages=stretch)
            one = await _written(self.name, material, writer, source, material.room)
            chain = [one]
            made.append(one)
        return made


class Hierarchical:
    """A summary for each stretch, and of the oldest of those one of half their size, level upon
    level: the longer ago, the shorter."""

    name: CompactionStrategy = "hierarchical"

    async def condense(self, material: Material, writer: Writer) -> list[Summary]:
        chain = list(material.chain)
        made: list[Summary] = []
        room = max(_LEAST, material.room // _PARTS)
        for stretch in _stretches(material, most=room * _STRETCH):
            source = Source(messages=stretch, beside=chain)
            one = await _written(self.name, material, writer, source, room)
            chain.append(one)
            made.append(one)
            while (run := _oldest_run(chain, material.room)) is not None:
                most = _merged_room(chain, run, material.room)
                beside = [*chain[: run.start], *chain[run.stop :]]
                source = Source(earlier=chain[run], beside=beside)
                one = await _written(self.name, material, writer, source, most)
                chain[run] = [one]
                made.append(one)
        return made


STRATEGIES: dict[CompactionStrategy, Strategy] = {
    "window": Window(),
    "summary": Rolling(),
    "hierarchical": Hierarchical(),
}
"""Every strategy by the name that projects give it."""


def _stretches(material: Material, most: int | None) -> list[list[Message]]:
    """The messages in stretches of at most so many tokens, or of one group that is larger."""
    stretches: list[list[Message]] = []
    tokens = 0
    for group in material.groups:
        size = 0 if most is None else sum(map(material.count, group))
        full = bool(stretches) and len(stretches[-1]) + len(group) > _LONGEST_STRETCH
        if not stretches or full or (most is not None and tokens + size > most):
            stretches.append([])
            tokens = 0
        stretches[-1].extend(group)
        tokens += size
    return stretches


def _oldest_run(chain: Sequence[Summary], room: int) -> slice | None:
    """The oldest summaries of one level, if all are too large together or too many side by side."""
    crowded = sum(each.tokens for each in chain) > room
    start = 0
    while start < len(chain):
        same = [each.level == chain[start].level for each in chain[start:]]
        number = same.index(False) if False in same else len(same)
        if number >= (2 if crowded else _WIDE):
            return slice(start, start + min(number, _FAN))
        start += number
    return slice(0, 2) if crowded and len(chain) > 1 else None


def _merged_room(chain: Sequence[Summary], run: slice, room: int) -> int:
    """Tokens for one summary in place of several: half of theirs if there is need, else as many."""
    own = sum(each.tokens for each in chain[run])
    crowded = sum(each.tokens for each in chain) > room
    return max(_LEAST, min(own // 2 if crowded else own, room // _LARGEST))


async def _written(
    name: CompactionStrategy,
    material: Material,
    writer: Writer,
    source: Source,
    room: int,
) -> Summary:
    """A summary of summaries, of messages, or of both."""
    before, messages = source.earlier, source.messages
    written = await writer.write(source, room)
    after = before[0].after_message_id if before else messages[0].parent_id
    first = before[0].first_message_id if before else messages[0].id
    last = messages[-1].id if messages else before[-1].last_message_id
    level = 1 if messages else max(each.level for each in before) + 1
    summary = Summary(
        id="",
        thread_id=material.thread_id,
        level=level,
        after_message_id=after,
        first_message_id=first,
        last_message_id=last,
        messages=sum(each.messages for each in before) + len(messages),
        tokens=tokens_of(written.text),
        source_tokens=sum(each.tokens for each in before) + sum(map(material.count, messages)),
        strategy=name,
        text=written.text,
        message_ids=[message.id for message in messages],
        summary_ids=[each.id for each in before],
        model=written.model,
        usage=written.usage,
    )
    summary.id = id_of(summary)
    return summary
