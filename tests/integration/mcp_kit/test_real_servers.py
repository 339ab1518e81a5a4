"""Servers of other people keep every rule of severity error: the rules cry no wolf."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from support.real_servers import install, real_servers

from muxi.config.mcp_settings import McpServerSettings
from muxi.devkit.target import parse_target
from muxi.mcp.local import Places
from tests.support.mcp_kit import judged

pytestmark = pytest.mark.ci

NAMES = sorted(real_servers(Path()))


@pytest.mark.parametrize("name", NAMES)
def test_a_server_of_others_breaks_no_rule_of_severity_error(name: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "repository")], check=True)
    declared = {name: {**real_servers(tmp_path)[name], "permissions": None}}
    install(declared, tmp_path / "state")
    settings = McpServerSettings.model_validate(declared[name])
    places = Places(folder=tmp_path, state=tmp_path / "state")
    launch = asyncio.run(places.launch(name, settings))
    env = {"PATH": launch.environment["PATH"], **(declared[name].get("env") or {})}
    report = judged(parse_target(launch.command, env=env))
    assert report.failed("error") == []
    assert report.passed > 100
