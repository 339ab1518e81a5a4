"""Rules of server.json, by which registries list a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from muxi.devkit.project_files import ProjectFiles
from muxi.devkit.rules.evidence import Evidence, items, mapping
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.devkit.server_json import MOST_META, PUBLISHER_META, SCHEMA_URI, meta_bytes, mistakes

ABOUT: Final = "server.json"
FILE: Final = "server.json"

MISSING = Rule(
    "server-json-missing",
    "note",
    "A package has a server.json.",
    "Registries list the server by it, and clients install from there.",
    "Write one; `muxi create mcp-server` does.",
)
INVALID = Rule(
    "server-json-invalid",
    "error",
    "server.json has the form of 2025-12-11.",
    "Registries refuse it.",
    "Correct what the message names.",
)
NAME = Rule(
    "server-json-name",
    "error",
    "The name reads `namespace/name`, the namespace a reversed domain.",
    "Registries check by it who may publish.",
    "Write, for instance, `io.github.USER/NAME`.",
)
VERSION = Rule(
    "server-json-version",
    "error",
    "Versions are exact.",
    "A range, or `latest`, means another program tomorrow.",
    "Write the version that was published.",
)
DESCRIPTION = Rule(
    "server-json-description",
    "error",
    "The description has 1 to 100 characters.",
    "Registries refuse longer ones.",
    "Say in one sentence what the server can do.",
)
SCHEMA = Rule(
    "server-json-schema-old",
    "warning",
    "server.json names the newest released schema.",
    "Tools check it against another form, or none.",
    f'Set `$schema` to "{SCHEMA_URI}".',
)
META = Rule(
    "server-json-meta",
    "warning",
    "Extra data stands under the publisher's key, in at most 4 KB.",
    "The official registry drops everything else, and refuses more.",
    f"Put it under `_meta` and `{PUBLISHER_META}`.",
)
REMOTE_PLAIN = Rule(
    "server-json-remote-unencrypted",
    "error",
    "Remotes are reached by https.",
    "Tokens and answers would be read on the way.",
    "Serve TLS, and write `https://`.",
)
REMOTE_SSE = Rule(
    "server-json-remote-sse",
    "warning",
    "Remotes use streamable HTTP.",
    "HTTP with SSE is deprecated, and newer clients do not speak it.",
    "Serve streamable HTTP, and set the type to `streamable-http`.",
)
NOWHERE = Rule(
    "server-json-nowhere",
    "warning",
    "server.json has a package or a remote.",
    "Without either nobody can install or reach the server.",
    "Add `packages` or `remotes`.",
)
REGISTRY = Rule(
    "server-json-registry",
    "warning",
    "Packages come from the public registry of their kind.",
    "The official registry refuses mirrors and private ones.",
    "Leave `registryBaseUrl` out, or name the public one.",
)
HASH = Rule(
    "server-json-hash-missing",
    "error",
    "A package of the kind mcpb has a fileSha256.",
    "Clients cannot tell whether the file is the one that was published.",
    "Add the SHA-256 of the file.",
)
MISMATCH = Rule(
    "server-json-mismatch",
    "warning",
    "server.json, the package and the running server say one version.",
    "People install something else than what was described.",
    "Set all of them from one place.",
)

_BASES: Final = {
    "npm": ("https://registry.npmjs.org",),
    "pypi": ("https://pypi.org",),
    "nuget": ("https://api.nuget.org", "https://api.nuget.org/v3/index.json"),
}
_NAMED: Final = {"name": NAME, "version": VERSION, "description": DESCRIPTION}


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    project = evidence.project
    if project is None or FILE in project.faults:
        return
    document = project.server_json
    if document is None:
        if project.pyproject is not None or project.package is not None:
            yield MISSING.at("project", "it has none")
        return
    found = cast("dict[str, Any]", document)
    for place, words in mistakes(found):
        rule = _NAMED.get(place.rpartition(".")[2] if place.endswith("version") else place, INVALID)
        yield _at(project, rule, place, words)
    yield from _whole(project, found)
    for index, package in enumerate(items(found, "packages")):
        if isinstance(package, dict):
            yield from _package(project, f"packages.{index}", cast("dict[str, Any]", package))
    for index, remote in enumerate(items(found, "remotes")):
        if isinstance(remote, dict):
            yield from _remote(project, f"remotes.{index}", cast("dict[str, Any]", remote))
    yield from _versions(project, found, evidence)


def _whole(project: ProjectFiles, document: dict[str, Any]) -> Iterator[Complaint]:
    schema = document.get("$schema")
    if schema != SCHEMA_URI:
        yield _at(project, SCHEMA, "$schema", f"it is {schema!r}")
    if not items(document, "packages") and not items(document, "remotes"):
        yield _at(project, NOWHERE, "", "it has neither")
    foreign = sorted(set(mapping(document, "_meta")) - {PUBLISHER_META})
    if foreign:
        yield _at(project, META, "_meta", f"there is also {', '.join(foreign)}")
    if (size := meta_bytes(document)) > MOST_META:
        yield _at(project, META, "_meta", f"it has {size:,} bytes")


def _package(project: ProjectFiles, place: str, package: dict[str, Any]) -> Iterator[Complaint]:
    kind, base = str(package.get("registryType")), package.get("registryBaseUrl")
    public = _BASES.get(kind)
    if isinstance(base, str) and public is not None and base.rstrip("/") not in public:
        yield _at(project, REGISTRY, f"{place}.registryBaseUrl", f"it is {base}")
    if kind == "mcpb" and not package.get("fileSha256"):
        yield _at(project, HASH, place, "it has none")


def _remote(project: ProjectFiles, place: str, remote: dict[str, Any]) -> Iterator[Complaint]:
    if str(remote.get("url")).lower().startswith("http://"):
        yield _at(project, REMOTE_PLAIN, f"{place}.url", f"it is {remote['url']}")
    if remote.get("type") == "sse":
        yield _at(project, REMOTE_SSE, f"{place}.type", "it is sse")


def _versions(
    project: ProjectFiles, document: dict[str, Any], evidence: Evidence
) -> Iterator[Complaint]:
    said = {FILE: document.get("version")}
    said["pyproject.toml"] = mapping(project.pyproject or {}, "project").get("version")
    said["package.json"] = (project.package or {}).get("version")
    said["the server"] = evidence.main.survey.info.get("version")
    known = {place: str(version) for place, version in said.items() if version}
    if len(set(known.values())) > 1:
        yield _at(
            project, MISMATCH, "version", ", ".join(f"{k} says {v}" for k, v in known.items())
        )


def _at(project: ProjectFiles, rule: Rule, place: str, message: str) -> Complaint:
    where = f"{FILE}, {place}" if place else FILE
    key = next((step for step in reversed(place.split(".")) if step and not step.isdecimal()), "")
    line = project.line_of(FILE, f'"{key}"') if key else None
    return rule.at(where, message, file=FILE, line=line)
