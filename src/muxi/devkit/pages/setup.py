"""How clients are told of a server: the blocks that people copy into their settings.

Formats: Claude Desktop and Cursor (`mcpServers`), VS Code (`servers`), Claude Code (a command), and
muxi.yaml.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import yaml

from muxi.core.json_shapes import is_array
from muxi.devkit.exchange import Json
from muxi.devkit.named_servers import RUNNERS
from muxi.devkit.pages.book import Book


@dataclass(frozen=True, slots=True)
class Block:
    """What is copied where."""

    client: str
    where: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment that the server reads."""

    name: str
    required: bool
    secret: bool
    default: str
    description: str


def blocks(book: Book) -> Iterator[Block]:
    """A block for each client."""
    name = short_name(book)
    entry = _entry(book)
    remote = "url" in entry
    servers = {"mcpServers": {name: entry}}
    yield Block("Claude Desktop", "claude_desktop_config.json", "json", _json(servers))
    yield Block("Claude Code", "a shell", "bash", _claude_code(name, entry))
    yield Block("Cursor", ".cursor/mcp.json", "json", _json(servers))
    kind = "http" if remote else "stdio"
    code = {"servers": {name: {"type": kind, **entry}}}
    yield Block("VS Code", ".vscode/mcp.json", "json", _json(code))
    declared = {"mcp": {"servers": {name: _for_muxi(entry)}}}
    text = yaml.safe_dump(declared, sort_keys=False, allow_unicode=True)
    yield Block("muxi", "muxi.yaml", "yaml", text.rstrip())


def short_name(book: Book) -> str:
    """The name under which clients keep the server."""
    name = str(book.manifest.get("name") or book.survey.info.get("name") or "server")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition("/")[2]).strip("-") or "server"


def variables(book: Book) -> list[Variable]:
    """The variables that its server.json declares."""
    found: dict[str, Variable] = {}
    for package in _objects(book.manifest, "packages"):
        for each in _objects(package, "environmentVariables"):
            name = str(each.get("name"))
            found[name] = Variable(
                name,
                bool(each.get("isRequired")),
                bool(each.get("isSecret")),
                str(each.get("default") or ""),
                str(each.get("description") or ""),
            )
    return list(found.values())


def _entry(book: Book) -> Json:
    """How a client starts or reaches the server, in the terms of `mcpServers`."""
    needed = {each.name: f"${{{each.name}}}" for each in variables(book) if each.required}
    env = {"env": needed} if needed else {}
    for package in _objects(book.manifest, "packages"):
        if (command := _package_command(package)) is not None:
            return {"command": command[0], "args": command[1:], **env}
    for remote in _objects(book.manifest, "remotes"):
        return {"url": str(remote.get("url"))}
    target = book.target
    if target.url is not None:
        return {"url": target.url}
    if target.is_python:
        place = target.file.name if target.file is not None else f"-m {target.module}"
        return {"command": "python", "args": place.split(), **env}
    return {"command": target.command[0].rpartition("/")[2], "args": list(target.command[1:])}


def _package_command(package: Json) -> list[str] | None:
    runner = RUNNERS.get(str(package.get("registryType")))
    if runner is None:
        return None
    program, pattern = runner
    identifier, version = str(package.get("identifier")), str(package.get("version") or "")
    named = pattern.format(identifier=identifier, version=version) if version else identifier
    first = {"npx": ["-y"], "docker": ["run", "-i", "--rm"]}.get(program, [])
    return [program, *first, named]


def _claude_code(name: str, entry: Json) -> str:
    if "url" in entry:
        return f"claude mcp add --transport http {name} {shlex.quote(entry['url'])}"
    env = [f"--env {key}={value}" for key, value in entry.get("env", {}).items()]
    command = shlex.join([entry["command"], *entry["args"]])
    return " ".join(["claude mcp add", name, *env, "--", command])


def _for_muxi(entry: Json) -> Json:
    if "url" in entry:
        return entry
    declared: Json = {"command": [entry["command"], *entry["args"]]}
    return {**declared, "env": entry["env"]} if "env" in entry else declared


def _objects(item: Json, key: str) -> list[Json]:
    found = item.get(key)
    every = found if is_array(found) else []
    return [cast("Json", each) for each in every if isinstance(each, dict)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
