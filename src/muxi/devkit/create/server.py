"""Makes an MCP server: from answers to files, and from files to a folder in its place."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from muxi.devkit.create import catalogue
from muxi.devkit.create.answers import Answers
from muxi.devkit.create.catalogue import VERSION, Variable
from muxi.devkit.create.framework import as_fastmcp_lists, framework_values
from muxi.devkit.create.listing import surface_of
from muxi.devkit.create.material import Material, material_of
from muxi.devkit.create.placing import Place, unfinished, write_files
from muxi.devkit.create.rendering import ROOT, render_layers
from muxi.devkit.create.typescript import known_surface
from muxi.devkit.tools_lock import TOOLS_LOCK, tools_lock_text
from muxi.mcp.surface import Surface

LOCK_FILE = PurePosixPath(TOOLS_LOCK)
_MOST_NOTES = 10

_SERVER_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """A server before it is written."""

    answers: Answers
    files: dict[PurePosixPath, str]
    """Every file by its path in the folder; the lock only if it is known before the server runs."""
    notes: list[str]
    """What the person should know, such as operations that were left out."""

    @property
    def paths(self) -> list[PurePosixPath]:
        """The paths of all files."""
        return sorted({*self.files, LOCK_FILE})


def plan_server(answers: Answers) -> Plan:
    """What a server with these answers is made of. Writes nothing.

    Raises:
        InvalidInput: The OpenAPI document cannot be read.
    """
    material = material_of(answers) if answers.template.name == "openapi" else None
    language = answers.language
    files = render_layers(_layers(answers), _values(answers, material))
    if answers.license != "none":
        text = (ROOT / "licenses" / f"{answers.license}.txt").read_text(encoding="utf-8")
        holder = f"the authors of {answers.names.name}"
        files[PurePosixPath("LICENSE")] = text.replace("HOLDER", holder)
    if language == "python":
        for lock in sorted((ROOT / "python" / "locks" / answers.framework).iterdir()):
            files[PurePosixPath(lock.name)] = lock.read_text(encoding="utf-8")
    else:
        files[LOCK_FILE] = tools_lock_text(known_surface(answers, material))
    return Plan(answers, dict(sorted(files.items())), _notes(material))


def create_server(plan: Plan, place: Place) -> None:
    """Write a server to its place, whole or not at all.

    Raises:
        Conflict: Something came to be there in the meantime.
        InvalidInput: The folder cannot be written.
    """
    with unfinished(place) as folder:
        write_files(folder, plan.files)
        if LOCK_FILE not in plan.files:
            write_files(folder, {LOCK_FILE: tools_lock_text(_surface(plan.answers, folder))})


def _layers(answers: Answers) -> tuple[str, ...]:
    """The folders of templates, of which a later one replaces files of an earlier one."""
    language = answers.language
    parts = ["base", *(["auth"] if answers.auth == "oauth" else []), answers.template.name]
    own = [f"{language}/{part}" for part in parts]
    if answers.framework == "fastmcp":
        own = [layer for part in parts for layer in (f"python/{part}", f"python/fastmcp/{part}")]
    return ("common", *own)


def _surface(answers: Answers, folder: Path) -> Surface:
    """What the server in `folder` lists.

    fastmcp need not be here: a server of the same parts with the SDK alone is asked instead.
    """
    package = answers.names.package
    if answers.framework == "mcp":
        return surface_of(folder / "src", package)
    with tempfile.TemporaryDirectory() as name:
        twin = Path(name)
        write_files(twin, plan_server(replace(answers, framework="mcp")).files)
        return as_fastmcp_lists(surface_of(twin / "src", package), answers.template)


def _notes(material: Material | None) -> list[str]:
    if material is None:
        return []
    notes = [f"Left out: {each}." for each in material.left[:_MOST_NOTES]]
    if len(material.left) > _MOST_NOTES:
        notes.append(f"Left out: {len(material.left) - _MOST_NOTES} more.")
    if not material.address:
        notes.append("The document names no address; the server needs it in its environment.")
    return notes


def _values(answers: Answers, material: Material | None) -> dict[str, Any]:
    """What the templates may speak of."""
    names, template = answers.names, answers.template
    oauth = answers.auth == "oauth"
    own = _own_variables(answers, material)
    variables = (*catalogue.COMMON_VARIABLES, *own)
    requirements = {
        *catalogue.REQUIREMENTS,
        *template.requirements,
        *(catalogue.AUTH_REQUIREMENTS if oauth else ()),
        *(catalogue.FASTMCP_REQUIREMENTS if answers.framework == "fastmcp" else ()),
    }
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
        **framework_values(answers.framework),
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
        "operations": material.operations if material else [],
        "operations_json": material.operations_json if material else "",
        "key": material.key if material else None,
    }


def _own_variables(answers: Answers, material: Material | None) -> tuple[Variable, ...]:
    own = answers.template.variables
    if material is not None:
        address = Variable("API_URL", "Address of the API.", default=material.address)
        own = (address, *own)
    return (*own, *(catalogue.AUTH_VARIABLES if answers.auth == "oauth" else ()))


def _variable(variable: Variable, prefix: str) -> dict[str, Any]:
    return {
        "name": f"{prefix}_{variable.name}",
        "field": variable.field,
        "constant": variable.name,
        "camel": _camel(variable.field),
        "kind": variable.kind,
        "description": variable.description,
        "default": variable.default,
        "secret": variable.secret,
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


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
    if variable.default:
        declared["default"] = str(variable.default)
    return declared


def _client_entry(answers: Answers) -> dict[str, Any]:
    name = answers.names.name
    if answers.transport == "http":
        return {"mcpServers": {name: {"url": "http://127.0.0.1:8000/mcp"}}}
    return {"mcpServers": {name: {"command": name}}}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
