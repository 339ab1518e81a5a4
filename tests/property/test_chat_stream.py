"""However the bytes of an answer are cut, the same events come of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.core.events import ModelEvent
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.sse import SseReader

ENDS = (b"\n", b"\r\n", b"\r")


def stream(chunks: Iterable[Any], end: bytes) -> bytes:
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}".encode() for chunk in chunks]
    return b"".join(line + end + end for line in [b": ping", *lines, b"data: [DONE]"])


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "r", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(text: str, **more: Any) -> dict[str, Any]:
    return chunk(
        tool_calls=[{"index": 0, "function": {"arguments": text, **more.pop("f", {})}, **more}]
    )


def decode(pieces: Iterable[bytes]) -> list[ModelEvent]:
    reader = SseReader()
    decoder = ChatDecoder(provider="p", model="m", quirks=Quirks())
    return [
        event for piece in pieces for each in reader.feed(piece) for event in decoder.feed(each)
    ]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(marks)]


TEXTS = st.lists(st.text(max_size=12), max_size=6)


@settings(deadline=None, max_examples=150)
@given(
    texts=TEXTS,
    thoughts=TEXTS,
    end=st.sampled_from(ENDS),
    places=st.lists(st.integers(min_value=0, max_value=5000), max_size=40),
)
def test_any_cutting_of_the_bytes_gives_the_same_events(
    texts: list[str], thoughts: list[str], end: bytes, places: list[int]
):
    chunks = [
        *(chunk(reasoning_content=text) for text in thoughts),
        *(chunk(content=text) for text in texts),
        call('{"emoji": "', id="c1", f={"name": "paint"}),
        call('😀"}'),
        chunk("tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    ]
    data = stream(chunks, end)
    whole = decode([data])
    assert decode(cut(data, places)) == whole
    assert decode(data[i : i + 1] for i in range(len(data))) == whole
    assert stream(chunks, b"\n") == data or decode([stream(chunks, b"\n")]) == whole
    done = whole[-1]
    assert done.type == "response.completed"
    assert "".join(texts) == "".join(part.text for part in done.parts if part.type == "text")
