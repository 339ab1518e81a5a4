"""Servers that a file names: the official server.json, the mcp.json of clients, a server's folder.

Used by `target`. Values of the environment are filled in here, as the clients that own these
formats do; nothing is started.

Formats: server.json of the MCP registry (schema 2025-12-11), and the `mcpServers` of Claude and
Cursor or `servers` of VS Code.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_array, is_object

CASES_FILE: Final = "tests.yaml"
MANIFEST_FILE: Final = "server.json"

_VARIABLE = re.compile(r"\$\{(?:env:)?(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")
RUNNERS: Final = {
    "pypi": ("uvx", "{identifier}=={version}"),
    "npm": ("npx", "{identifier}@{version}"),
    "oci": ("docker", "{identifier}"),
    "nuget": ("dnx", "{identifier}@{version}"),
}
"""Kind of package to the program that runs it, and how it names the package."""
_FIRST_ARGUMENTS: Final = {"npx": ("-y",), "docker": ("run", "-i", "--rm"), "dnx": ("--yes",)}


@dataclass(frozen=True, slots=True)
class Named:
    """A server as a file names it: a command or a URL."""

    cwd: Path
    command: tuple[str, ...] = ()
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    folder: Path | None = None
    """The server's own folder, if the file describes it and does not only name it."""


def read(file: Path, name: str | None) -> Named:
    """The server that `file` names; `name` chooses where it names several.

    Raises:
        InvalidInput: It is no file of a known form, or has no such server.
    """
    data = _json(file)
    for key in ("mcpServers", "servers"):
        if isinstance(data.get(key), dict):
            return _entry(file, cast("dict[str, Any]", data[key]), name)
    if "packages" in data or "remotes" in data:
        return _described(file, data, name)
    raise InvalidInput(
        f"{file} names no servers.",
        hint="It should have `mcpServers` or `servers` (a client's mcp.json), or `packages` or "
        "`remotes` (a server.json).",
    )


@dataclass(frozen=True, slots=True)
class Tested:
    """A server as the tests.yaml beside it names it."""

    target: str
    env: Mapping[str, str] = field(repr=False)


def in_folder(folder: Path) -> Named | Tested:
    """The server that lies in `folder`: what its tests.yaml tests, else what its server.json says.

    Raises:
        InvalidInput: The folder has neither.
    """
    cases = folder / CASES_FILE
    if cases.is_file():
        try:
            data = yaml.safe_load(cases.read_bytes())
        except yaml.YAMLError as error:
            raise InvalidInput(f"{cases} is no YAML: {error}") from error
        found = data if is_object(data) else {}
        if isinstance(found.get("server"), str):
            return Tested(found["server"], _texts(found.get("env")))
    manifest = folder / MANIFEST_FILE
    if manifest.is_file():
        return read(manifest, None)
    raise InvalidInput(
        f"{folder} has no server that could be found.",
        hint=f"Name it with `server:` in {CASES_FILE}, or on the command line.",
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} is no JSON: {error}") from error
    if not is_object(data):
        raise InvalidInput(f"{file} is no JSON object.")
    return data


def _entry(file: Path, servers: dict[str, Any], name: str | None) -> Named:
    """One server of a client's mcp.json."""
    if name is None and len(servers) == 1:
        name = next(iter(servers))
    entry = servers.get(name or "")
    if not isinstance(entry, dict):
        asked = f"has no server `{name}`" if name else "names several servers"
        raise InvalidInput(f"{file} {asked}.", hint=_choices(file, servers))
    values = cast("dict[str, Any]", _filled(entry, file))
    cwd = file.absolute().parent
    if isinstance(values.get("url"), str):
        return Named(cwd=cwd, url=values["url"], headers=_texts(values.get("headers")))
    command = values.get("command")
    if not isinstance(command, str):
        raise InvalidInput(f"{file}: the server `{name}` has neither `command` nor `url`.")
    arguments = cast("list[object]", values.get("args") or [])
    return Named(
        cwd=cwd / str(values.get("cwd", "")),
        command=(command, *map(str, arguments)),
        env=_texts(values.get("env")),
    )


