"""MCP servers in a project: short forms, mistakes, names, and the files of other clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muxi.config.load import load_project
from muxi.config.mcp_files import declared_in
from muxi.config.mcp_settings import remote_tools
from muxi.config.project import Project
from muxi.core.errors import ConfigError


def read(folder: Path, text: str, **environment: str) -> Project:
    file = folder / "muxi.yaml"
    file.write_text(text)
    return load_project(file, environment=environment)


def test_a_text_stands_for_a_command_or_an_address(tmp_path: Path):
    servers = read(
        tmp_path,
        "mcp: {servers: {time: 'uvx mcp-server-time --zone \"Asia/Tokyo X\"', docs: https://a/mcp}}",
    ).mcp.servers
    assert servers["time"].command == ["uvx", "mcp-server-time", "--zone", "Asia/Tokyo X"]
    assert servers["docs"].url == "https://a/mcp"


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("{}", "a server needs either `command` or `url`"),
        ("{command: a, url: 'https://b'}", "a server needs either `command` or `url`"),
        ("{url: 'https://b', env: {A: b}}", "a remote server has no `env`"),
        ("{command: a, headers: {A: b}}", "a local server has no `headers`"),
        ("{command: []}", "mcp.servers.s.command"),
        ("{url: 'ftp://b'}", "an address that begins with http"),
        ("{command: a, permissions: {files: {x: run}}}", "expected 'read' or 'write'"),
        ("{command: a, protocol: '2024'}", "expected 'auto'"),
        ("{command: a, env: {'A B': c}}", "mcp.servers.s.env.A B"),
        ("{comand: a}", "did you mean `command`"),
    ],
)
def test_a_mistake_in_a_server_is_told_with_its_place(tmp_path: Path, server: str, words: str):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"mcp: {{servers: {{s: {server}}}}}")
    assert words in caught.value.message
    assert "muxi.yaml:1:" in caught.value.message


def test_secrets_of_a_server_are_references_that_show_nothing(tmp_path: Path):
    server = "{command: a, env: {A: secret://KEY, B: '${TOKEN}', C: plain}}"
    project = read(tmp_path, f"mcp: {{servers: {{s: {server}}}}}", TOKEN="hush")
    env = project.mcp.servers["s"].env
    assert env["A"].name == "KEY"
    assert env["B"].reveal() == "hush"
    assert "hush" not in repr(project)
    assert "plain" not in repr(env)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("mcp.time", ("time", "*")),
        ("mcp.*", ("*", "*")),
        ("mcp.time.get_*", ("time", "get_*")),
        ("mcp.time.a.b", ("time", "a.b")),
        ("time__now", ("time", "now")),
        ("other__now", None),
        ("time__", None),
        ("mcp", None),
        ("clock", None),
    ],
)
def test_names_of_tools_lead_to_servers(name: str, meaning: tuple[str, str] | None):
    assert remote_tools(name, ["time"]) == meaning


def test_an_agent_may_name_only_servers_that_there_are(tmp_path: Path):
    agents = "agents: {a: {tools: [mcp.time, 'mcp.t*.get', mcp.tame, time__now], approve: [mcp.x]}}"
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"{agents}\nmcp: {{servers: {{time: a}}}}")
    told = caught.value.message
    assert "agents.a.tools[2]: there is no MCP server `tame`; did you mean `time`?" in told
    assert "agents.a.approve[0]" in told
    assert "2 mistakes" in told


ENTRY: dict[str, Any] = {"command": "npx", "args": ["-y", "x"], "env": {"K": "v"}}
FORMS: dict[str, dict[str, Any]] = {
    "claude": {"mcpServers": {"s": ENTRY}},
    "vscode": {"servers": {"s": {"type": "stdio", **ENTRY}}},
    "settings": {"mcp": {"servers": {"s": ENTRY}}},
    "zed": {"context_servers": {"s": {"command": {**ENTRY, "command": None, "path": "npx"}}}},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_files_of_other_clients_are_understood(tmp_path: Path, form: str):
    (tmp_path / "mcp.json").write_text(json.dumps(FORMS[form]))
    server = read(tmp_path, "mcp: {imports: [mcp.json]}").mcp.servers["s"]
    assert server.command == ["npx", "-y", "x"]
    assert server.env["K"].reveal() == "v"


def test_comments_variables_and_foreign_names_are_taken_over(tmp_path: Path):
    (tmp_path / "mcp.json").write_text(
        """{ // of Cursor
        "mcpServers": {
            "my server!": {"command": "run", "args": ["${workspaceFolder}/x", "https://a//b"],
                "env": {"A": "${env:TOKEN}", "B": "${input:key}", "C": "${MODE:-fast}"}, },
            "remote": {"type": "http", "url": "https://a/mcp", "headers": {"X-Key": "${TOKEN}"}},
            /* not now */
            "off": {"command": "y", "disabled": true},
        },
        }"""
    )
    servers = read(tmp_path, "mcp: {imports: [mcp.json]}", TOKEN="hush").mcp.servers
    mine = servers["my-server"]
    assert mine.command == ["run", f"{tmp_path}/x", "https://a//b"]
    assert (mine.env["A"].reveal(), mine.env["B"].name) == ("hush", "key")
    assert mine.env["C"].reveal() == "fast"
    assert servers["remote"].headers["X-Key"].reveal() == "hush"
    assert servers["off"].enabled is False


def test_the_projects_own_words_come_before_what_it_imports(tmp_path: Path):
    (tmp_path / "mcp.json").write_text(
        '{"mcpServers": {"s": {"command": "a"}, "t": {"command": "b"}}}'
    )
    servers = read(
        tmp_path,
        "agents: {a: {tools: [mcp.s, mcp.t]}}\n"
        "mcp: {imports: [mcp.json], servers: {s: {command: mine}}}",
    ).mcp.servers
    assert servers["s"].command == ["mine"]
    assert servers["t"].command == ["b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: no such file or directory"),
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ("{}", "declares no MCP servers"),
        ('{"servers": {"s": {"type": "sse"}}}', "needs either `command` or `url`"),
        ('{"servers": {"s": 1}}', "the server `s` is no object"),
        ('{"servers": {"s": {"command": "${NOT_SET}"}}}', "needs the environment variable NOT_SET"),
        (
            '{"servers": {"a b": {"command": "x"}, "a-b": {"command": "x"}}}',
            "would be called `a-b`",
        ),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_that_cannot_be_imported_is_a_mistake_with_its_place(
    tmp_path: Path, text: str | None, words: str
):
    if text is not None:
        (tmp_path / "mcp.json").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "mcp: {imports: [mcp.json]}")
    assert "mcp.imports[0]" in caught.value.message
    assert words in caught.value.message


def test_what_is_declared_keeps_its_references(tmp_path: Path):
    file = tmp_path / "mcp.json"
    file.write_text('{"servers": {"s": {"url": "https://a", "headers": {"A": "${input:t}"}}}}')
    assert declared_in(file, folder=tmp_path) == {
        "s": {"url": "https://a", "headers": {"A": "secret://t"}}
    }
