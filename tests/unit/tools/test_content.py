"""What a tool returns, as parts that a model can read."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from muxi.core.errors import ToolFailed
from muxi.core.messages import FilePart, ImagePart, TextPart
from muxi.tools.content import cut, to_content


class Answer(BaseModel):
    n: int


@dataclass
class Pair:
    a: int
    b: str


def only_text(value: Any, max_bytes: int = 1_000) -> str:
    (part,) = to_content("t", value, max_bytes=max_bytes)
    assert isinstance(part, TextPart)
    return part.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("word", "word"),
        ("", ""),
        (None, "null"),
        (3, "3"),
        (True, "true"),
        (2.5, "2.5"),
        (math.inf, '"Infinity"'),
        ([1, "a"], '[1,"a"]'),
        ([], "[]"),
        ({"a": [None]}, '{"a":[null]}'),
        ({1: 2}, '{"1":2}'),
        ((1, 2), "[1,2]"),
        (Answer(n=1), '{"n":1}'),
        (Pair(1, "x"), '{"a":1,"b":"x"}'),
        ([Answer(n=1)], '[{"n":1}]'),
        (date(2025, 1, 2), '"2025-01-02"'),
        (Decimal("1.10"), '"1.10"'),
        ("a\ud800", "a\ufffd"),
    ],
)
def test_values_become_text(value: Any, expected: str):
    assert only_text(value) == expected


def test_parts_pass_through_and_mix_with_text():
    image = ImagePart(media_type="image/png", data=b"x")
    assert to_content("t", image, max_bytes=10) == [image]
    assert to_content("t", ["see", image, {"a": 1}], max_bytes=100) == [
        TextPart(text="see"),
        image,
        TextPart(text='{"a":1}'),
    ]


@pytest.mark.parametrize(
    ("data", "media_type", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png", ImagePart),
        (b"\xff\xd8\xff...", "image/jpeg", ImagePart),
        (b"RIFF....WEBP", "image/webp", ImagePart),
        (b"%PDF-1.7", "application/pdf", FilePart),
        (b"\x00\x01", "application/octet-stream", FilePart),
    ],
)
def test_bytes_become_media_by_their_first_bytes(data: bytes, media_type: str, kind: type):
    (part,) = to_content("t", data, max_bytes=10)
    assert isinstance(part, kind)
    assert (part.media_type, part.data) == (media_type, data)


def endless() -> Iterator[int]:
    while True:
        yield 1


class Opaque:
    pass


circular: list[Any] = []
circular.append(circular)


@pytest.mark.parametrize(
    "value",
    [
        Opaque(),
        {"a": Opaque()},
        endless(),
        circular,
        lambda: 1,
        [TextPart(text="x"), Opaque()],
    ],
    ids=["object", "nested", "endless", "circular", "function", "mixed"],
)
def test_what_is_neither_text_nor_json_is_refused_in_words(value: Any):
    with pytest.raises(ToolFailed, match="neither text nor JSON"):
        to_content("t", value, max_bytes=100)


def test_a_long_text_is_cut_at_a_character_with_a_notice():
    text = cut("äöü€😀" * 100, 11)
    shown, notice = text.split("\n")
    assert shown == "äöü€"
    assert notice == "[Cut: the result has 500 characters, of which the first 4 are shown.]"


@pytest.mark.parametrize("text", ["", "abc", "äöü", "😀😀"])
def test_a_text_that_fits_exactly_is_left_alone(text: str):
    assert cut(text, len(text.encode())) == text


def test_fifty_megabytes_are_cut_without_being_read():
    huge = "😀" * 12_500_000
    started = time.process_time()
    text = only_text(huge, max_bytes=1_000_000)
    assert time.process_time() - started < 0.25
    assert len(text.encode()) < 1_000_200


def test_the_texts_of_several_parts_share_one_limit():
    image = ImagePart(media_type="image/png", data=b"x")
    first, second, third = to_content(
        "t", [TextPart(text="a" * 8), image, TextPart(text="b" * 8)], max_bytes=10
    )
    assert first == TextPart(text="a" * 8)
    assert second == image
    assert isinstance(third, TextPart)
    assert third.text.startswith("bb\n[Cut")
