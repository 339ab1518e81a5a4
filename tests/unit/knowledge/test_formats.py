"""What a file is, before anything reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from muxi.core.errors import DocumentUnreadable
from muxi.knowledge.blocks import Block
from muxi.knowledge.fingerprint import fingerprint
from muxi.knowledge.formats import format_of


def test_a_file_of_two_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(DocumentUnreadable, match="2,147 MB, more than the 100 MB"):
        fingerprint(path, most=100 << 20)


def test_a_pipe_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    os.mkfifo(path)
    with pytest.raises(DocumentUnreadable, match="not a file"):
        fingerprint(path, most=100)


@pytest.mark.parametrize(
    ("name", "head", "media_type", "reader"),
    [
        ("a", b"%PDF-1.4", None, "pdf"),
        ("a.txt", b"%PDF-1.4", None, "pdf"),
        ("page", b"<!DOCTYPE html><p>", None, "html"),
        ("page", b"x", "text/html; charset=utf-8", "html"),
        ("a.md", b"# x", "text/plain", "markdown"),
        ("Makefile", b"all:", None, "code"),
        ("LICENSE", b"Apache", None, "text"),
        ("a.bin", b"\x7fELF\0\0", None, None),
        ("a.zip", b"PK\x03\x04", None, None),
        ("a.doc", b"\xd0\xcf\x11\xe0", None, None),
    ],
)
def test_the_format_is_told_by_name_server_or_first_bytes(
    name: str, head: bytes, media_type: str | None, reader: str | None
) -> None:
    found = format_of(name, head, media_type)
    assert (found.reader if found else None) == reader


def test_blocks_travel_whole() -> None:
    import msgspec

    block = Block("row", "a | b", page=2, first_line=3, header="x | y")
    data = msgspec.json.encode(block)
    assert msgspec.json.decode(data, type=Block) == block
