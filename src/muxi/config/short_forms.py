"""What a project file may leave out, written out. Used by `load` before anything is validated.

The key of an agent is its name, the name of a tool tells its kind, a text stands for a model or a
function, and a section without contents is as good as none.
"""

from __future__ import annotations

import shlex
from typing import Any, cast

from muxi.config.tool_settings import BUILTIN_KINDS

_OF_PACKAGES = ("options", "secrets")


def written_out(data: dict[str, Any]) -> dict[str, Any]:
    """`data` of a file in the form of `Project`; what has the wrong form is left for the
    validation."""
    full = {section: value for section, value in data.items() if value is not None}
    for section, complete in (("agents", _agent), ("models", _model), ("tools", _tool)):
        entries = full.get(section)
        if isinstance(entries, dict):
            named = cast("dict[str, Any]", entries)
            full[section] = {name: complete(name, entry) for name, entry in named.items()}
    mcp = full.get("mcp")
    if isinstance(mcp, dict):
        full["mcp"] = _mcp(cast("dict[str, Any]", mcp))
    media = full.get("media")
    if isinstance(media, dict):
        full["media"] = _media(cast("dict[str, Any]", media))
    memory = full.get("memory")
    if isinstance(memory, dict):
        full["memory"] = _memory(cast("dict[str, Any]", memory))
    return full


def _media(section: dict[str, Any]) -> dict[str, Any]:
    named = ("transcription", "speech")
    return {key: _model(key, each) if key in named else each for key, each in section.items()}


def _memory(section: dict[str, Any]) -> dict[str, Any]:
    recall = section.get("recall")
    return {**section, "recall": {"enabled": recall}} if isinstance(recall, bool) else section


def _mcp(section: dict[str, Any]) -> dict[str, Any]:
    servers = section.get("servers")
    if not isinstance(servers, dict):
        return {key: value for key, value in section.items() if value is not None}
    named = cast("dict[str, Any]", servers)
    return {**section, "servers": {name: _server(entry) for name, entry in named.items()}}


def _server(entry: Any) -> Any:
    if isinstance(entry, str):
        entry = {"url" if entry.startswith(("http://", "https://")) else "command": entry}
    if not isinstance(entry, dict):
        return entry
    server = cast("dict[str, Any]", entry)
    command = server.get("command")
    if isinstance(command, str):
        try:
            return {**server, "command": shlex.split(command)}
        except ValueError:
            # A quotation mark that is not closed: the validation says what it expects instead.
            return server
    return server


def _agent(name: str, entry: Any) -> Any:
    entry = {} if entry is None else entry
    return {"name": name, **cast("dict[str, Any]", entry)} if isinstance(entry, dict) else entry


def _model(name: str, entry: Any) -> Any:
    return {"model": entry} if isinstance(entry, str) else entry


def _tool(name: str, entry: Any) -> Any:
    bare, _, version = name.partition("@")
    kind = bare if bare in BUILTIN_KINDS else "python"
    if entry is None and kind != "python":
        entry = {}
    if isinstance(entry, str) and (version or kind == "python"):
        # Beside the built-in version of a name there may be one of the project's own.
        entry, kind = {"function": entry}, "python"
    if not isinstance(entry, dict):
        return entry
    said = cast("dict[str, Any]", entry)
    if kind == "python" and "function" not in said and not said.keys().isdisjoint(_OF_PACKAGES):
        kind = "package"
    return {"kind": "python" if version and "function" in said else kind, **said}
