"""Every template with every choice: what it writes is of its languages' own form, and the same."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from muxi.core.errors import InvalidInput
from muxi.devkit.cases import load_suite
from muxi.devkit.create.answers import Answers, Given, completed
from muxi.devkit.create.catalogue import TEMPLATES
from muxi.devkit.create.names import LONGEST_NAME
from muxi.devkit.create.placing import write_files
from muxi.devkit.create.server import plan_server
from muxi.devkit.server_json import mistakes

NAMES = ("a", "b" * LONGEST_NAME)
"""The shortest and the longest: what a formatter leaves alone in both, it leaves alone in all."""


def answers(**given: Any) -> Answers:
    return completed(Given(**given))


def python_choices() -> list[Answers]:
    found: list[Answers] = []
    for template, name in itertools.product(TEMPLATES.values(), NAMES):
        if "python" not in template.languages:
            continue
        found.append(answers(name=name, template=template.name, license="none"))
        if not template.not_in_fastmcp:
            for transport in ("stdio", "http"):
                found.append(
                    answers(
                        name=name,
                        template=template.name,
                        framework="fastmcp",
                        transport=transport,
                    )
                )
        found.append(
            answers(
                name=name, template=template.name, transport="http", auth="oauth", python="3.13"
            )
        )
    return found


def test_what_is_written_in_python_is_formatted_and_clean(tmp_path: Path) -> None:
    for number, each in enumerate(python_choices()):
        write_files(tmp_path / str(number), plan_server(each).files)
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("template", TEMPLATES)
def test_files_are_of_their_format_and_say_what_was_answered(template: str, tmp_path: Path) -> None:
    chosen = answers(
        name="parcel-desk",
        template=template,
        description='Says "what\'s" where \\ <b> {{x}} ${{ y }} `z`, 100% | done. ünï',
        namespace="io.github.ada",
    )
    files = {str(path): text for path, text in plan_server(chosen).files.items()}
    for path, text in files.items():
        assert text.endswith("\n") or not text, path
        assert "\n\n\n\n" not in text, path
        if path.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "parcel-desk"
    assert project["description"] == chosen.description
    bounded = re.compile(r"[a-z0-9-]+(\[[a-z]+\])?>=[0-9.]+,<[0-9]+")
    for requirement in (*project["dependencies"], *project["optional-dependencies"]["dev"]):
        assert bounded.fullmatch(requirement), requirement
    assert "mcp>=2.3,<3" in project["dependencies"]
    manifest = json.loads(files["server.json"])
    assert list(mistakes(manifest)) == []
    assert manifest["description"] == chosen.description
    assert "<!-- mcp-name: io.github.ada/parcel-desk -->" in files["README.md"]
    label = 'LABEL io.modelcontextprotocol.server.name="io.github.ada/parcel-desk"'
    assert label in files["Dockerfile"]
    # By its number: a cluster that lets nobody run as root cannot tell who a name is.
    assert "\nUSER 10001\n" in files["Dockerfile"]
    assert yaml.safe_load(files[".github/workflows/ci.yml"])["jobs"]
    assert files["LICENSE"].startswith("MIT License")
    (tmp_path / "tests.yaml").write_text(files["tests.yaml"], encoding="utf-8")
    assert load_suite(tmp_path / "tests.yaml").cases
    declared = manifest["packages"][0]["environmentVariables"]
    assert re.findall(r"^(\w+)=", files[".env.example"], re.MULTILINE) == [
        variable["name"] for variable in declared
    ]


@pytest.mark.parametrize(
    "template", [t.name for t in TEMPLATES.values() if "typescript" in t.languages]
)
def test_what_is_written_in_typescript_says_what_was_answered(template: str) -> None:
    chosen = answers(
        name="parcel-desk",
        template=template,
        language="typescript",
        description='Says "what\'s" where \\ <b> ${x} `z`, 100% | done. ünï',
        namespace="io.github.ada",
        license="none",
    )
    files = {str(path): text for path, text in plan_server(chosen).files.items()}
    package = json.loads(files["package.json"])
    assert package["description"] == chosen.description
    assert package["mcpName"] == "io.github.ada/parcel-desk"
    assert json.loads(files["package-lock.json"])["packages"][""]["license"] == "UNLICENSED"
    assert "resolved" not in files["package-lock.json"]
    assert list(mistakes(json.loads(files["server.json"]))) == []
    assert json.loads(files["tools.lock.json"])["name"] == "parcel-desk"
    for name in (*package["dependencies"], *package["devDependencies"]):
        assert f'"node_modules/{name}"' in files["package-lock.json"]


def test_the_locks_hold_every_requirement_of_every_template() -> None:
    for template in TEMPLATES.values():
        for auth in ("none", "oauth") if template.auth == "none" else ("oauth",):
            the_locks_hold_all(answers(template=template.name, auth=auth, transport="http"))
        if not template.not_in_fastmcp:
            the_locks_hold_all(answers(template=template.name, framework="fastmcp"))


def the_locks_hold_all(chosen: Answers) -> None:
    files = plan_server(chosen).files
    project = tomllib.loads(files[PurePosixPath("pyproject.toml")])["project"]
    assert ("fastmcp>=4.1.2,<5" in project["dependencies"]) == (chosen.framework == "fastmcp")
    for name, needed in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", project["optional-dependencies"]["dev"]),
    ):
        text = files[PurePosixPath(name)]
        pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
        wanted = {re.split(r"[\[>]", requirement)[0] for requirement in needed}
        assert wanted <= pinned, (chosen.template.name, name)
        assert text.count("--hash=sha256:") >= len(pinned)


@pytest.mark.parametrize(
    "given",
    [
        {"template": "interactive"},
        {"template": "oauth"},
        {"template": "minimal", "language": "typescript"},
        {"template": "minimal", "transport": "http", "auth": "oauth"},
    ],
)
def test_what_is_not_made_with_fastmcp_is_refused_with_a_reason(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        answers(framework="fastmcp", **given)
    assert caught.value.hint


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_same_answers_give_the_same_texts(template: str) -> None:
    assert plan_server(answers(template=template)) == plan_server(answers(template=template))
