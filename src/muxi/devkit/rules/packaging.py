"""Rules of the package: bounds of its dependencies, and what people who install it need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from packaging.requirements import InvalidRequirement, Requirement

from muxi.core.errors import LockInvalid
from muxi.devkit.project_files import ProjectFiles
from muxi.devkit.rules.evidence import Evidence, items, mapping
from muxi.devkit.rules.rule import Complaint, Rule
from muxi.devkit.tools_lock import tools_lock_text

ABOUT: Final = "package"

SDK_UNBOUNDED = Rule(
    "sdk-unbounded",
    "error",
    "The SDK of MCP has an upper bound among the dependencies.",
    "The day of its next major version every new installation breaks, as on 2026-07-28.",
    "Write `mcp>=2.3,<3`, or the like for the SDK in use.",
)
UNBOUNDED = Rule(
    "dependency-unbounded",
    "warning",
    "Every dependency has an upper bound, or a lock goes with the package.",
    "A server that is started by uvx or npx gets the newest of everything.",
    "Add the next major version as a bound.",
)
PYTHON = Rule(
    "python-version-missing",
    "warning",
    "The package says which versions of Python or Node it runs on.",
    "Installers choose one that it does not run on.",
    "Set `requires-python`, or `engines.node`.",
)
LICENSE = Rule(
    "license-missing",
    "warning",
    "The package says its license.",
    "Without one nobody may use it, and registries refuse it.",
    "Set `license` to an SPDX expression.",
)
ENTRY = Rule(
    "entry-point-missing",
    "warning",
    "The package has a command that starts the server.",
    "uvx and npx, by which clients start servers, need one.",
    "Add `[project.scripts]`, or `bin`.",
)
README = Rule(
    "readme-missing",
    "note",
    "The package has a README.",
    "Registries and people look there first.",
    "Say what the server does, and how clients are set up; `muxi mcp docs` writes most of it.",
)
MARKER = Rule(
    "mcp-name-missing",
    "warning",
    "The package names the server that its server.json describes.",
    "The official registry takes it as the proof that package and server belong together.",
    "Write `mcp-name: NAME` into the README, or set `mcpName` in package.json.",
)
LOCK_MISSING = Rule(
    "tools-lock-missing",
    "note",
    "The surface of the server is locked (tools.lock.json).",
    "A change of a description or schema is noticed by users instead of in review.",
    "Run `muxi mcp lock`, and commit the file.",
)
LOCK_STALE = Rule(
    "tools-lock-stale",
    "warning",
    "tools.lock.json is what the server offers now.",
    "Whoever compares with it is told of changes that were never meant.",
    "Look at `muxi mcp lock --check`, then run `muxi mcp lock`.",
)
CASES = Rule(
    "cases-missing",
    "note",
    "The server has cases (tests.yaml).",
    "That it starts does not say that its tools work.",
    "Write a case for each tool; docs/reference/mcp-tests.md tells how.",
)
BROKEN = Rule(
    "project-file-invalid",
    "error",
    "pyproject.toml, package.json and server.json are of their formats.",
    "Installers and registries cannot read them.",
    "Correct what the message names.",
)

_SDKS: Final = ("mcp", "fastmcp", "mcp-types", "@modelcontextprotocol/sdk")
_SCOPE: Final = "@modelcontextprotocol/"
_UPPER: Final = ("<", "<=", "==", "===", "~=")
_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "package-lock.json", "pnpm-lock.yaml")


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    project = evidence.project
    if project is None:
        return
    for file, fault in project.faults.items():
        yield BROKEN.at(file, fault, file=file)
    if project.pyproject is not None:
        yield from _python(project, mapping(project.pyproject, "project"))
    if project.package is not None:
        yield from _node(project, project.package)
    if project.pyproject is None and project.package is None:
        return
    yield from _around(project)
    yield from _lock(project, evidence)


def _python(project: ProjectFiles, about: dict[str, Any]) -> Iterator[Complaint]:
    file = "pyproject.toml"
    locked = any((project.folder / name).is_file() for name in _LOCKS)
    for text in map(str, items(about, "dependencies")):
        try:
            needed = Requirement(text)
        except InvalidRequirement as error:
            yield BROKEN.at(f"{file}, dependencies", f"{text!r}: {error}", file=file)
            continue
        if needed.url is None and not any(each.operator in _UPPER for each in needed.specifier):
            rule = SDK_UNBOUNDED if needed.name.lower() in _SDKS else UNBOUNDED
            if rule is SDK_UNBOUNDED or not locked:
                line = project.line_of(file, text)
                yield rule.at(f"{file}, dependencies", f"{text!r} has none", file=file, line=line)
    dynamic = items(about, "dynamic")
    if "requires-python" not in about and "requires-python" not in dynamic:
        yield PYTHON.at(file, "it does not", file=file)
    if "license" not in about and not items(about, "license-files"):
        yield LICENSE.at(file, "it does not", file=file)
    if not mapping(about, "scripts") and "scripts" not in dynamic:
        yield ENTRY.at(file, "it has none", file=file)
    yield from _marker(project, "pypi", project.readme or "", "README")


def _node(project: ProjectFiles, about: dict[str, Any]) -> Iterator[Complaint]:
    file = "package.json"
    locked = any((project.folder / name).is_file() for name in _LOCKS)
    for name, asked in mapping(about, "dependencies").items():
        text = str(asked).strip()
        if not _bounded(text):
            sdk = name in _SDKS or name.startswith(_SCOPE)
            if sdk or not locked:
                line = project.line_of(file, f'"{name}"')
                rule = SDK_UNBOUNDED if sdk else UNBOUNDED
                words = f"{name} {text!r} has none"
                yield rule.at(f"{file}, dependencies", words, file=file, line=line)
    if "node" not in mapping(about, "engines"):
        yield PYTHON.at(file, "it does not", file=file)
    if not about.get("license"):
        yield LICENSE.at(file, "it does not", file=file)
    if not about.get("bin"):
        yield ENTRY.at(file, "it has none", file=file)
    yield from _marker(project, "npm", f"mcp-name: {about.get('mcpName')}", "package.json")


def _bounded(text: str) -> bool:
    """Whether a range of npm ends somewhere."""
    if text in ("", "*", "latest", "x", "X", "next"):
        return False
    return not re.fullmatch(r">=?\s*[\w.+-]+", text)


def _marker(project: ProjectFiles, kind: str, text: str, where: str) -> Iterator[Complaint]:
    described = cast("dict[str, Any]", project.server_json or {})
    packages = [mapping({"it": each}, "it") for each in items(described, "packages")]
    kinds = {package.get("registryType") for package in packages}
    name = described.get("name")
    if kind in kinds and isinstance(name, str) and not _names(text, name):
        yield MARKER.at(where, f"it does not name {name}")


def _names(text: str, name: str) -> bool:
    return re.search(rf"mcp-name:\s*{re.escape(name)}(?![\w./-])", text) is not None


def _around(project: ProjectFiles) -> Iterator[Complaint]:
    if not project.readme:
        yield README.at("project", "it has none")
    if not project.has_cases:
        yield CASES.at("project", "it has none")


def _lock(project: ProjectFiles, evidence: Evidence) -> Iterator[Complaint]:
    if project.tools_lock is None:
        yield LOCK_MISSING.at("project", "it is not")
        return
    try:
        now = tools_lock_text(evidence.main.survey.surface).encode()
    except (ValueError, LockInvalid) as error:
        yield LOCK_STALE.at("tools.lock.json", str(error), file="tools.lock.json")
        return
    if now != project.tools_lock:
        yield LOCK_STALE.at("tools.lock.json", "it is something else", file="tools.lock.json")
