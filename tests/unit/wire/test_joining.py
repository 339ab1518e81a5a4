"""Deltas that came in one read are told as one, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi.core.errors import ModelConnectionError
from muxi.core.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
)
from muxi.core.usage import Usage
from muxi.wire.joining import joined

_index = st.integers(0, 2)
_piece = st.text(max_size=3)
_events = st.lists(
    st.one_of(
        st.builds(TextDelta, index=_index, text=_piece),
        st.builds(ReasoningDelta, index=_index, text=_piece),
        st.builds(ToolCallDelta, index=_index, call_id=st.sampled_from("ab"), text=_piece),
        st.builds(
            ResponseCompleted,
            parts=st.just([]),
            usage=st.just(Usage()),
            stop_reason=st.just("stop"),
            model=st.just("m"),
        ),
    ),
    max_size=20,
)


def _part(event: ModelEvent) -> object:
    if isinstance(event, ToolCallDelta):
        return event.type, event.call_id
    if isinstance(event, TextDelta | ReasoningDelta):
        return event.type, event.index
    return id(event)


@given(_events)
def test_each_part_says_the_same_in_the_same_order(events: list[ModelEvent]) -> None:
    wanted = [
        (part, "".join(getattr(event, "text", "") for event in group))
        for part, group in groupby(list(events), key=_part)
    ]
    found = [(_part(event), getattr(event, "text", "")) for event in joined(iter(events))]
    assert found == wanted


def test_what_came_before_a_failure_is_told_before_it_is_raised() -> None:
    def cut() -> Iterator[ModelEvent]:
        yield TextDelta(text="Hel")
        yield TextDelta(text="lo")
        raise ModelConnectionError("cut")

    seen: list[str] = []
    with pytest.raises(ModelConnectionError):
        seen.extend(event.text for event in joined(cut()) if isinstance(event, TextDelta))
    assert seen == ["Hello"]
