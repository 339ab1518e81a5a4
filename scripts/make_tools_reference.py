"""Writes docs/reference/tools.md: the built-in tools, from their manifests and schemas.

And docs/reference/tools.json: every version of them as it was, which is what their callers depend
on. A version that stands there is never changed: what is other than recorded needs a version that
says how far it goes, and without one this ends with what to do. Run it after a change of a built-in
tool; a test fails when a file is stale. `--check` writes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pages import keep

from muxi.config.tool_settings import BUILTIN_KINDS
from muxi.core.manifests import ToolManifest
from muxi.core.requests import ToolSpec
from muxi.tools.builtin.catalogue import builtin_tools, manifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.version_record import VersionRecord

PAGE = Path(__file__).parents[1] / "docs/reference/tools.md"
RECORD = PAGE.with_suffix(".json")
NOTE = "<!-- Written by scripts/make_tools_reference.py from the code; do not edit. -->\n"
SERVER = {"host": "mail.example.org", "password": "secret://MAIL"}
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "shell": {"commands": ["ls *"]},
    "sql": {"databases": {"shop": "sqlite:///shop.db"}},
    "openapi": {"apis": {"shop": {"document": "shop.yaml", "url": "https://shop.example.org"}}},
    "email": {"address": "me@example.org", "imap": SERVER, "smtp": SERVER},
    "calendar": {"url": "https://dav.example.org/"},
}
"""Options of kinds that cannot be made without any. A test fails when one is missing here."""
SECRETS = {
    "databases.shop": "sqlite:///shop.db",
    "imap.password": "hidden",
    "smtp.password": "hidden",
}


def page() -> str:
    """The whole page."""
    lines = [
        "# Built-in tools\n",
        NOTE,
        "An agent takes a tool by the name of its kind, or single functions of it. What each kind",
        "may be told under `tools:` stands in [the reference of muxi.yaml](project.md).\n",
        "| kind | what it is for | functions |",
        "|---|---|---|",
    ]
    told = {name: manifest(name) for name in BUILTIN_KINDS}
    for name, each in told.items():
        functions = ", ".join(f"`{tool}`" for tool in each.tools)
        lines.append(f"| [`{name}`](#{name}) | {_cell(each.summary)} | {functions} |")
    for name, each in told.items():
        lines += ["", *_kind(name, each)]
    return "\n".join(lines).rstrip() + "\n"


def record() -> str:
    """All versions that ever were, with those of now. Ends the program if one says too little."""
    kept = VersionRecord.load(RECORD)
    for spec in (spec for name in BUILTIN_KINDS for spec in _specs(name)):
        found = kept.judge(spec)
        if found is not None:
            reasons = "; ".join(found.reasons)
            sys.exit(
                f"{found.tool} is not what {found.before} was ({reasons}): raise the version of"
                f" its manifest from {found.now} to {found.needed} at least."
            )
        if not kept.knows(spec):
            kept.add(spec)
    return kept.text


def _kind(name: str, told: ToolManifest) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"Version {told.version}. {told.summary}\n"
    yield "| | |\n|---|---|"
    for title, value in _facts(told):
        yield f"| {title} | {_cell(value)} |"
    if told.notes:
        yield f"\n{told.notes}"
    for spec in _specs(name):
        yield ""
        yield from _function(spec)


def _facts(told: ToolManifest) -> Iterator[tuple[str, str]]:
    touched = told.permissions
    hosts = ", ".join("any public host" if host == "*" else host for host in touched.network)
    yield "files", {"none": "none", "read": "reads", "write": "reads and writes"}[touched.files]
    yield "network", hosts or "none"
    yield "other programs", "starts them" if touched.processes else "none"
    for secret in told.secrets:
        needed = "needed" if secret.required else "optional"
        yield f"secret `{secret.name}`", f"{secret.description} ({needed})"
    usd = told.cost.usd_per_call
    price = "unknown" if usd is None else "nothing" if not usd else f"{usd} US dollars a call"
    yield "cost", told.cost.note or price
    if hosts:
        yield "met the live service", "yes" if told.live else "no, only servers of its protocol"


def _specs(name: str) -> list[ToolSpec]:
    """The functions of a kind, with all that can be switched on."""
    settings = BUILTIN_KINDS[name]
    options = dict(SAMPLES.get(name, {}))
    if "write" in settings.model_fields:
        options["write"] = True
    made = builtin_tools(name, settings.model_validate(options), Setup(secrets=SECRETS))
    return [each.spec for each in made]


def _function(spec: ToolSpec) -> Iterator[str]:
    yield f"### `{spec.name}`\n"
    yield f"{spec.description.strip()}\n"
    effects = ", ".join(_effects(spec))
    if effects:
        yield f"Its calls: {effects}.\n"
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    if properties:
        yield "| argument | type | default | meaning |\n|---|---|---|---|"
    for name, schema in properties.items():
        needed = name in spec.parameters.get("required", ())
        default = "needed" if needed else _code(schema.get("default"))
        words = _cell(schema.get("description", ""))
        yield f"| `{name}` | {_cell(_type(schema))} | {_cell(default)} | {words} |"
    for example in spec.examples[:1]:
        arguments = json.dumps(example.arguments, ensure_ascii=False)
        yield f"\n“{example.request}” is answered by `{arguments}`."


def _effects(spec: ToolSpec) -> Iterator[str]:
    told = spec.annotations
    if told.read_only:
        yield "change nothing"
    elif told.destructive:
        yield "may destroy what was there"
    elif told.read_only is False:
        yield "make changes"
    if told.open_world:
        yield "reach outside of the project"
    if spec.approval:
        yield "ask for approval"
    if spec.idempotent:
        yield "may be repeated"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(_code(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _code(value: Any) -> str:
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(keep(PAGE.parent, {PAGE.name: page, RECORD.name: record}))
