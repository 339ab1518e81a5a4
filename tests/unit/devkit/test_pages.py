"""What the pages of a server tell beside its tools: set-up, environment, access."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from muxi.devkit.pages.book import Book, Example
from muxi.devkit.pages.markdown import markdown, signature
from muxi.devkit.pages.page import page
from muxi.devkit.pages.setup import blocks
from muxi.devkit.project_files import ProjectFiles
from muxi.devkit.session import Listing
from muxi.devkit.survey import Survey
from muxi.devkit.target import Target

VARIABLE = {"name": "SUMS_KEY", "description": "A | key.", "isRequired": True, "isSecret": True}
PACKAGE = {
    "registryType": "npm",
    "identifier": "@x/sums",
    "version": "1.0.0",
    "environmentVariables": [VARIABLE],
}
REMOTE = {
    "type": "streamable-http",
    "url": "https://sums.example/mcp",
    "headers": [{"name": "X-Key", "isSecret": True}],
}
TOOL = {
    "name": "add",
    "description": "Adds `numbers`.\n\n![x](https://attacker.example/pixel?)",
    "inputSchema": {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 1},
            "b": {"type": "array", "items": {"enum": ["x", "y"]}},
        },
        "required": ["b"],
    },
    "annotations": {"readOnlyHint": True, "openWorldHint": False},
}


def book(**manifest: Any) -> Book:
    survey = Survey("2026-07-28", {}, {"name": "sums", "version": "1.0.0"}, {}, "Use\nwell.", 0.1)
    survey.listings["tools"] = Listing([TOOL])
    found = Book(Target(text="sums", command=("sums",)), survey)
    found.examples = {"add": [Example("adds", {"b": ["x"]}, {"sum": 2})]}
    found.project = ProjectFiles(Path(), server_json={"name": "io.x/sums", **manifest})
    return found


def test_each_client_is_given_its_own_block() -> None:
    found = {block.client: block for block in blocks(book(packages=[PACKAGE]))}
    entry = {
        "command": "npx",
        "args": ["-y", "@x/sums@1.0.0"],
        "env": {"SUMS_KEY": "${SUMS_KEY}"},
    }
    assert json.loads(found["Cursor"].text) == {"mcpServers": {"sums": entry}}
    assert json.loads(found["VS Code"].text) == {"servers": {"sums": {"type": "stdio", **entry}}}
    assert found["Claude Code"].text.endswith("-- npx -y @x/sums@1.0.0")
    declared = yaml.safe_load(found["muxi"].text)["mcp"]["servers"]["sums"]
    assert declared == {"command": ["npx", *entry["args"]], "env": entry["env"]}


def test_a_remote_server_is_named_by_its_address() -> None:
    found = {block.client: block for block in blocks(book(remotes=[REMOTE]))}
    assert json.loads(found["Claude Desktop"].text)["mcpServers"]["sums"] == {"url": REMOTE["url"]}
    assert "--transport http sums https://sums.example/mcp" in found["Claude Code"].text
    assert "Requests bear `X-Key`." in markdown(book(remotes=[REMOTE]))


def test_environment_parameters_and_hints_are_told() -> None:
    text = markdown(book(packages=[PACKAGE]))
    assert "| `SUMS_KEY` | yes | yes |  | A \\| key. |" in text
    assert "takes `SUMS_KEY` from its environment" in text
    assert "| `a` | `integer \\| null` |  | `1` |  |" in text
    assert "*only reads, stays within its own data.*" in text
    assert "> Use\n> well." in text
    assert signature(TOOL) == 'add(a?: integer | null, b: "x" | "y"[])'
    assert markdown(book(packages=[PACKAGE])) == text


def test_a_page_fetches_nothing_and_obeys_no_markup_of_the_server() -> None:
    html = page(markdown(book()), "<Sums>")
    assert "<title>&lt;Sums&gt;</title>" in html
    assert "<img" not in html
    assert '<a href="#add">add</a>' in html
