"""However a network cuts a valid stream into pieces, the same events come out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muxi.wire.anthropic.answer import MessagesDecoder
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.decoder import Decoder
from muxi.wire.gemini.answer import GeminiDecoder
from muxi.wire.responses.answer import ResponsesDecoder
from muxi.wire.sse import SseReader

from .composed import CASES
from .composed.case import Case

DECODERS: dict[str, Callable[[], Decoder]] = {
    "chat_completions": lambda: ChatDecoder(provider="p", model="m", quirks=Quirks()),
    "responses": lambda: ResponsesDecoder(provider="p", model="m"),
    "anthropic": lambda: MessagesDecoder(provider="p", model="m"),
    "gemini": lambda: GeminiDecoder(provider="p", model="m"),
}
SMALL = 20_000
STREAMS = [
    (format_, case)
    for format_, cases in CASES.items()
    for case in cases
    if case.error is None and len(case.stream) < SMALL
]


def read(format_: str, pieces: list[bytes]) -> list[Any]:
    reader, decoder = SseReader(), DECODERS[format_]()
    out: list[Any] = []
    for piece in pieces:
        for event in reader.feed(piece):
            if not decoder.done:
                out.extend(decoder.feed(event))
    if not decoder.done:
        out.extend(decoder.end())
    return out


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STREAMS), st.lists(st.integers(0, SMALL), max_size=40))
def test_any_cutting_of_any_valid_stream_gives_the_same_events(
    stream: tuple[str, Case], places: list[int]
) -> None:
    format_, case = stream
    assert read(format_, cut(case.stream, places)) == read(format_, [case.stream])


@pytest.mark.parametrize("format_", CASES)
def test_a_stream_cut_once_at_every_place_gives_the_same_events(format_: str) -> None:
    case = next(case for case in CASES[format_] if case.name == "text")
    whole = read(format_, [case.stream])
    for place in range(len(case.stream)):
        assert read(format_, [case.stream[:place], case.stream[place:]]) == whole
