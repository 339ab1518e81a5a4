"""Writes the description of the API that the dashboard's types are generated from.

`python scripts/make_web_types.py` brings `web/openapi.json` up to date; the page's own build makes
types of it (`npm run generate`). A test compares the file with what the server describes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from muxi.server.openapi import describe
from muxi.server.table import all_operations

_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
_SILENT = ("default", "description", "discriminator", "title")
"""Keywords that add nothing to a type."""
FILE = Path(__file__).parents[1] / "web/openapi.json"


_ROOTS = (
    *("AgentInfo", "Event", "Message", "ProblemDetails", "Run", "ServerStatus", "Thread"),
    *("ToolInfo", "ServerInfo", "ServerLock", "Balance", "BudgetInfo", "UsageRow"),
    *("Me", "User", "Group", "SignInLink", "Key", "NewKey", "CredentialInfo"),
    *("Role", "PolicyRule", "ActionInfo", "Decision-Output", "AuditEntry", "AuditReport"),
)


def web_openapi() -> str:
    """The description as the page reads it: what it receives, and what that is made of.

    The page shows what it knows and ignores the rest, so kinds and fields that are not known are
    left out. Events come without their empty fields, so what may be null may also be absent.
    """
    everything = describe(all_operations())["components"]["schemas"]
    schemas: dict[str, Any] = {}
    wanted = list(_ROOTS)
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _known(everything[name])
            wanted += _REFERENCE.findall(json.dumps(schemas[name]))
    document = {
        "openapi": "3.1.0",
        "info": {"title": "muxi", "version": "0"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _known(value: Any) -> Any:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_known(item) for item in items if not _is_unknown(item)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value)
    schema = {key: _known(item) for key, item in pairs.items() if key not in _SILENT}
    if "properties" in pairs:
        fields = cast("dict[str, Any]", pairs["properties"])
        schema["properties"] = {name: _known(field) for name, field in fields.items()}
        schema["required"] = [name for name, field in fields.items() if not _nullable(field)]
        if schema.get("additionalProperties") is True:
            del schema["additionalProperties"]
    return schema


def _is_unknown(item: Any) -> bool:
    reference = cast("dict[str, Any]", item).get("$ref", "") if isinstance(item, dict) else ""
    return reference.rpartition("/")[2].startswith("Unknown")


def _nullable(schema: dict[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


if __name__ == "__main__":
    FILE.write_text(web_openapi(), encoding="utf-8")
