"""`tools.lock.json`: what one server offers, word for word, kept beside its source.

Written by `create` and by `muxi mcp lock`; compared by `muxi mcp lock --check`, by `validate` and
by the tests of a generated server. It is for those who make a server; `muxi.lock` is for those who
use several.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import ValidationError

from muxi.core.json_shapes import is_object
from muxi.mcp.lock_file import Entry, LockedServer
from muxi.mcp.surface import Kind, Surface, fingerprint

TOOLS_LOCK: Final = "tools.lock.json"
_VERSION = 1


def locked(surface: Surface) -> LockedServer:
    """Every part of a surface with its hash."""
    server = LockedServer(name=surface.name, version=surface.version)
    for kind, name, definition in surface.items():
        entry = Entry(sha256=fingerprint(definition), definition=definition)
        server.entries.setdefault(kind, {})[name] = entry
    return server


def tools_lock_text(surface: Surface) -> str:
    """The file for a surface; the same surface gives the same text."""
    return _text(locked(surface))


def tools_lock_with(data: bytes | None, surface: Surface, kind: str, name: str) -> str:
    """The file with the entry of one part of `surface`; all else in it stays.

    Raises:
        ValueError: `data` is no lock.
    """
    now = locked(surface)
    if data is None:
        return _text(now)
    document: Any = json.loads(data)
    if not is_object(document) or document.pop("lock", None) != _VERSION:
        raise ValueError("it has another form")
    try:
        before = LockedServer.model_validate(document)
    except ValidationError as error:
        raise ValueError("it has another form") from error
    of_kind: dict[str, Kind] = {"tool": "tool", "prompt": "prompt"}
    if kind in of_kind and name in now.entries.get(of_kind[kind], {}):
        entries = before.entries.setdefault(of_kind[kind], {})
        entries[name] = now.entries[of_kind[kind]][name]
    return _text(before)


def _text(server: LockedServer) -> str:
    document = {"lock": _VERSION, **server.model_dump(mode="json")}
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
