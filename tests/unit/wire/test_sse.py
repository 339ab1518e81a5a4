"""Server-sent events read the same however their bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi.core.errors import ModelProtocolError
from muxi.wire import sse
from muxi.wire.sse import SseEvent, SseReader, encode_sse

STREAM = (
    '\ufeff: comment\r\nevent: a\r\ndata: {"x":"é😀"}\r\ndata: two\r\n\r\n'
    "data\n\nid: 5\rdata:z\r\revent: ignored\n\nretry: 10\ndata:  spaced\n\n"
).encode()
EVENTS = [
    SseEvent("a", '{"x":"é😀"}\ntwo'.encode()),
    SseEvent("message", b""),
    SseEvent("message", b"z", "5"),
    SseEvent("message", b" spaced", "5"),
]


def read(chunks: list[bytes]) -> list[SseEvent]:
    reader = SseReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_all_forms_of_lines_and_fields_are_read() -> None:
    assert read([STREAM]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(edges)]
    assert read(chunks) == EVENTS


def test_an_event_that_was_not_ended_is_not_given_out() -> None:
    assert read([b"data: half"]) == []


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    with pytest.raises(ModelProtocolError, match="larger"):
        read([b"data: " + b"x" * 60, b"y" * 60])


def test_what_is_written_is_read_again() -> None:
    frame = encode_sse("text.delta", '{"text":"hi"}', id=12)
    assert read([frame]) == [SseEvent("text.delta", b'{"text":"hi"}', "12")]
