"""Where the service of an OpenAPI document is, and how it knows who calls."""

from __future__ import annotations

import re

from muxi.core.json_shapes import is_array
from muxi.tools.openapi.document import Document, Object


def address_of(document: Document) -> str:
    """The address of the first server; empty if it is not a whole one."""
    servers = document.data.get("servers")
    every = servers if is_array(servers) else []
    server = document.follow(every[0]) if every else {}
    url = str(server.get("url") or "")
    variables = document.follow(server.get("variables"))

    def value(found: re.Match[str]) -> str:
        return str(document.follow(variables.get(found[1])).get("default") or "")

    url = re.sub(r"{([^{}]+)}", value, url).rstrip("/")
    return url if re.fullmatch(r"https?://[^\s\"'<>\\^`{|}]+", url) else ""


def key_of(document: Document) -> Object | None:
    """Where the key goes: a header or a query parameter; None if the document asks for none."""
    components = document.follow(document.data.get("components"))
    for scheme in document.follow(components.get("securitySchemes")).values():
        found = document.follow(scheme)
        kind, name = found.get("type"), found.get("name")
        if kind == "apiKey" and found.get("in") in ("header", "query") and isinstance(name, str):
            if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
                return {"in": found["in"], "name": name, "prefix": ""}
        elif kind in ("oauth2", "openIdConnect") or (
            kind == "http" and str(found.get("scheme")).lower() == "bearer"
        ):
            return {"in": "header", "name": "Authorization", "prefix": "Bearer "}
        elif kind == "http" and str(found.get("scheme")).lower() == "basic":
            return {"in": "header", "name": "Authorization", "prefix": "Basic "}
    return None
