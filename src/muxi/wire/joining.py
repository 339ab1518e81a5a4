"""Deltas of one part that arrived together, as one delta. Called by `models.endpoint`.

A provider that is faster than its reader, or a network that gathers packets, delivers many pieces
in one read. Each piece would cost a place in the thread's stream, a frame for every reader and a
turn through every layer above; told together they say the same at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from muxi.core.errors import ModelError
from muxi.core.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta

_Delta = TextDelta | ReasoningDelta | ToolCallDelta


def joined(events: Iterable[ModelEvent]) -> Iterator[ModelEvent]:
    """`events` of one read, with neighbouring deltas of the same part put together.

    Everything that came before a failure is given before it is raised.
    """
    held: _Delta | None = None
    texts: list[str] = []
    try:
        for event in events:
            if isinstance(event, _Delta):
                if held is not None and _same_part(held, event):
                    texts.append(event.text)
                    continue
                if held is not None:
                    yield _whole(held, texts)
                held, texts = event, [event.text]
            else:
                if held is not None:
                    yield _whole(held, texts)
                    held = None
                yield event
    except ModelError:
        if held is not None:
            yield _whole(held, texts)
        raise
    if held is not None:
        yield _whole(held, texts)


def _same_part(one: _Delta, other: _Delta) -> bool:
    if isinstance(one, ToolCallDelta):
        return isinstance(other, ToolCallDelta) and one.call_id == other.call_id
    return type(one) is type(other) and one.index == other.index


def _whole(delta: _Delta, texts: list[str]) -> _Delta:
    if len(texts) > 1:
        delta.text = "".join(texts)
    return delta
