"""`muxi tool test`: the same harness for Python tools, and for models that should use them."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.mcp_kit.conftest import Kit
from tests.support.command import Muxi

TOOLS = '''\
from muxi import tool


@tool(read_only=True, examples=[("What is 17 times 23?", {"expression": "17*23"})])
def calculator(expression: str) -> float:
    """Work out an expression.

    Args:
        expression: In the notation of Python.
    """
    return eval(expression, {"__builtins__": {}})
'''
CASES = """\
cases:
  - {call: calculator, arguments: {expression: "17*23"}, expect: {contains: "391"}}
  - {call: calculator, arguments: {expression: "1/0"}, expect: {error: division by zero}}
  - {call: calculator, arguments: {words: "1"}, expect: {error: expression}}
prompts:
  - ask: Please calculate seventeen times twenty-three.
    call: calculator
    arguments: {expression: "17*23"}
  - ask: Say something.
  - ask: What is four times five?
    call: calculator
"""


@pytest.fixture
def tools(kit: Kit) -> Kit:
    (kit.folder / "tools.py").write_text(TOOLS)
    (kit.folder / "tests.yaml").write_text(CASES)
    return kit


def test_python_tools_are_tested_by_cases(tools: Kit) -> None:
    done = tools("tool", "test", "tools.py", "--json")
    outcomes = json.loads(done.out)["outcomes"]
    assert [o["status"] for o in outcomes] == ["passed"] * 4
    assert done.code == 0


async def test_whether_a_model_can_use_a_tool_is_told_as_a_share(project: Muxi) -> None:
    (project.folder / "tools.py").write_text(TOOLS)
    (project.folder / "tests.yaml").write_text(CASES)
    done = await project("tool", "test", "tools.py", "--model", "fake", "--json")
    report = json.loads(done.out)
    assert list(report["facts"]["accuracy"].values()) == [0.6667]
    wrong = [o for o in report["outcomes"] if o["status"] == "failed"]
    assert [o["name"] for o in wrong] == ["What is four times five?", "accuracy"]
    assert "it calls nothing, and should call calculator" in wrong[0]["message"]
    assert done.code == 1
    lenient = ("--model", "fake", "--min-accuracy", "0.6")
    assert (await project("tool", "test", "tools.py", *lenient)).code == 0


def test_python_tools_are_fuzzed(tools: Kit) -> None:
    done = tools("tool", "test", "tools.py:calculator", "--fuzz", "--examples", "5", "--json")
    tried = {o["name"] for o in json.loads(done.out)["outcomes"] if o["name"].startswith("fuzz")}
    assert {"fuzz-valid", "fuzz-missing", "fuzz-wrong-type", "fuzz-extra", "fuzz-text"} == tried


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nothing.py", 2, "no file"),
        ("broken.py", 3, "SyntaxError"),
        ("empty.py", 3, "has no tools"),
        ("tools.py:nothing", 3, "no function"),
    ],
)
def test_tools_that_are_not_there_are_told_of(tools: Kit, name: str, code: int, words: str) -> None:
    (tools.folder / "broken.py").write_text("def")
    (tools.folder / "empty.py").write_text("")
    done = tools("tool", "test", name)
    assert (done.code, words in done.out + done.err) == (code, True)
