"""Damage in a SQLite file is found, within a time, and nothing is changed by looking."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from muxi.storage.integrity import damage

PAGE = 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of several hundred pages with an index, at work as muxi's own are."""
    path = tmp_path / "a file.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT NOT NULL)")
        made.execute("CREATE INDEX i ON t (word)")
        made.executemany("INSERT INTO t (word) VALUES (?)", _words())
        made.commit()
    return path


def _words() -> Iterator[tuple[str]]:
    return ((f"{number:0100}",) for number in range(5_000))


def test_an_intact_file_is_called_so_while_others_write_it(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("INSERT INTO t (word) VALUES ('not committed')")
        assert damage(file, seconds=60) == []


def test_damage_that_no_query_has_met_is_found(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // PAGE // 2 * PAGE)
        opened.write(b"\xaa" * PAGE)
    before = file.read_bytes()
    found = damage(file, seconds=60)
    assert found
    assert file.read_bytes() == before


def test_what_is_no_database_is_damage_too(tmp_path: Path) -> None:
    path = tmp_path / "muxi.db"
    path.write_bytes(b"something else" * 1000)
    assert damage(path, seconds=60) == ["file is not a database"]


def test_no_more_time_is_taken_than_given(file: Path) -> None:
    assert damage(file, seconds=0) is None
