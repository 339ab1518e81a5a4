"""pytest runs the cases of a server, and gives tests a client, once for each way to the server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.mcp_kit import BAD_SERVERS

TEST = """\
def test_a_tool_adds(mcp_client):
    result = mcp_client.call("add_numbers", {"a": 2, "b": 40})
    assert (result.structured, result.is_error) == ({"sum": 42}, False)


def test_a_tool_refuses(mcp_client):
    assert "whole numbers" in mcp_client.call("add_numbers", {"a": "two"}).text
    assert mcp_client.call("nothing").code == -32602


def test_a_server_tells_of_itself(mcp_client):
    assert mcp_client.server["name"] == "sums"
    assert [tool["name"] for tool in mcp_client.tools()] == ["add_numbers"]
"""
CASES = """\
server: python3 server.py
cases:
  - {call: add_numbers, arguments: {a: 2, b: 40}, expect: {result: {sum: 42}}}
  - {call: add_numbers, arguments: {a: 2, b: 2}, expect: {result: {sum: 5}}}
"""


def test_cases_and_tests_run_in_both_eras(tmp_path: Path) -> None:
    shutil.copy(BAD_SERVERS / "good.py", tmp_path / "server.py")
    (tmp_path / "tests.yaml").write_text(CASES)
    (tmp_path / "test_sums.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmcp_cases = tests.yaml\n")
    plugins = ["-p", "no:cacheprovider", "-p", "no:asyncio"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert "2 failed, 10 passed" in done.stdout, done.stdout + done.stderr
    assert "`sum` is 4 instead of 5" in done.stdout
