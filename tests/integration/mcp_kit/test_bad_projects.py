"""Faults of a server's project, each found by the rule that names it, with its file and line."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muxi.devkit.examination import examine
from muxi.devkit.project_files import read_project
from muxi.devkit.reports.report import Outcome
from muxi.devkit.rules.evidence import Evidence
from muxi.devkit.target import parse_target
from muxi.devkit.validation import judge
from tests.support.mcp_kit import BAD_SERVERS, broken, judged, program

PYPROJECT = """\
[project]
name = "sums"
version = "1.0.0"
license = "MIT"
requires-python = ">=3.11"
dependencies = ["mcp>=2.3,<3"]

[project.scripts]
sums = "server:main"
"""
SERVER: dict[str, Any] = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "name": "io.github.ada/sums",
    "description": "Adds whole numbers.",
    "version": "1.0.0",
    "packages": [
        {
            "registryType": "pypi",
            "identifier": "sums",
            "version": "1.0.0",
            "transport": {"type": "stdio"},
            "environmentVariables": [
                {"name": "SUMS_API_KEY", "isSecret": True, "isRequired": True}
            ],
        }
    ],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(BAD_SERVERS / "good.py", tmp_path / "server.py")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "README.md").write_text("# Sums\n\nmcp-name: io.github.ada/sums\n")
    (tmp_path / "server.json").write_text(json.dumps(SERVER, indent=2))
    (tmp_path / "tests.yaml").write_text("server: server.py\ncases: []\n")
    return tmp_path


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """What the server says, which is the same for all of its projects here."""
    target = program(BAD_SERVERS / "good.py")
    return asyncio.run(examine(target, patience=20.0))


@pytest.fixture
def found(evidence: Evidence, project: Path) -> Callable[[], dict[str, Outcome]]:
    def judged_now() -> dict[str, Outcome]:
        report = judge(replace(evidence, project=read_project(project)))
        return {outcome.name: outcome for outcome in report.failed()}

    return judged_now


def test_a_whole_project_breaks_no_rule_but_the_missing_lock(project: Path) -> None:
    report = judged(parse_target(str(project)))
    assert {outcome.name for outcome in report.failed()} == {"tools-lock-missing"}


def rewrite(before: str, after: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        file = project / "pyproject.toml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    return change


def server(**changed: Any) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        whole = {k: v for k, v in {**SERVER, **changed}.items() if v is not None}
        (project / "server.json").write_text(json.dumps(whole, indent=2))

    return change


def package(**changed: Any) -> Callable[[Path], None]:
    return server(packages=[{**SERVER["packages"][0], **changed}])


def write(name: str, text: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        (project / name).write_text(text)

    return change


KEY = "ghp_" + "a1B2" * 9
VARIABLE = {"name": "SUMS_API_KEY", "isSecret": True}
FAULTS: list[tuple[str, Callable[[Path], None]]] = [
    ("sdk-unbounded", rewrite("mcp>=2.3,<3", "mcp>=1")),
    ("dependency-unbounded", rewrite('"mcp>=2.3,<3"', '"mcp>=2.3,<3", "requests"')),
    ("python-version-missing", rewrite('requires-python = ">=3.11"\n', "")),
    ("license-missing", rewrite('license = "MIT"\n', "")),
    ("entry-point-missing", rewrite('\n[project.scripts]\nsums = "server:main"\n', "")),
    ("project-file-invalid", rewrite("[project]", "[project")),
    ("readme-missing", write("README.md", "")),
    ("mcp-name-missing", write("README.md", "# Sums\n")),
    ("tools-lock-stale", write("tools.lock.json", "{}\n")),
    ("secret-in-source", write("settings.py", f"TOKEN = '{KEY}'\n")),
    ("server-json-name", server(name="no-namespace-separator")),
    ("server-json-name", server(name=None)),
    ("server-json-description", server(description="Adds whole numbers. " * 10)),
    ("server-json-version", package(version="latest")),
    ("server-json-version", server(version="^1.0.0")),
    ("server-json-invalid", package(packageArguments=[{"type": "positional"}])),
    ("server-json-invalid", package(transport={"type": "telepathy"})),
    ("server-json-schema-old", server(**{"$schema": None})),
    ("server-json-meta", server(_meta={"example.org/mine": {}})),
    ("server-json-nowhere", server(packages=[])),
    ("server-json-registry", package(registryBaseUrl="https://pypi.example")),
    ("server-json-hash-missing", package(registryType="mcpb")),
    ("server-json-mismatch", server(version="2.0.0")),
    (
        "server-json-remote-unencrypted",
        server(remotes=[{"type": "streamable-http", "url": "http://sums.example/mcp"}]),
    ),
    (
        "server-json-remote-sse",
        server(remotes=[{"type": "sse", "url": "https://sums.example/sse"}]),
    ),
    (
        "secret-in-env-default",
        package(environmentVariables=[{**VARIABLE, "default": "hunter2hunter2"}]),
    ),
    ("secret-unmarked", package(environmentVariables=[{"name": "SUMS_API_KEY"}])),
]


@pytest.mark.parametrize(("rule", "change"), FAULTS, ids=[rule for rule, _ in FAULTS])
def test_a_fault_of_a_project_is_found_by_its_rule(
    project: Path,
    found: Callable[[], dict[str, Outcome]],
    rule: str,
    change: Callable[[Path], None],
) -> None:
    change(project)
    assert rule in found()


def test_a_finding_names_the_file_and_the_line(
    project: Path, found: Callable[[], dict[str, Outcome]]
) -> None:
    rewrite("mcp>=2.3,<3", "mcp>=1")(project)
    outcome = found()["sdk-unbounded"]
    assert (outcome.file, outcome.line) == ("pyproject.toml", 6)


def test_a_secret_that_is_found_is_not_repeated(
    project: Path, found: Callable[[], dict[str, Outcome]]
) -> None:
    write("settings.py", f"TOKEN = '{KEY}'\n")(project)
    assert KEY not in str(found())


def test_what_is_not_the_servers_own_is_not_judged(tmp_path: Path, project: Path) -> None:
    rewrite("mcp>=2.3,<3", "mcp>=1")(project)
    stranger = parse_target(["python3", str(BAD_SERVERS / "good.py")], folder=project)
    assert broken(judged(stranger)) == set()
