"""muxi's MCP server used by the clients of others: over HTTP and stdio, in both eras.

The official inspector, fastmcp and the TypeScript SDK, each installed from its registry.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.installed import CACHE

from muxi.config.load import load_project
from muxi.devkit.node import Node
from muxi.runtime.build import open_runtime
from muxi.server.serve import serving
from tests.support.command import Muxi, muxi, project, provider

__all__ = ["muxi", "project", "provider"]

pytestmark = pytest.mark.ci

HERE = Path(__file__).parent
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
TYPESCRIPT = "@modelcontextprotocol/client@2.4.0"
FASTMCP = "fastmcp==4.1.2"

TIMED = ("start-slow", "end-lingering")

both_eras = pytest.mark.parametrize("mode", ["legacy", "auto"])


@dataclass
class Target:
    """A server that a foreign client is pointed at."""

    kind: str
    words: list[str]
    """A URL and a token, or a command."""
    project: Muxi

    async def use(self, *command: str | Path) -> Any:
        """What a client saw, which it prints as JSON."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.project.folder,
            env={**self.project.environment, "PATH": _path()},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, f"{out.decode()[-2000:]}\n{err.decode()[-4000:]}"
        return json.loads(out)


def _path() -> str:
    return os.pathsep.join((str(Node.find().program.parent), os.environ["PATH"]))


@pytest.fixture(params=["http", "stdio"])
async def target(request: pytest.FixtureRequest, project: Muxi) -> AsyncIterator[Target]:
    if request.param == "stdio":
        yield Target("stdio", [sys.executable, "-m", "muxi", "mcp", "serve"], project)
        return
    runtime = await open_runtime(load_project(project.folder))
    try:
        async with serving(runtime, port=0) as server:
            yield Target("http", [f"{server.url}/mcp", runtime.state.token()], project)
    finally:
        await runtime.close()


def check(seen: dict[str, Any]) -> None:
    assert {"ask_assistant", "ask_careful", "run_result", "recall"} <= set(seen["tools"])
    assert seen["answer"]["text"] == "You said: hello"
    # A client may drop a report that comes in one packet with the answer.
    assert seen["progress"]
    assert "You said: hello".startswith(seen["progress"])
    assert seen["careful"]["status"] == "completed"
    assert "391" in seen["careful"]["text"]
    (asked,) = seen["asked"]
    assert "17*23" in asked
    assert seen["wrong"] is True
    assert "You said: hello" in seen["thread"]
    assert "ask_agent" in seen["prompts"]


@both_eras
async def test_the_typescript_sdk_uses_it(target: Target, mode: str) -> None:
    node = Node.find()
    home = node.install(CACHE / "typescript-client-2.4.0", [TYPESCRIPT])
    folder = home / "node_modules" / "@modelcontextprotocol" / "client"
    script = HERE / "typescript.mjs"
    check(await target.use(node.program, script, folder, mode, target.kind, *target.words))


@both_eras
async def test_fastmcp_uses_it(target: Target, mode: str) -> None:
    python = fastmcp()
    script = HERE / "with_fastmcp.py"
    check(await target.use(python, script, mode, target.kind, *target.words))


@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_the_inspector_uses_it(target: Target, mode: str) -> None:
    node = Node.find()
    home = node.install(CACHE / "inspector-2.12.0", [INSPECTOR])
    script = home / "node_modules" / ".bin" / "mcp-inspector"
    words = target.words
    if target.kind == "http":
        words = [words[0], "--transport", "http", "--header", f"Authorization: Bearer {words[1]}"]

    async def inspect(method: str, *options: str) -> Any:
        options = ("--method", method, "--protocol-era", mode, "--format", "json", *options)
        options = ("--connect-timeout", "120000", *options)
        return (await target.use(node.program, script, "--cli", *words, *options))["result"]

    tools = (await inspect("tools/list", "--strict"))["tools"]
    called = await inspect(
        "tools/call", "--tool-name", "ask_assistant", "--tool-args-json", '{"input": "hello"}'
    )
    answer = called["structuredContent"]
    read = await inspect("resources/read", "--uri", f"muxi://threads/{answer['thread_id']}")
    assert "ask_assistant" in [tool["name"] for tool in tools]
    assert answer["text"] == "You said: hello"
    assert "You said: hello" in read["contents"][0]["text"]


def fastmcp() -> Path:
    """The Python of an environment with fastmcp, made once."""
    home = CACHE / "fastmcp-4.1.2"
    python = home / "bin" / "python"
    if not home.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".fastmcp-", dir=CACHE))
        try:
            subprocess.run([sys.executable, "-m", "venv", beside], check=True)
            install = [beside / "bin" / "python", "-m", "pip", "install", "--quiet", FASTMCP]
            subprocess.run(install, check=True)
            beside.rename(home)
        except OSError:
            # Somebody else was faster.
            assert home.is_dir()
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return python


async def test_it_keeps_every_rule_by_which_muxi_judges_servers(target: Target) -> None:
    # How long an answer takes depends on what else this machine is doing.
    options = ["--json", *(f"--ignore={rule}" for rule in TIMED)]
    if target.kind == "http":
        words = [target.words[0], "--header", f"Authorization: Bearer {target.words[1]}"]
    else:
        words = ["--", *target.words]
    seen = await target.use(sys.executable, "-m", "muxi", "mcp", "validate", *options, *words)
    broken = [rule for rule in seen["outcomes"] if rule["status"] not in ("passed", "skipped")]
    assert [f"{rule['name']}: {rule['where']}: {rule['message']}" for rule in broken] == []
