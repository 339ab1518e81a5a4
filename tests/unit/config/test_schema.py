"""The published schema of the project file, and the file that `muxi init` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from muxi.config.load import load_project
from muxi.config.schema import keys_at, project_schema, schema_text
from muxi.config.starter import STARTER, write_starter
from muxi.core.errors import Conflict

PUBLISHED = Path(__file__).parents[3] / "docs/reference/muxi.schema.json"


def valid(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(project_schema())
    return validator.is_valid(yaml.safe_load(text))


def test_the_published_schema_is_fresh():
    assert PUBLISHED.read_text("utf-8") == schema_text(), (
        "run `python -m muxi.config.schema > docs/reference/muxi.schema.json`"
    )


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(project_schema())


def test_every_key_is_described():
    bare: list[str] = []

    def walk(schema: Any, path: str) -> None:
        for name, child in schema.get("properties", {}).items():
            if "description" not in child and path != "#.tools":
                bare.append(f"{path}.{name}")

    walk(project_schema(), "#")
    for name, definition in project_schema()["$defs"].items():
        walk(definition, name)
    assert bare == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "agents: {a: {tools: [clock]}, b: null}",
        "models: {a: openai/x, b: {model: openai/y, key: secret://K}}",
        "tools: {t: 'a:b', clock: null, web_search: {engine: open}, u: {function: 'a.py:b'}}",
        "tools: {tokyo: {kind: clock, zone: Asia/Tokyo}, t: {options: {a: 1}, secrets: {k: x}}}",
        "tools: {t@1.4.0: 'a:b', t@2.0.0-rc.1: {function: 'a.py:b'}, clock@2.0.0: 'c.py:clock'}",
        "server: {port: '${PORT:-5050}'}",
        STARTER,
    ],
)
def test_the_schema_admits_what_the_loader_admits(text: str, tmp_path: Path):
    assert valid(text)
    file = tmp_path / "muxi.yaml"
    file.write_text(text)
    load_project(file, environment={})


@pytest.mark.parametrize(
    "text",
    [
        "nmae: x",
        "agents: {a: {toolz: []}}",
        "agents: {a: {name: a}}",
        "agents: {a: {limits: {cots: 1}}}",
        "models: {a: {key: x}}",
        "tools: {clock: {function: 'a:b'}}",
        "tools: {t: {kind: clock, function: 'a:b'}}",
        "tools: {t: {zone: Asia/Tokyo}}",
        "tools: {t@1: 'a:b'}",
        "server: {port: many}",
        "server: {host: ''}",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str):
    assert not valid(text)


def test_the_keys_of_a_place_are_found():
    assert "instructions" in keys_at(("agents", "anything"))
    assert "name" not in keys_at(("agents", "anything"))
    assert "turns" in keys_at(("agents", "anything", "limits"))
    assert keys_at(("tools", "clock", "clock")) == ["kind", "zone"]
    assert keys_at(("tools", "watch", "clock")) == ["kind", "zone"]
    assert "function" in keys_at(("tools", "mine", "python"))
    assert "temperature" in keys_at(("models", "m", "settings"))


def test_the_starter_is_valid_names_its_schema_and_is_small(tmp_path: Path):
    file = write_starter(tmp_path)
    first = file.read_text("utf-8").splitlines()[0]
    schema = tmp_path / first.removeprefix("# yaml-language-server: $schema=")
    assert schema.read_text("utf-8") == schema_text()
    assert len(STARTER.splitlines()) < 40
    project = load_project(tmp_path, environment={})
    assert project.agents["assistant"].tools == ["calculator", "clock", "web_fetch", "web_search"]


def test_the_commented_parts_of_the_starter_are_valid_too(tmp_path: Path):
    text = re.sub(r"^# (?=\s*\w+:(\s|$))", "", STARTER, flags=re.MULTILINE)
    file = tmp_path / "muxi.yaml"
    file.write_text(text)
    project = load_project(file, environment={"OPENAI_API_KEY": "x"})
    assert list(project.tools) == ["forecast"]
    assert project.models["fast"].fallback == ["embedded"]
    assert project.server.port == 5050


def test_the_starter_overwrites_nothing(tmp_path: Path):
    (tmp_path / "muxi.yaml").write_text("name: mine\n")
    with pytest.raises(Conflict, match="exists already"):
        write_starter(tmp_path)
    assert (tmp_path / "muxi.yaml").read_text() == "name: mine\n"
