"""MCP servers that other programs have declared: the `mcp.json` of Claude, Cursor, VS Code and kin.

Used by `load` for the files that a project imports, and by `muxi mcp import`. It starts nothing
and fills in no secret: a variable stays a reference, and what VS Code would ask a person for is
taken from the project's secrets under the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.errors import ConfigError
from muxi.core.json_shapes import is_array, is_object

MAX_BYTES: Final = 1_000_000
"""Largest file that is read."""

_SECTIONS: Final = (
    ("mcpServers",),
    ("servers",),
    ("mcp", "servers"),
    ("context_servers",),
    ("mcp", "mcpServers"),
)
"""Where these programs keep their servers: most of them, VS Code, its settings, Zed."""

_ADDRESSES: Final = ("url", "serverUrl", "httpUrl")
_COMMENT: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA: Final = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])')
_VARIABLE: Final = re.compile(
    r"\$\{(?:(?P<kind>env|input):)?(?P<name>[A-Za-z_][\w.-]*)(?P<rest>:-[^}]*)?\}"
)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")


def servers_of(
    file: Path, *, folder: Path, environment: Mapping[str, str]
) -> dict[str, McpServerSettings]:
    """The servers that `file` declares, under names that muxi accepts.

    Args:
        file: In the form of any of these programs, comments included.
        folder: What `${workspaceFolder}` stands for.
        environment: Values of variables.

    Raises:
        ConfigError: The file cannot be read or declares no servers, or one that cannot be used.
    """
    return {
        name: _settings(file, name, declared, environment)
        for name, declared in declared_in(file, folder=folder).items()
    }


def declared_in(file: Path, *, folder: Path) -> dict[str, dict[str, Any]]:
    """The servers of `file` as a project declares them, with references in place of secrets.

    Raises:
        ConfigError: The file cannot be read or declares no servers.
    """
    data = _read(file)
    for path in _SECTIONS:
        section: Any = data
        for key in path:
            section = (
                cast("dict[str, Any]", section).get(key) if isinstance(section, dict) else None
            )
        if isinstance(section, dict):
            entries = cast("dict[str, Any]", section)
            return dict(_named(file, entries, folder))
    raise ConfigError(
        f"{file} declares no MCP servers.",
        hint="It should have `mcpServers`, or `servers` as VS Code writes them.",
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1).decode("utf-8-sig")
        if len(text) > MAX_BYTES:
            raise ConfigError(f"{file} is larger than {MAX_BYTES:,} bytes.")
        plain = _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
        data = json.loads(_COMMA.sub(lambda found: found[0] if found[0][0] == '"' else "", plain))
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"{file} cannot be read: {reason}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is no JSON: {error}.") from error
    if not is_object(data):
        raise ConfigError(f"{file} is no JSON object.")
    return data


def _named(
    file: Path, entries: dict[str, Any], folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    taken: set[str] = set()
    for given, entry in entries.items():
        if not isinstance(entry, dict):
            raise ConfigError(f"{file}: the server `{given}` is no object.")
        name = _UNFIT.sub("-", given).strip("-_")[:32]
        if not name[:1].isalpha():
            name = f"mcp-{name}"[:32]
        if name in taken:
            raise ConfigError(f"{file}: two of its servers would be called `{name}`.")
        taken.add(name)
        yield name, _declared(cast("dict[str, Any]", entry), folder)


def _declared(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """One entry in our own words; what it says beside them concerns the other program."""
    said = cast("dict[str, Any]", _filled(entry, folder))
    declared: dict[str, Any] = {}
    address = next((said[key] for key in _ADDRESSES if said.get(key)), None)
    if address is not None:
        declared["url"] = address
    elif "command" in said:
        nested = said["command"]
        if isinstance(nested, dict):  # Zed keeps path, arguments and variables in one place.
            said = {**said, **cast("dict[str, Any]", nested)}
            said["command"] = said.pop("path", None)
        declared["command"] = [said["command"], *cast("list[Any]", said.get("args") or [])]
    for key in ("env", "cwd") if address is None else ("headers",):
        if said.get(key):
            declared[key] = said[key]
    if said.get("disabled") is True or said.get("enabled") is False:
        declared["enabled"] = False
    return declared


def _filled(value: Any, folder: Path) -> Any:
    """`value` with our own spelling of variables, at any depth."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _variable(found, folder), value)
    if isinstance(value, list):
        return [_filled(each, folder) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {key: _filled(each, folder) for key, each in pairs.items()}
    return value


def _variable(found: re.Match[str], folder: Path) -> str:
    name, kind = found["name"], found["kind"]
    if kind == "input":
        return f"secret://{name}"
    if kind is None and name in ("workspaceFolder", "workspaceRoot", "cwd"):
        return str(folder)
    if kind is None and name == "userHome":
        return str(Path.home())
    if kind is None and name == "pathSeparator":
        return "/"
    return f"${{{name}{found['rest'] or ''}}}"


def _settings(
    file: Path, name: str, declared: dict[str, Any], environment: Mapping[str, str]
) -> McpServerSettings:
    from muxi.config.secret import fill

    ready = dict(declared)
    for key in ("command", "url", "cwd"):
        value = ready.get(key)
        texts = value if is_array(value) else [value]
        filled: list[Any] = []
        for text in texts:
            result, missing = fill(text, environment) if isinstance(text, str) else (text, None)
            if missing is not None:
                raise ConfigError(
                    f"{file}: the server `{name}` needs the environment variable {missing}.",
                    hint=f"Set {missing}, or declare the server in muxi.yaml.",
                )
            filled.append(result)
        if key in ready:
            ready[key] = filled if isinstance(value, list) else filled[0]
    try:
        return McpServerSettings.model_validate(
            ready, strict=False, context={"environment": environment}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        where = f"`{name}`" + (f", {place}" if place else "")
        raise ConfigError(f"{file}: the server {where}: {first['msg']}.") from None
