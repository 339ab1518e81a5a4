"""Changing one value of a muxi.yaml, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from muxi.config.edit import add_entry, set_value
from muxi.config.load import load_project
from muxi.config.starter import STARTER, write_starter
from muxi.core.errors import ConfigError, Conflict


def changed(tmp_path: Path, before: str, place: tuple[str | int, ...], value: str | int) -> str:
    file = tmp_path / "muxi.yaml"
    file.write_bytes(before.encode())
    set_value(file, place, value)
    return file.read_bytes().decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model: old\n", "model: new/x\n"),
        ("model: old", "model: new/x"),
        ('model:   "old"   # why\nname: a\n', "model:   new/x   # why\nname: a\n"),
        ("name: ä😀\nmodel: old # c\n", "name: ä😀\nmodel: new/x # c\n"),
        ("# top\nname: a\n", "# top\nname: a\nmodel: new/x\n"),
        ("name: a", "name: a\nmodel: new/x\n"),
        ("name: a\r\nmodel: old\r\n", "name: a\r\nmodel: new/x\r\n"),
        ("name: a\r\n", "name: a\r\nmodel: new/x\r\n"),
        ("model:\nname: a\n", "model: new/x\nname: a\n"),
        ("model: # later\n", "model: new/x # later\n"),
        ("", "model: new/x\n"),
        ("# only words\n", "# only words\nmodel: new/x\n"),
        ("{model: old, name: a}\n", "{model: new/x, name: a}\n"),
        ("\ufeffmodel: old\n", "\ufeffmodel: new/x\n"),
    ],
)
def test_one_value_is_changed_and_every_other_character_stays(
    tmp_path: Path, before: str, after: str
):
    assert changed(tmp_path, before, ("model",), "new/x") == after


def test_the_starter_can_be_changed(tmp_path: Path):
    file = write_starter(tmp_path)
    set_value(file, ("model",), "anthropic/claude-x")
    assert load_project(file, environment={}).model == "anthropic/claude-x"
    text = file.read_text("utf-8")
    assert text == STARTER.replace("model: embedded\n", "model: anthropic/claude-x\n", 1)


def test_a_nested_value_can_be_changed(tmp_path: Path):
    before = "agents:\n  a:\n    model: x/y  # mine\n    tools: [clock]\n"
    after = changed(tmp_path, before, ("agents", "a", "model"), "x/z")
    assert after == before.replace("x/y", "x/z")
    assert changed(tmp_path, before, ("agents", "a", "tools", 0), "calculator").endswith(
        "[calculator]\n"
    )


@pytest.mark.parametrize("value", ["true", "5", "null", "a: b", "a #b", "'", "- x", "ä", " x ", ""])
def test_text_that_looks_like_something_else_is_quoted(tmp_path: Path, value: str):
    file = tmp_path / "muxi.yaml"
    file.write_text("agents: {a: {description: x}}\n")
    set_value(file, ("agents", "a", "description"), value)
    assert load_project(file, environment={}).agents["a"].description == value


@pytest.mark.parametrize(
    ("before", "place"),
    [
        ("model: |\n  old\n", ("model",)),
        ("model: [a]\n", ("model",)),
        ("name: a\n", ("agents", "a", "model")),
        ("{name: a}\n", ("model",)),
        ("a: &x old\nmodel: *x\n", ("model",)),
    ],
)
def test_what_a_program_cannot_change_safely_is_left_to_people(
    tmp_path: Path, before: str, place: tuple[str, ...]
):
    with pytest.raises(ConfigError, match="by hand"):
        changed(tmp_path, before, place, "new/x")
    assert (tmp_path / "muxi.yaml").read_text() == before


def test_a_broken_file_is_not_touched(tmp_path: Path):
    with pytest.raises(ConfigError, match="no YAML"):
        changed(tmp_path, "model: [", ("model",), "x/y")
    assert (tmp_path / "muxi.yaml").read_text() == "model: ["


def test_the_permissions_of_the_file_stay(tmp_path: Path):
    file = tmp_path / "muxi.yaml"
    file.write_text("model: old\n")
    file.chmod(0o600)
    set_value(file, ("model",), "x/y")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["muxi.yaml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "tools:\n  b: b.py:b\n"),
        ("name: x", "name: x\ntools:\n  b: b.py:b\n"),
        ("tools:\n  a: a.py:a\n", "tools:\n  a: a.py:a\n  b: b.py:b\n"),
        ("tools:\n    a: a.py:a # why", "tools:\n    a: a.py:a # why\n    b: b.py:b\n"),
        ("tools:\nname: x\n", "tools:\n  b: b.py:b\nname: x\n"),
        ("tools: # mine\nname: x\n", "tools: # mine\n  b: b.py:b\nname: x\n"),
        (
            "tools:\n  clock:\n    zone: Europe/Paris\n\n# Models.\nmodel: m\n",
            "tools:\n  clock:\n    zone: Europe/Paris\n  b: b.py:b\n\n# Models.\nmodel: m\n",
        ),
        ("tools:\r\n  a: a.py:a\r\n", "tools:\r\n  a: a.py:a\r\n  b: b.py:b\r\n"),
        ("\ufeffname: x\n", "\ufeffname: x\ntools:\n  b: b.py:b\n"),
    ],
)
def test_an_entry_is_added_at_the_end_of_its_section(
    tmp_path: Path, before: str, after: str
) -> None:
    file = tmp_path / "muxi.yaml"
    file.write_bytes(before.encode())
    add_entry(file, "tools", "b", "b.py:b")
    assert file.read_bytes().decode() == after


def test_an_entry_of_several_lines_comes_after_a_block_of_text(tmp_path: Path) -> None:
    file = tmp_path / "muxi.yaml"
    file.write_text("agents:\n  a:\n    instructions: |\n      One.\n\n      Two.\nname: x\n")
    add_entry(file, "agents", "b", "description: B\ninstructions: |\n  Three.\n")
    project = load_project(file)
    assert project.agents["a"].instructions == "One.\n\nTwo.\n"
    assert project.agents["b"].instructions == "Three.\n"
    assert project.name == "x"


@pytest.mark.parametrize("before", ["tools: {a: a.py:a}\n", "{name: x}\n", "tools: 3\n"])
def test_an_entry_that_cannot_be_added_safely_is_left_to_people(
    tmp_path: Path, before: str
) -> None:
    file = tmp_path / "muxi.yaml"
    file.write_text(before)
    with pytest.raises(ConfigError, match="by hand"):
        add_entry(file, "tools", "b", "b.py:b")
    assert file.read_text() == before


def test_an_entry_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "muxi.yaml"
    file.write_text("tools:\n  b: old.py:b\n")
    with pytest.raises(Conflict, match=r"tools\.b"):
        add_entry(file, "tools", "b", "b.py:b")