def _described(file: Path, data: dict[str, Any], name: str | None) -> Named:
    """One package or remote of a server.json."""
    packages = {str(each.get("registryType")): each for each in _objects(data.get("packages"))}
    remotes = {str(each.get("type")): each for each in _objects(data.get("remotes"))}
    every = {**remotes, **packages}
    chosen = name or next(iter((*packages, *remotes)), "")
    if chosen not in every:
        raise InvalidInput(
            f"{file} has no package or remote `{chosen}`.", hint=_choices(file, every)
        )
    place = file.absolute()
    one = every[chosen]
    if chosen in remotes:
        headers = {
            str(each.get("name")): _value(each, f"the header {each.get('name')}")
            for each in _objects(one.get("headers"))
        }
        url = str(one.get("url"))
        return Named(cwd=place.parent, url=url, headers=headers, folder=place.parent)
    env: dict[str, str] = {}
    for variable in _objects(one.get("environmentVariables")):
        value = _value(variable, f"the environment variable {variable.get('name')}")
        if value:
            env[str(variable.get("name"))] = value
    return Named(
        cwd=place.parent, command=_command(file, chosen, one), env=env, folder=place.parent
    )


def _command(file: Path, kind: str, package: dict[str, Any]) -> tuple[str, ...]:
    if kind not in RUNNERS:
        raise InvalidInput(
            f"{file}: packages of the kind `{kind}` cannot be started from here.",
            hint="Install the package, and name its command instead.",
        )
    usual, pattern = RUNNERS[kind]
    runner = str(package.get("runtimeHint") or usual)
    identifier, version = str(package.get("identifier")), str(package.get("version") or "")
    named = pattern.format(identifier=identifier, version=version) if version else identifier
    before = _arguments(package.get("runtimeArguments")) or _FIRST_ARGUMENTS.get(runner, ())
    return (runner, *before, named, *_arguments(package.get("packageArguments")))


def _arguments(given: object) -> tuple[str, ...]:
    words: list[str] = []
    for argument in _objects(given):
        named = argument.get("type") == "named"
        value = _value(
            argument, f"the argument {argument.get('name') or argument.get('valueHint')}"
        )
        if named and (value or argument.get("isRequired")):
            words.append(str(argument.get("name")))
        if value:
            words.append(value)
    return tuple(words)


def _value(given: dict[str, Any], what: str) -> str:
    """The value of an argument, variable or header: fixed, from the environment, or its default."""
    name = str(given.get("name") or "")
    found = given.get("value") or os.environ.get(name) or given.get("default")
    if found is None and given.get("isRequired"):
        raise InvalidInput(
            f"{what[0].upper()}{what[1:]} has no value, and the server needs it.",
            hint=f"Set it in the environment: export {shlex.quote(name)}=…" if name else None,
        )
    return "" if found is None else str(found)


def _filled(value: Any, file: Path) -> Any:
    """`value` with `${NAME}`, `${env:NAME}` and `${NAME:-default}` filled in, at any depth."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _variable(found, file), value)
    if isinstance(value, list):
        return [_filled(each, file) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {key: _filled(each, file) for key, each in pairs.items()}
    return value


def _variable(found: re.Match[str], file: Path) -> str:
    name = found["name"]
    default: str | None = found["default"]
    value = os.environ.get(name) or default
    if name == "workspaceFolder":
        value = str(file.absolute().parent)
    if value is None:
        raise InvalidInput(
            f"{file} needs the environment variable {name}.", hint=f"Set {name} and try again."
        )
    return value


def _objects(value: object) -> list[dict[str, Any]]:
    every = value if is_array(value) else []
    return [each for each in every if is_object(each)]


def _texts(value: object) -> dict[str, str]:
    pairs = value if is_object(value) else {}
    return {key: str(each) for key, each in pairs.items()}


def _choices(file: Path, names: Mapping[str, object]) -> str:
    return "Choose one: " + ", ".join(f"{file.name}#{name}" for name in names)
