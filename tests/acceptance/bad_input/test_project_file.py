"""A project file that is wrong: all mistakes at once, each with its line, and nothing is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from muxi.cli.commands import run
from tests.support.hostile import KEY

MALFORMED = {
    "unclosed": "agents: [1, 2",
    "tab": "\tagents: {}",
    "quote": 'model: "open',
    "list": "- a\n- b\n",
    "text": "just words",
    "two documents": "model: a\n---\nmodel: b\n",
    "tag": 'model: !!python/object/apply:os.system ["true"]\n',
    "endless alias": "agents: &a [*a]\n",
    "twice": "model: a\nmodel: b\n",
    "deep": "agents: " + "[" * 10_000,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path


def _refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["run", "-p", str(folder), "hello"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "error: " in captured.err
    assert "hint: " in captured.err
    assert "Traceback" not in captured.err
    assert KEY not in captured.err
    return captured.err


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_project_is_told_with_its_place(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "muxi.yaml").write_text(text)
    assert "muxi.yaml:" in _refused(folder, capsys)
    assert not (folder / ".muxi").exists()


def test_bytes_that_are_no_text_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "muxi.yaml").write_bytes(b"model: \xff\n")
    assert "is not UTF-8 text" in _refused(folder, capsys)


def test_a_file_that_is_no_file_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "muxi.yaml").symlink_to(folder / "gone.yaml")
    assert "no such file" in _refused(folder, capsys)
    (folder / "muxi.yaml").unlink()
    (folder / "muxi.yaml").mkdir()
    assert "is a directory" in _refused(folder, capsys)


def test_all_mistakes_are_told_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "muxi.yaml").write_text(
        f"""\
model: 5
agnets: {{}}
agents:
  a:
    tools: [calculater]
    limits: {{turns: -1, cost: lots}}
  "b c": {{}}
models:
  m: {{model: openai/x, base_url: "ftp://x", kay: {KEY}}}
server: {{port: many}}
storage: no
"""
    )
    told = _refused(folder, capsys)
    for place in ("1:8", "2:1", "5:13", "6:21", "6:31", "7:3", "9:34", "9:45", "10:16", "11:10"):
        assert f"muxi.yaml:{place}: " in told, place
    assert "did you mean `agents`?" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: openai/gpt-4o\n", "OPENAI_API_KEY"),
        ("model: m\nmodels: {m: {model: openai/x, key: '${NOT_SET}'}}\n", "NOT_SET"),
        ("model: m\nmodels: {m: {model: openai/x, key: 'secret://nope'}}\n", "nope"),
        ("model: nowhere/x\n", "nowhere/x"),
        ("storage: {url: 'mongodb://x'}\n", "mongodb"),
    ],
)
def test_a_missing_key_or_an_unknown_model_is_told_before_anything_is_asked(
    text: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "muxi.yaml").write_text(text)
    assert words in _refused(folder, capsys)
