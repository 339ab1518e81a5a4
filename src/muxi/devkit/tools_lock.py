"""`tools.lock.json`: what one server offers, word for word, kept beside its source.

Written by `create` and by `muxi mcp lock`, compared by `muxi mcp lock --check` and by the tests of
a generated server. It is for those who make a server; `muxi.lock` is for those who use several.
"""

from __future__ import annotations

import json
from typing import Final

from muxi.mcp.lock_file import Entry, LockedServer
from muxi.mcp.surface import Surface, fingerprint

TOOLS_LOCK: Final = "tools.lock.json"


def locked(surface: Surface) -> LockedServer:
    """Every part of a surface with its hash."""
    server = LockedServer(name=surface.name, version=surface.version)
    for kind, name, definition in surface.items():
        entry = Entry(sha256=fingerprint(definition), definition=definition)
        server.entries.setdefault(kind, {})[name] = entry
    return server


def tools_lock_text(surface: Surface) -> str:
    """The file for a surface; the same surface gives the same text."""
    document = {"lock": 1, **locked(surface).model_dump(mode="json")}
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
