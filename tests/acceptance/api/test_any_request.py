"""Whatever somebody sends, by the description of the API or against it: no route breaks.

Schemathesis makes up the requests, also in sequences, and holds the answers to the description.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from support.served import served

_ENDLESS = r"(/events$|/stream$)"
"""Streams, which do not end."""

_OF_OTHERS = r"^/(v1|agui|mcp|login|logout)|^/api/(chat|mcp|logout)"
"""Protocols that others have described, with tests of their own clients; and signing out."""

_NOT_OURS = ("unsupported_method", "positive_data_acceptance")
"""A POST to what can be read only is refused with 405 as it should be, in a form of our own; and
much that has the right form is refused for what it says, such as an agent that does not exist."""


async def _examine(folder: Path, *arguments: str) -> None:
    """Let schemathesis examine a server; raises with what it has found."""
    async with served(folder, lambda request: "ok", memory={"embedder": "none"}) as muxi:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{muxi.url}/openapi.json",
            f"--header=Authorization: Bearer {muxi.runtime.state.token()}",
            "--checks=all",
            f"--exclude-checks={','.join(_NOT_OURS)}",
            f"--exclude-path-regex={_ENDLESS}|{_OF_OTHERS}",
            "--continue-on-failure",
            "--generation-deterministic",
            "--suppress-health-check=all",
            "--warnings=off",
            "--request-timeout=30",
            "--no-color",
            *arguments,
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        report = told.decode(errors="replace")
        assert process.returncode == 0, report[-20_000:]
        assert "Tested:" in report


@pytest.mark.ci
@pytest.mark.timeout(300)
async def test_no_request_breaks_a_route(tmp_path: Path) -> None:
    await _examine(tmp_path, "--phases=examples,fuzzing", "--max-examples=1")


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
async def test_no_request_and_no_sequence_of_requests_breaks_a_route(tmp_path: Path) -> None:
    await _examine(tmp_path, "--phases=examples,coverage,fuzzing,stateful", "--max-examples=100")
