"""One syntax for every place that a server can be named."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from muxi.core.errors import InvalidInput
from muxi.devkit.connect import command_of
from muxi.devkit.target import Target, parse_target, parse_tools


def target(text: str | list[str], folder: Path, **more: Any) -> Target:
    return parse_target(text, folder=folder, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_a_python_file_is_reached_in_every_way(folder: Path) -> None:
    found = target("server.py", folder)
    assert (found.file, found.attribute, found.folder) == (folder / "server.py", None, folder)
    assert found.transports == ("memory", "stdio", "http")
    assert target("server.py:app", folder).attribute == "app"


def test_a_python_file_runs_in_the_environment_of_its_project(folder: Path) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    found = target("server.py", folder)
    assert found.python == str(python)
    assert found.transports == ("stdio", "http")
    assert command_of(found)[0] == str(python)
    assert target("server.py", folder, python=sys.executable).python == sys.executable


def test_a_module_is_named_with_its_object(folder: Path) -> None:
    found = target("server:app", folder)
    assert (found.module, found.attribute, found.folder) == ("server", "app", folder)
    assert target("json:loads", folder).folder is None


def test_a_module_of_a_package_that_is_not_installed_is_found_in_src(folder: Path) -> None:
    (folder / "src" / "seeds").mkdir(parents=True)
    found = parse_target("seeds.app:server", folder=folder)
    assert (found.cwd, found.folder) == (folder / "src", folder)


def test_a_command_line_is_one_text_or_several_words(folder: Path) -> None:
    assert target("python3 -m http.server 'a b'", folder).command[1:] == (
        "-m",
        "http.server",
        "a b",
    )
    assert target(["python3", "x y"], folder).command[1:] == ("x y",)
    assert target(["python3", "x y"], folder).text == "python3 'x y'"
    assert target("python3 server.py", folder).transports == ("stdio",)


def test_a_url_is_reached_by_http_with_headers(folder: Path) -> None:
    found = target("https://example.org/mcp", folder, headers={"Authorization": "Bearer x"})
    assert (found.url, found.transports) == ("https://example.org/mcp", ("http",))
    assert "Bearer" not in repr(found)


@pytest.mark.parametrize("key", ["mcpServers", "servers"])
def test_an_entry_of_a_clients_file_is_chosen_by_name(
    folder: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "t")
    servers = {
        "one": {
            "command": "python3",
            "args": ["a.py"],
            "env": {"KEY": "${env:TOKEN}", "B": "${B:-b}"},
        },
        "two": {"url": "https://example.org", "headers": {"X": "${TOKEN}"}},
    }
    (folder / "mcp.json").write_text(json.dumps({key: servers}))
    one, two = target("mcp.json#one", folder), target("mcp.json#two", folder)
    assert (one.command[1:], dict(one.env)) == (("a.py",), {"KEY": "t", "B": "b"})
    assert (two.url, dict(two.headers)) == ("https://example.org", {"X": "t"})
    with pytest.raises(InvalidInput, match="several servers") as caught:
        target("mcp.json", folder)
    assert "mcp.json#one, mcp.json#two" in str(caught.value.hint)


def test_a_server_json_names_the_command_that_runs_its_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    for runner in ("uvx", "npx"):
        (folder / runner).touch(mode=0o755)
    package = {
        "registryType": "pypi",
        "identifier": "sums",
        "version": "1.0.0",
        "packageArguments": [
            {"type": "named", "name": "--port", "value": "1"},
            {"type": "positional", "valueHint": "path", "default": "here"},
        ],
        "environmentVariables": [{"name": "SUMS_KEY", "isRequired": True}],
    }
    node = {"registryType": "npm", "identifier": "@x/sums", "version": "2.0.0"}
    remote = {"type": "streamable-http", "url": "https://example.org/mcp"}
    document = {"name": "a/b", "packages": [package, node], "remotes": [remote]}
    (folder / "server.json").write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match="SUMS_KEY has no value"):
        target("server.json", folder)
    monkeypatch.setenv("SUMS_KEY", "k")
    found = target("server.json", folder)
    assert found.command == ("uvx", "sums==1.0.0", "--port", "1", "here")
    assert (dict(found.env), found.manifest) == ({"SUMS_KEY": "k"}, folder / "server.json")
    assert target("server.json#npm", folder).command == ("npx", "-y", "@x/sums@2.0.0")
    assert target("server.json#streamable-http", folder).url == "https://example.org/mcp"


def test_a_folder_is_the_server_that_its_cases_test(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no server"):
        target(".", folder)
    (folder / "tests.yaml").write_text("server: server.py:app\nenv: {A: a, B: b}\n")
    found = target(".", folder, env={"B": "mine"})
    assert dict(found.env) == {"A": "a", "B": "mine"}
    assert (found.text, found.file, found.folder) == (".", folder / "server.py", folder)


@pytest.mark.parametrize(
    "text", ["", "nothing.py", "nothing.json", "no-such-program-at-all", "'unclosed", "broken.json"]
)
def test_what_names_nothing_is_refused(folder: Path, text: str) -> None:
    (folder / "broken.json").write_text("[")
    with pytest.raises(InvalidInput):
        target(text, folder)


def test_tools_are_a_file_or_a_module(folder: Path) -> None:
    assert parse_tools("server.py", folder=folder).transports == ("memory",)
    with pytest.raises(InvalidInput, match="no Python file"):
        parse_tools("https://example.org", folder=folder)
