"""Reads a project: muxi.yaml, or nothing at all. Called by doors and by `runtime`.

All mistakes are told at once, each with its line. The environment is read here, when a project is
loaded, and nowhere else in this room.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from muxi.config.mcp_settings import McpServerSettings
from muxi.config.mistakes import Mistake, config_error
from muxi.config.project import PROJECT_FILE, Project
from muxi.config.references import broken_references
from muxi.config.secret import VARIABLE, fill
from muxi.config.short_forms import written_out
from muxi.config.source import MAX_BYTES, Source, plain_value, read_source, written
from muxi.config.source import Path as Place
from muxi.core.errors import ConfigError
from muxi.core.json_shapes import is_array

SECRET_FIELDS: tuple[Place, ...] = (
    ("models", "*", "key"),
    ("tools", "*", "key"),
    ("tools", "*", "password"),
    ("tools", "*", "apis", "*", "key"),
    ("tools", "*", "imap", "password"),
    ("tools", "*", "smtp", "password"),
    ("tools", "*", "secrets", "*"),
    ("tools", "*", "databases", "*"),
    ("tools", "*", "env", "*"),
    ("mcp", "servers", "*", "env", "*"),
    ("mcp", "servers", "*", "headers", "*"),
    ("mcp", "servers", "*", "auth", "client_secret"),
    ("identity", "oidc", "*", "client_secret"),
    ("storage", "url"),
    ("storage", "owner_url"),
)
"""Fields of type `SecretRef`, which fill in their variables themselves and are never shown."""


def load_project(
    path: str | Path | None = None, *, environment: Mapping[str, str] | None = None
) -> Project:
    """The project at `path`.

    Args:
        path: A project file, or a folder that may hold muxi.yaml; the current folder by default. A
            folder without one gives `default_project`.
        environment: Values of `${NAME}`; the process's environment by default.

    Raises:
        ConfigError: The file cannot be read or has mistakes, which are all listed.
    """
    place = Path(path) if path is not None else Path()
    file = place
    try:
        if place.is_dir():
            file = place / PROJECT_FILE
            # A link that leads nowhere is a mistake; the system says so when it is opened.
            if not os.path.lexists(file):
                return default_project(place)
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        words = f"the file cannot be read: {reason}"
        raise config_error([Mistake(str(file), 1, 1, "", words)]) from error
    values = os.environ if environment is None else environment
    return _read(read_source(raw, str(file)), file, values)


def default_project(folder: str | Path) -> Project:
    """A project without a file: one agent, the embedded model, the built-in tools."""
    return Project(folder=Path(folder).absolute())


def _read(source: Source, file: Path, environment: Mapping[str, str]) -> Project:
    fill_in = _Environment(source, environment)
    data = fill_in.everywhere(source.data)
    for name in ("folder", "file"):
        if name in data:
            source.mistake((name,), "unknown key", at_key=True)
    project, findings = _validated(data, environment)
    if findings and fill_in.retyped(data, findings):
        project, findings = _validated(data, environment)
    if findings:
        from muxi.config.findings import Findings

        Findings(source, written_out(data), _is_secret).note(findings)
    empty = {mistake.where for mistake in source.mistakes}
    imported = _imported(data, file.absolute().parent, source, values=environment)
    for place, words in broken_references(written_out(data), imported):
        if written(place) not in empty:
            source.mistake(place, words)
    if source.mistakes or project is None:
        raise config_error(source.mistakes)
    # What the project's own file says of a server comes before what it imports.
    project.mcp.servers = {**imported, **project.mcp.servers}
    project.folder = file.absolute().parent
    project.file = file.absolute()
    return project


def _imported(
    data: dict[str, Any], folder: Path, source: Source, *, values: Mapping[str, str]
) -> dict[str, McpServerSettings]:
    """The MCP servers of the files that the project imports; what is wrong in them is noted."""
    section: Any = data.get("mcp")
    names: Any = cast("dict[str, Any]", section).get("imports") if isinstance(section, dict) else ()
    servers: dict[str, McpServerSettings] = {}
    for at, name in enumerate(names if is_array(names) else []):
        if not isinstance(name, str) or not name:
            continue
        from muxi.config.mcp_files import servers_of

        place = folder / Path(name).expanduser()
        try:
            found = servers_of(place, folder=folder, environment=values)
        except ConfigError as error:
            source.mistake(("mcp", "imports", at), error.message)
            continue
        servers = {**found, **servers}
    return servers


def _validated(
    data: dict[str, Any], environment: Mapping[str, str]
) -> tuple[Project | None, list[ErrorDetails]]:
    """The project, or pydantic's findings. JSON is read strictly, yet admits lists and decimals."""
    try:
        project = Project.model_validate_json(
            json.dumps(written_out(data)),
            strict=True,
            extra="forbid",
            context={"environment": environment},
        )
    except ValidationError as error:
        return None, error.errors(include_url=False)
    return project, []


class _Environment:
    """Fills `${NAME}` into the texts of a file, those of secrets excepted."""

    def __init__(self, source: Source, values: Mapping[str, str]) -> None:
        self._source = source
        self._values = values
        self._alone: set[Place] = set()
        """Places whose whole text is one variable: they may turn out to be numbers."""

    def everywhere(self, data: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", self._filled(data, ()))

    def retyped(self, data: dict[str, Any], findings: Sequence[ErrorDetails]) -> bool:
        """Read variables as numbers or switches where text was refused; whether any was."""
        from muxi.config.findings import place_of

        changed = False
        for finding in findings:
            path = place_of(finding, data)
            if path in self._alone:
                holder: Any = data
                for step in path[:-1]:
                    holder = holder[step]
                holder[path[-1]] = plain_value(holder[path[-1]])
                changed = True
        return changed

    def _filled(self, value: Any, path: Place) -> Any:
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value)
            return {key: self._filled(item, (*path, key)) for key, item in pairs.items()}
        if isinstance(value, list):
            items = cast("list[Any]", value)
            return [self._filled(item, (*path, at)) for at, item in enumerate(items)]
        if not isinstance(value, str) or "${" not in value or _is_secret(path):
            return value
        filled, missing = fill(value, self._values)
        if missing is not None:
            words = f"the environment variable `{missing}` is not set"
            self._source.mistake(path, f"{words}; set it, or write `${{{missing}:-default}}`")
            return value
        if VARIABLE.fullmatch(value):
            self._alone.add(path)
        return filled


def _is_secret(path: Place) -> bool:
    return any(
        len(path) == len(field)
        and all(want in ("*", step) for want, step in zip(field, path, strict=True))
        for field in SECRET_FIELDS
    )
