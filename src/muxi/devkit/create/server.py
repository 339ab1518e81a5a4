"""Makes an MCP server: from answers to files, and from files to a folder in its place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from muxi.devkit.create import catalogue
from muxi.devkit.create.answers import Answers
from muxi.devkit.create.catalogue import Variable
from muxi.devkit.create.listing import surface_of
from muxi.devkit.create.placing import Place, unfinished, write_files
from muxi.devkit.create.rendering import ROOT, render_layers
from muxi.devkit.tools_lock import TOOLS_LOCK, tools_lock_text

LOCK_FILE = PurePosixPath(TOOLS_LOCK)
VERSION = "0.1.0"
"""Of every new server."""

_SERVER_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def server_files(answers: Answers) -> dict[PurePosixPath, str]:
    """Every file of a server but the lock of its tools, by its path in the folder."""
    layers = [f"{answers.language}/base", f"{answers.language}/{answers.template.name}"]
    if answers.auth == "oauth":
        layers.insert(1, f"{answers.language}/auth")
    values = _values(answers)
    files = render_layers(tuple(layers), values)
    if answers.license != "none":
        text = (ROOT / "licenses" / f"{answers.license}.txt").read_text(encoding="utf-8")
        files[PurePosixPath("LICENSE")] = text.replace(
            "HOLDER", f"the authors of {answers.names.name}"
        )
    locks = ROOT / answers.language / "locks"
    for lock in sorted(locks.iterdir()):
        files[PurePosixPath(lock.name)] = lock.read_text(encoding="utf-8")
    return dict(sorted(files.items()))


def paths_of(answers: Answers) -> list[PurePosixPath]:
    """The paths that `create_server` would write, without writing any."""
    return sorted([*server_files(answers), LOCK_FILE])


def create_server(answers: Answers, place: Place) -> list[PurePosixPath]:
    """Write a server to its place, whole or not at all. Gives the paths of its files.

    Raises:
        Conflict: Something came to be there in the meantime.
        InvalidInput: The folder cannot be written.
    """
    files = server_files(answers)
    with unfinished(place) as folder:
        write_files(folder, files)
        files[LOCK_FILE] = _lock(answers, folder)
        write_files(folder, {LOCK_FILE: files[LOCK_FILE]})
    return sorted(files)


def _lock(answers: Answers, folder: Path) -> str:
    return tools_lock_text(surface_of(folder / "src", answers.names.package))


def _values(answers: Answers) -> dict[str, Any]:
    """What the templates may speak of."""
    names, template = answers.names, answers.template
    oauth = answers.auth == "oauth"
    own = (*template.variables, *(catalogue.AUTH_VARIABLES if oauth else ()))
    variables = (*catalogue.COMMON_VARIABLES, *own)
    requirements = {
        *catalogue.REQUIREMENTS,
        *template.requirements,
        *(catalogue.AUTH_REQUIREMENTS if oauth else ()),
    }
    http = answers.transport == "http"
    hue = int.from_bytes(hashlib.sha256(names.name.encode()).digest()[:2]) % 360
    return {
        "name": names.name,
        "title": names.title,
        "package": names.package,
        "env": names.environment,
        "qualified_name": f"{answers.namespace}/{names.name}",
        "description": answers.description,
        "template": template.name,
        "language": answers.language,
        "transport": answers.transport,
        "auth": answers.auth,
        "scope": template.scope or f"{names.name}:use",
        "python": answers.python,
        "license_id": None if answers.license == "none" else answers.license,
        "hue": hue,
        "initial": names.name[0].upper(),
        "parts": sorted((f"{kind}s", part, kind) for kind, part in template.parts),
        "parts_in_order": template.parts,
        "variables": [_variable(each, names.environment) for each in own],
        "all_variables": [_variable(each, names.environment) for each in variables],
        "requirements": sorted(requirements),
        "dev_requirements": catalogue.DEV_REQUIREMENTS,
        "server_json": _json(_manifest(answers, variables)),
        "client_entry": _json(_client_entry(answers)),
        "url": "http://127.0.0.1:8000/mcp" if http else None,
    }


def _variable(variable: Variable, prefix: str) -> dict[str, Any]:
    return {
        "name": f"{prefix}_{variable.name}",
        "field": variable.field,
        "constant": variable.name,
        "kind": variable.kind,
        "description": variable.description,
        "default": variable.default,
        "secret": variable.secret,
    }


def _manifest(answers: Answers, variables: tuple[Variable, ...]) -> dict[str, Any]:
    """The server.json of the MCP registry, schema 2025-12-11."""
    python = answers.language == "python"
    transport: dict[str, Any] = {"type": "stdio"}
    if answers.transport == "http":
        transport = {"type": "streamable-http", "url": "http://127.0.0.1:8000/mcp"}
    return {
        "$schema": _SERVER_SCHEMA,
        "name": f"{answers.namespace}/{answers.names.name}",
        "title": answers.names.title,
        "description": answers.description,
        "version": VERSION,
        "packages": [
            {
                "registryType": "pypi" if python else "npm",
                "identifier": answers.names.name,
                "version": VERSION,
                "runtimeHint": "uvx" if python else "npx",
                "transport": transport,
                "environmentVariables": [
                    _declared(each, answers.names.environment) for each in variables
                ],
            }
        ],
    }


def _declared(variable: Variable, prefix: str) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "name": f"{prefix}_{variable.name}",
        "description": variable.description,
        "isSecret": variable.secret,
    }
    if variable.default is not None:
        declared["default"] = str(variable.default)
    return declared


def _client_entry(answers: Answers) -> dict[str, Any]:
    name = answers.names.name
    if answers.transport == "http":
        return {"mcpServers": {name: {"url": "http://127.0.0.1:8000/mcp"}}}
    return {"mcpServers": {name: {"command": name}}}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
