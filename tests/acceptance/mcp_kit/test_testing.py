"""`muxi mcp test`: cases, reports, snapshots, fuzz and exit codes."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.mcp_kit.conftest import Kit
from tests.support.mcp_kit import BAD_SERVERS

SDK_SERVER = """\
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel

server = MCPServer("sums", version="1")


class Sure(BaseModel):
    sure: bool


def ask_whether_sure(what: str) -> Elicit[Sure]:
    return Elicit(f"Delete {what}?", Sure)


@server.tool()
async def delete(
    what: str, answer: Annotated[Sure, Resolve(ask_whether_sure)], ctx: Context
) -> str:
    '''Deletes something, if the person is sure.'''
    await ctx.report_progress(1, 1)
    return f"{what} is {'gone' if answer.sure else 'kept'}"


@server.tool(annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    '''Adds two whole numbers.'''
    if b == 13:
        raise RuntimeError("Traceback (most recent call last): no luck")
    return a + b


@server.resource("notes://{name}")
def note(name: str) -> str:
    '''A note.'''
    return f"Note {name}"


@server.prompt()
def greet(name: str) -> str:
    '''A greeting.'''
    return f"Greet {name}."
"""
EVERY_VERB = """\
server: server.py:server
cases:
  - {call: add, arguments: {a: 2, b: 40}, expect: {equals: {result: 42}}, save: {sum: result}}
  - {call: add, arguments: {a: "${sum}", b: 1}, expect: {result: {result: 43}}}
  - {read: "notes://one", expect: {contains: Note one}}
  - {call: delete, arguments: {what: A}, answers: [{content: {sure: true}}],
     expect: {contains: A is gone, progress: 1}}
  - {call: delete, arguments: {what: B}, answers: [{action: decline}], expect: {error: true}}
  - {prompt: greet, arguments: {name: Ada}, expect: {contains: Greet Ada}}
  - {list: tools, expect: {names: [add]}}
  - {list: templates, expect: {names: ["notes://{name}"]}}
  - {read: "other://x", expect: {error: other, code: -32602}, revisions: ["2026-07-28"]}
"""


@pytest.mark.ci
def test_the_same_cases_run_over_every_transport_in_both_eras(kit: Kit) -> None:
    (kit.folder / "server.py").write_text(SDK_SERVER)
    (kit.folder / "tests.yaml").write_text(EVERY_VERB)
    done = kit("mcp", "test", "--json")
    report = json.loads(done.out)
    assert [o for o in report["outcomes"] if o["status"] != "passed"] == []
    ways = {o["group"] for o in report["outcomes"]}
    eras = ("2025-11-25", "2026-07-28")
    assert ways == {f"{t} {r}" for t in ("memory", "stdio", "http") for r in eras}
    assert len(report["outcomes"]) == 6 * 9 + 3
    assert done.code == 0


def test_a_case_that_fails_tells_what_came_and_how_to_ask_again(server: Kit) -> None:
    file = server.folder / "tests.yaml"
    file.write_text(file.read_text().replace("sum: 42", "sum: 43"))
    done = server("mcp", "test", "--revision", "2026-07-28")
    assert done.code == 1
    assert "`sum` is 42 instead of 43" in done.out
    [again] = [line for line in done.out.splitlines() if "again:" in line]
    assert """muxi mcp call . add_numbers '{"a": 2, "b": 40}' --transport stdio""" in again
    assert "2 passed, 1 error" in done.err


def test_latency_is_told_in_percentiles(server: Kit) -> None:
    done = server("mcp", "test", "--repeat", "20", "--revision", "2025-11-25", "--json")
    [row] = json.loads(done.out)["latency"]
    assert (row["subject"], row["calls"]) == ("call add_numbers", 40)
    assert 0 < row["p50"] <= row["p90"] <= row["p95"] <= row["p99"] <= row["slowest"]


def test_reports_are_written_for_ci_systems_and_code_hosts(server: Kit) -> None:
    file = server.folder / "tests.yaml"
    file.write_text(file.read_text().replace("sum: 42", "sum: 43"))
    server("mcp", "test", "--junit", "junit.xml", "--sarif", "found.sarif")
    root = ET.fromstring((server.folder / "junit.xml").read_text())
    assert (root.get("tests"), root.get("failures")) == ("6", "2")
    assert len(root.findall("testsuite")) == 2
    run = json.loads((server.folder / "found.sarif").read_text())["runs"][0]
    assert {result["ruleId"] for result in run["results"]} == {"adds"}
    assert run["tool"]["driver"]["name"] == "muxi"


def test_a_changed_answer_fails_against_the_recorded_one_with_a_diff(server: Kit) -> None:
    first = server("mcp", "test", "--snapshot")
    assert first.code == 0
    assert (server("mcp", "test", "--snapshot")).code == 0
    program = server.folder / "server.py"
    program.write_text(
        program.read_text().replace("self.answer(arguments", "self.answer(1 + arguments")
    )
    (server.folder / "tests.yaml").write_text(
        (server.folder / "tests.yaml")
        .read_text()
        .replace('{result: {sum: 42}, contains: "42", ', "{")
    )
    changed = server("mcp", "test", "--snapshot")
    assert changed.code == 1
    assert '-    "sum": 42' in changed.out
    assert '+    "sum": 43' in changed.out
    assert (server("mcp", "test", "--update-snapshot")).code == 0
    assert (server("mcp", "test", "--snapshot")).code == 0


def test_a_program_that_only_answers_help_fails(server: Kit) -> None:
    program = "import sys\nif '--help' not in sys.argv:\n    raise SystemExit('no configuration')\n"
    (server.folder / "server.py").write_text(program)
    done = server("mcp", "test")
    assert done.code == 3
    assert "no configuration" in done.out


def test_a_server_that_never_answers_is_told_apart(server: Kit) -> None:
    (server.folder / "server.py").write_text("import time\ntime.sleep(60)\n")
    text = (server.folder / "tests.yaml").read_text()
    (server.folder / "tests.yaml").write_text(f"start_timeout: 0.5\n{text}")
    assert (server("mcp", "test")).code == 4


def test_mistakes_in_the_cases_are_told_with_their_lines(server: Kit) -> None:
    (server.folder / "tests.yaml").write_text(
        "server: server.py\ncases:\n  - call: add\n    expects: 1\n"
    )
    done = server("mcp", "test")
    assert done.code == 2
    assert "tests.yaml:4:5: cases[0].expects: unknown key" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cases: [{}]", "a case has one of"),
        ("cases: [{call: a, read: b}]", "a case has one of"),
        ("cases: [{call: a}, {call: a}]", "two cases are called"),
        ("cases: {", "this is no YAML"),
        ("server: nothing.py\ncases: []", "There is no file nothing.py"),
    ],
)
def test_bad_cases_are_refused_in_words(kit: Kit, text: str, words: str) -> None:
    (kit.folder / "tests.yaml").write_text(text)
    done = kit("mcp", "test", "--cases", "tests.yaml")
    assert done.code == 2
    assert words in done.err


@pytest.mark.ci
def test_fuzz_finds_the_simplest_arguments_that_break_a_tool(kit: Kit) -> None:
    (kit.folder / "server.py").write_text(SDK_SERVER)
    arguments = ("mcp", "test", "server.py", "--fuzz", "--json", "--examples", "40", "--revision")
    done = kit(*arguments, "2026-07-28", "--transport", "stdio", "--seed", "7")
    report = json.loads(done.out)
    found = {o["name"]: o for o in report["outcomes"] if o["status"] == "failed"}
    assert "it accepts arguments that its schema forbids" in found["fuzz-wrong-type"]["message"]
    assert report["facts"]["fuzz"]["seed"] == 7
    assert found["fuzz-wrong-type"]["reproduce"].startswith("muxi mcp call server.py add ")


def test_fuzz_calls_no_tool_that_does_not_say_that_it_only_reads(server: Kit) -> None:
    program = server.folder / "server.py"
    program.write_text(program.read_text().replace('"readOnlyHint": True', '"readOnlyHint": False'))
    done = server("mcp", "test", "--fuzz", "--json")
    [skipped] = [o for o in json.loads(done.out)["outcomes"] if o["name"] == "fuzz"]
    assert skipped["status"] == "skipped"
    allowed = server("mcp", "test", "--fuzz", "--allow-destructive", "--examples", "3", "--json")
    tried = {o["name"] for o in json.loads(allowed.out)["outcomes"]}
    assert {"fuzz-valid", "fuzz-missing", "fuzz-wrong-type", "fuzz-extra"} <= tried


def test_fuzz_starts_a_server_again_that_dies(server: Kit) -> None:
    program = server.folder / "server.py"
    dying = "if 'a' not in arguments:\n            raise SystemExit(1)\n        "
    program.write_text(program.read_text().replace("if set(arg", f"{dying}if set(arg"))
    done = server("mcp", "test", "--fuzz", "--examples", "5", "--json")
    outcomes = {o["name"]: o for o in json.loads(done.out)["outcomes"]}
    assert "the server died" in outcomes["fuzz-missing"]["message"]
    assert outcomes["fuzz-valid"]["status"] == "passed"
    assert outcomes["fuzz-extra"]["status"] == "passed"


@pytest.mark.parametrize("fault", ["stdout_polluted", "answered_twice", "pagination_broken"])
def test_a_bad_server_is_tested_without_harm(kit: Kit, fault: str) -> None:
    done = kit("mcp", "test", f"python3 {BAD_SERVERS / fault}.py")
    assert done.code in (0, 3)
