"""`muxi mcp import`: servers that another program has declared, in the words of muxi.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption

app = new_app(help="Print the servers of another program's mcp.json as a part of muxi.yaml.")

_REFERENCE = re.compile(r"\$\{|^secret://")
_SECRET = re.compile(r"key|token|secret|password|authorization|credential", re.IGNORECASE)


@app.command("import")
def import_servers(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="An mcp.json of Claude, Cursor, VS Code or another client."
        ),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERVER", help="Only these; all of them by default."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the servers of another program's mcp.json as a part of muxi.yaml.

    Values that look like secrets are not printed: they become references to the project's secrets,
    and it is told how to store them. To follow the file itself instead, name it under
    `mcp.imports` in muxi.yaml.
    """
    import yaml

    from muxi.config.mcp_files import declared_in
    from muxi.core.errors import NotFound

    declared = declared_in(file, folder=Path().absolute())
    for name in names or ():
        if name not in declared:
            known = ", ".join(declared)
            raise NotFound(f"{file} declares no server {name}.", hint=f"There is: {known}.")
    chosen = {name: declared[name] for name in names or declared}
    stored: list[str] = []
    servers = {name: _without_secrets(entry, stored) for name, entry in chosen.items()}
    section = {"mcp": {"servers": servers}}
    if json:
        output.as_json(section)
    else:
        output.write(yaml.safe_dump(section, sort_keys=False, allow_unicode=True))
    for secret in dict.fromkeys(stored):
        output.say(f"Store it once: muxi secrets set {secret}")


def _without_secrets(entry: Mapping[str, Any], stored: list[str]) -> dict[str, Any]:
    """`entry` with references in place of secrets, whose names go to `stored`."""
    safe = dict(entry)
    for section in ("env", "headers"):
        values: dict[str, Any] = dict(safe.get(section) or {})
        for name, value in values.items():
            text = str(value)
            if text.startswith("secret://"):
                stored.append(text.removeprefix("secret://"))
            elif _SECRET.search(name) and not _REFERENCE.search(text):
                secret = re.sub(r"[^A-Za-z0-9_]", "_", name).upper()
                values[name] = f"secret://{secret}"
                stored.append(secret)
        if values:
            safe[section] = values
    return safe
