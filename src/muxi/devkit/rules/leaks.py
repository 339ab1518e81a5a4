"""Rules of secrets: none in files, none in defaults, none through the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from muxi.core.json_shapes import is_object
from muxi.devkit.project_files import ProjectFiles
from muxi.devkit.rules.evidence import Evidence, items, named, parameters
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "secrets"

ENV_DEFAULT = Rule(
    "secret-in-env-default",
    "error",
    "No secret has a default or a fixed value in server.json.",
    "It is published with the file, for everybody.",
    "Remove the value, set `isSecret` and `isRequired`, and revoke what was published.",
)
UNMARKED = Rule(
    "secret-unmarked",
    "warning",
    "A variable that holds a secret says so (isSecret).",
    "Clients show it on the screen and keep it in plain files.",
    "Set `isSecret` to true.",
)
SOURCE = Rule(
    "secret-in-source",
    "error",
    "No file of the project holds a key or a token.",
    "Whoever gets the package or the repository gets it too.",
    "Take it from the environment, and revoke it.",
)
SCHEMA = Rule(
    "secret-in-schema",
    "error",
    "No schema holds a key or a token.",
    "It is sent to every model that is offered the tool.",
    "Remove it, and revoke it.",
)
PARAMETER = Rule(
    "secret-parameter",
    "warning",
    "No tool takes a secret as an argument.",
    "It goes through the model, its provider and every log on the way.",
    "Take it from the environment, or ask for it by elicitation in URL mode.",
)

_SHAPES: Final = re.compile(
    r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b|\bxox[abprs]-[0-9A-Za-z-]{20,}"
    r"|\bglpat-[0-9A-Za-z_-]{20,}|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}"
    r"|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----"
)
_NAME: Final = re.compile(
    r"(?:^|_)(?:api_?key|apikey|secret|token|password|passwd|private_?key|credentials?|auth)(?:$|_)",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"(?:^|_)(?:max|num|count|limit|next|page)_?|tokens$", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    r"api_?key|apikey|(?:access|auth|bearer|refresh)_?token|password|passwd|client_?secret"
    r"|private_?key|secret_?key",
    re.IGNORECASE,
)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    for tool in evidence.tools:
        for name, _ in parameters(tool):
            if _PARAMETER.fullmatch(name):
                yield PARAMETER.at(named("tool", tool), f"it takes `{name}`")
        if found := _SHAPES.search(str(tool)):
            yield SCHEMA.at(named("tool", tool), f"it holds {found[0][:8]}…")
    if evidence.project is not None:
        yield from _manifest(evidence.project)
        yield from _sources(evidence.project)


def _manifest(project: ProjectFiles) -> Iterator[Complaint]:
    document = cast("dict[str, Any]", project.server_json or {})
    for kind, key in (("packages", "environmentVariables"), ("remotes", "headers")):
        for index, owner in enumerate(items(document, kind)):
            known = owner if is_object(owner) else {}
            for variable in items(known, key):
                if isinstance(variable, dict):
                    place = f"server.json, {kind}.{index}.{key}"
                    yield from _variable(project, place, cast("dict[str, Any]", variable))


def _variable(project: ProjectFiles, place: str, variable: dict[str, Any]) -> Iterator[Complaint]:
    name = str(variable.get("name"))
    plain = name.replace("-", "_")
    secret = variable.get("isSecret") is True
    named_so = bool(_NAME.search(plain)) and not _HARMLESS.search(plain)
    given = variable.get("default") or variable.get("value")
    where = f"{place} {name}"
    line = project.line_of("server.json", f'"{name}"')
    if (
        isinstance(given, str)
        and "{" not in given
        and (secret or named_so or _SHAPES.search(given))
    ):
        yield ENV_DEFAULT.at(where, "it has one", file="server.json", line=line)
    if named_so and not secret:
        yield UNMARKED.at(where, "it does not", file="server.json", line=line)


def _sources(project: ProjectFiles) -> Iterator[Complaint]:
    for file, text in project.sources.items():
        if found := _SHAPES.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield SOURCE.at(file, f"it holds {found[0][:8]}…", file=file, line=line)
