"""What of a path enters a turn: all of it, a summary and the newest messages, or the newest alone.

Called by `history` once a run and by `compaction`, with the same arguments, so that both come to
the same answer. It looks at no more messages than fit, however long the path is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from muxi.core.messages import Message, ToolCallPart, ToolResultPart
from muxi.core.once import Once
from muxi.core.ports import Count
from muxi.memory.overlay import Overlay, Overlays


def _stands_alone(message: Message) -> bool:
    """Whether a message is given as it is, whatever stands before and after it."""
    apart = message.role != "tool" and not message.tool_calls
    return apart and (message.status == "complete" or bool(message.text))


_alone = Once(_stands_alone)


@dataclass(slots=True, kw_only=True)
class Fit:
    """What fits, and whether it is time to summarise."""

    messages: list[Message]
    tokens: int
    overlay: Overlay | None = None
    crowded: bool = False
    """More than the share at which a thread is to be compacted; or messages are left out."""
    short: bool = False
    """There was room for more messages than were at hand."""


@dataclass(slots=True, kw_only=True)
class Room:
    """How much fits."""

    budget: int
    """Tokens at most."""
    target: int
    """Tokens beyond which summaries are used where there are some."""
    count: Count
    messages: int = 3_200
    """Messages beyond which likewise, however small they are."""


@dataclass(slots=True)
class _Walk:
    """A path as far as it fits, from its end."""

    kept: list[Message] = field(default_factory=list[Message])
    """Newest first."""
    tokens: int = 0
    overflow: bool = False
    cuts: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    """Where summaries end: the message, how many come after it and how many tokens."""


def fit(path: Sequence[Message], room: Room, *, complete: bool, overlays: Overlays | None) -> Fit:
    """What of `path` enters a turn.

    As long as everything is within the target, everything does. Beyond it a summary stands for the
    oldest messages: the one that leaves most of them as they are. What is given changes only when
    the target is exceeded again, so that providers can cache it.

    Args:
        path: Messages, oldest first.
        room: How much fits.
        complete: Whether `path` begins where the thread does.
        overlays: Summaries of the thread; None to do without.
    """
    if complete and (everything := _everything(path, room)) is not None:
        return everything
    walk = _walk(path, room, overlays)
    whole = complete and not walk.overflow
    if whole and walk.tokens <= room.target and len(walk.kept) <= room.messages:
        return _newest(walk)
    best = _best(walk, room, overlays, room.target)
    if best is not None:
        return best
    if whole:
        found = _newest(walk)
    else:
        found = _best(walk, room, overlays, room.budget) or _partial(path, walk, room, overlays)
    found.crowded = True
    found.short = not complete and not walk.overflow and found.overlay is None
    return found


def newest_that_fit(path: Sequence[Message], budget: int, count: Count) -> list[Message]:
    """The newest messages of `path` within `budget` tokens, oldest first.

    A tool call and its results stay together, and what is kept begins with words of a person if
    there are any in it: a model that reads an answer without its question is led astray. Answers
    that were cut off before their first word are left out.
    """
    room = Room(budget=budget, target=budget, count=count)
    return _newest(_walk(path, room, None)).messages


def groups_from_newest(path: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages that may not be separated: each alone, but tool results with their calls.

    Results whose calls are not there are left out: no provider takes them.
    """
    results: list[Message] = []
    for message in reversed(path):
        if message.role == "tool":
            results.append(message)
            continue
        if results and message.role == "assistant":
            yield [message, *_of_calls(message, results)]
        elif message.status == "complete" or message.text:
            yield [message]
        results = []


def _of_calls(message: Message, results: list[Message]) -> Iterator[Message]:
    """The results, which are newest first, that answer calls of `message`, oldest first."""
    called = {part.id for part in message.parts if isinstance(part, ToolCallPart)}
    for each in reversed(results):
        given = [part for part in each.parts if isinstance(part, ToolResultPart)]
        if all(part.call_id in called for part in given):
            yield each
        elif any(part.call_id in called for part in given):
            own = [part for part in given if part.call_id in called]
            yield each.model_copy(update={"parts": own})


def _everything(path: Sequence[Message], room: Room) -> Fit | None:
    """All of a path within the target; None where that takes a closer look."""
    if len(path) > room.messages or not all(_alone.each(path)):
        return None
    tokens = room.count(*path)
    return None if tokens > room.target else Fit(messages=_from_user(path), tokens=tokens)


def _walk(path: Sequence[Message], room: Room, overlays: Overlays | None) -> _Walk:
    walk, count = _Walk(), room.count
    known = overlays or None
    if known is not None and path and path[-1].id in known:
        walk.cuts.append((path[-1].id, 0, 0))
    kept, tokens = walk.kept, 0
    most = room.target if walk.cuts else room.budget
    for group in groups_from_newest(path):
        tokens += count(*group)
        if tokens > most:
            walk.overflow = True
            break
        walk.tokens = tokens
        kept += group[::-1]
        if known is not None and (before := group[0].parent_id) is not None and before in known:
            walk.cuts.append((before, len(kept), tokens))
            # Beyond the target a summary is wanted, and the one that leaves most has been found.
            most = room.target
    return walk


def _newest(walk: _Walk) -> Fit:
    return Fit(messages=_from_user(walk.kept[::-1]), tokens=walk.tokens)


def _from_user(messages: Sequence[Message]) -> list[Message]:
    """The first words of a person and all after them; all where nobody has said anything."""
    first = next((at for at, message in enumerate(messages) if message.role == "user"), 0)
    return list(messages[first:])


def _best(walk: _Walk, room: Room, overlays: Overlays | None, most: int) -> Fit | None:
    """The longest stretch of messages that fits together with a summary of all before it."""
    if overlays is None:
        return None
    for last, number, tokens in reversed(walk.cuts):
        overlay = overlays.up_to(last)
        if overlay is None:
            continue
        total = tokens + room.count(overlay.message)
        if total <= most and number <= room.messages:
            messages = [overlay.message, *reversed(walk.kept[:number])]
            return Fit(messages=messages, tokens=total, overlay=overlay)
    return None


def _partial(path: Sequence[Message], walk: _Walk, room: Room, overlays: Overlays | None) -> Fit:
    """The newest messages, after the newest summary of the path if it leaves room for them."""
    last = walk.cuts[0][0] if walk.cuts else _last_cut(path, overlays)
    whole = None if last is None or overlays is None else overlays.up_to(last)
    overlay = None if whole is None else whole.within(room.count, room.budget // 2)
    if overlay is None:
        return _newest(walk)
    size = room.count(overlay.message)
    rest = Room(budget=room.budget - size, target=room.target, count=room.count)
    after = next((at for at, each in enumerate(path) if each.id == last), -1)
    tail = _walk(path[after + 1 :], rest, None)
    messages = [overlay.message, *reversed(tail.kept)]
    return Fit(messages=messages, tokens=size + tail.tokens, overlay=overlay)


def _last_cut(path: Sequence[Message], overlays: Overlays | None) -> str | None:
    if not overlays:
        return None
    return next((each.id for each in reversed(path) if each.id in overlays), None)
