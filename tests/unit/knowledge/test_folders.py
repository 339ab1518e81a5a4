"""A folder gives the documents in it, and nothing that is hidden, left out or led to by a link."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from muxi.knowledge.folders import Ignored, documents


def _make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def _names(folder: Path, *ignore: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in documents(folder, ignore)]


def test_known_formats_are_found_in_all_folders(tmp_path: Path) -> None:
    _make(tmp_path, "b.md", "a/c.py", "a/x.bin", "d.unknown", "e.PDF")
    assert _names(tmp_path) == ["b.md", "e.PDF", "a/c.py"]


def test_hidden_and_generated_files_are_left_out(tmp_path: Path) -> None:
    _make(tmp_path, ".git/a.md", ".env.txt", "node_modules/a.js", "~$x.docx", "a.min.js", "ok.md")
    assert _names(tmp_path) == ["ok.md"]


def test_patterns_leave_out_files_and_folders(tmp_path: Path) -> None:
    _make(tmp_path, "a.md", "a.log", "drafts/b.md", "old/x/c.md", "old/keep.md")
    assert _names(tmp_path, "*.log", "drafts/", "old/x/*") == ["a.md", "old/keep.md"]


def test_a_file_in_the_folder_may_hold_patterns(tmp_path: Path) -> None:
    _make(tmp_path, "a.md", "b.md")
    (tmp_path / ".muxiignore").write_text("# not yet\nb.*\n")
    assert _names(tmp_path) == ["a.md"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    _make(outside, "secret.md")
    inside = tmp_path / "inside"
    _make(inside, "a.md")
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "b.md").symlink_to(outside / "secret.md")
    assert _names(inside) == ["a.md"]


@pytest.mark.parametrize(
    ("patterns", "path", "left_out"),
    [
        (["*.log"], "a/b.log", True),
        (["*.log", "!keep.log"], "a/keep.log", False),
        (["/a/*.md"], "a/x.md", True),
        (["docs/"], "docs", False),
    ],
)
def test_the_last_pattern_that_fits_decides(
    patterns: list[str], path: str, *, left_out: bool
) -> None:
    assert Ignored.of(patterns).matches(PurePosixPath(path)) is left_out
