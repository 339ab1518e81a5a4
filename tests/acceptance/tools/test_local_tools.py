"""The tools of this machine in a real project, called by a model through the server."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from typing import Any

import pytest

from muxi.config.load import load_project
from muxi.config.local_tool_settings import GitTool
from muxi.core.errors import ConfigError
from muxi.core.events import ApprovalDecision, ApprovalRequested, Event, ToolCompleted
from muxi.core.messages import ImagePart, ToolResultPart
from muxi.runtime.build import open_runtime
from tests.support.hostile import KEY
from tests.support.unlucky import Unlucky, ending

SHELL = """\
  shell: {commands: ["echo *", "sleep *"]}
"""
TOOLS = f"""\
  files: {{root: work}}
  run_python:
  charts:
  git: {{repository: code, write: true}}
  sql:
    databases: {{shop: "sqlite:///shop.db", away: "postgresql://ann:${{PLANTED_KEY}}@127.0.0.1:1/x"}}
{SHELL}"""


@pytest.fixture
def project(unlucky: Unlucky) -> Unlucky:
    """A project whose agent has the whole toolbox."""
    folder = unlucky.folder
    file = folder / "muxi.yaml"
    names = "[calculator, files, run_python, charts, git, sql, shell]"
    text = file.read_text().partition("tools:\n  raises")[0]
    text = text.replace("[calculator, raises, hangs, huge, odd]", names)
    file.write_text(f"{text}tools:\n{TOOLS}")
    (folder / "work").mkdir()
    (folder / "work" / "plan.md").write_text("# Plan\n")
    (folder / "work" / "home").symlink_to("..")
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE items (name TEXT)")
        connection.execute("INSERT INTO items VALUES ('tea')")
    connection.close()
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder / "code")], check=True)
    return unlucky


def call(name: str, **arguments: Any) -> str:
    """A question that makes the model of these tests call a tool."""
    return f"call {name} {json.dumps(arguments)}"


def result(events: list[Event]) -> ToolResultPart:
    (done,) = [event for event in events if isinstance(event, ToolCompleted)]
    return done.result


USES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("read_file", {"path": "plan.md"}, "# Plan"),
    ("list_files", {}, "plan.md"),
    ("write_file", {"path": "new/a.txt", "content": "x"}, "Wrote new/a.txt"),
    ("search_files", {"query": "plan"}, "plan.md:1: # Plan"),
    ("run_python", {"code": "sum(range(10))"}, "45"),
    ("sql_schema", {"database": "shop"}, "items\n- name TEXT"),
    ("sql_query", {"statement": "SELECT * FROM items", "database": "shop"}, "| tea |"),
    ("git_status", {}, "On No commits yet on main"),
    ("draw_chart", {"kind": "bar", "values": [1, 2]}, "Drew a bar chart of 2 values"),
)
ABUSES: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("read_file", {"path": "home/muxi.yaml"}, "leads out of the folder"),
    ("read_file", {"path": "../muxi.yaml"}, "leads out of the folder"),
    ("write_file", {"path": "home/.muxi/token", "content": "x"}, "leads out of the folder"),
    ("run_python", {"code": "open('/etc/passwd').read()"}, "PermissionError"),
    ("sql_query", {"statement": "DROP TABLE items", "database": "shop"}, "Only statements"),
    ("sql_query", {"statement": "SELECT 1", "database": "away"}, "cannot be reached"),
    ("sql_execute", {"statement": "DROP TABLE items"}, "There is no tool called sql_execute"),
    ("git_log", {"revision": "--output=x"}, "is no revision"),
    ("draw_chart", {"kind": "bar", "values": [1, 2], "labels": ["a"]}, "1 labels for 2 values"),
)


async def test_a_model_uses_the_toolbox(project: Unlucky):
    async with project.served() as muxi:
        for name, arguments, words in USES:
            _, events = await muxi.answer(call(name, **arguments))
            assert ending(events).status == "completed", ending(events).problem
            assert result(events).outcome == "ok"
            assert words in result(events).text


async def test_what_is_not_allowed_is_told_and_the_thread_goes_on(project: Unlucky):
    async with project.served() as muxi:
        for name, arguments, words in ABUSES:
            thread, events = await muxi.answer(call(name, **arguments))
            assert ending(events).status == "completed"
            assert words in result(events).text
            assert KEY not in result(events).text
        _, events = await muxi.answer("hello", thread_id=thread)
        assert ending(events).status == "completed"
        _, events = await muxi.answer(
            call("sql_query", statement="SELECT * FROM items", database="shop")
        )
        assert "| tea |" in result(events).text


async def test_leave_of_a_person_does_not_widen_what_the_project_allows(project: Unlucky):
    async with project.served() as muxi:
        _, events = await muxi.answer(call("run_command", command="rm -rf ."))
        (asked,) = [event for event in events if isinstance(event, ApprovalRequested)]
        run = await muxi.client.resolve(asked.approval.id, ApprovalDecision(decision="approve"))
        events = await muxi.follow(run.id)
    assert result(events).outcome == "error"
    assert "may not be run in this way" in result(events).text
    assert (project.folder / "work" / "plan.md").exists()


async def test_a_command_runs_only_after_a_person_has_agreed(project: Unlucky):
    async with project.served() as muxi:
        _, events = await muxi.answer(call("run_command", command="echo hello"))
        (asked,) = [event for event in events if isinstance(event, ApprovalRequested)]
        assert asked.approval.arguments == {"command": "echo hello"}
        assert not [event for event in events if isinstance(event, ToolCompleted)]
        edited = ApprovalDecision(decision="approve", arguments={"command": "echo agreed"})
        run = await muxi.client.resolve(asked.approval.id, edited)
        events = await muxi.follow(run.id)
        assert ending(events).status == "completed"
        assert "agreed\n[Exit code 0" in result(events).text
        _, events = await muxi.answer(call("run_command", command="echo no"))
        (asked,) = [event for event in events if isinstance(event, ApprovalRequested)]
        run = await muxi.client.resolve(asked.approval.id, ApprovalDecision(decision="deny"))
        events = await muxi.follow(run.id)
        assert result(events).outcome == "denied"


async def test_a_chart_is_kept_as_a_picture_of_the_thread(project: Unlucky):
    async with project.served() as muxi:
        thread, _ = await muxi.answer(
            call("draw_chart", kind="pie", values=[1, 2], labels=["a", "b"])
        )
        messages = await muxi.client.messages(thread)
        results = [
            part for each in messages for part in each.parts if isinstance(part, ToolResultPart)
        ]
        (picture,) = [part for part in results[0].content if isinstance(part, ImagePart)]
        assert picture.media_type == "image/png"
        assert picture.blob is not None
        async with muxi.http.get(f"{muxi.url}/api/blobs/{picture.blob}") as response:
            assert response.status == 200
            assert (await response.read()).startswith(b"\x89PNG")


async def test_the_shell_is_off_until_the_project_says_what_may_run(project: Unlucky):
    file = project.folder / "muxi.yaml"
    file.write_text(file.read_text().replace(SHELL, ""))
    with pytest.raises(ConfigError) as caught:
        load_project(project.folder)
    assert "agents.assistant.tools[6]" in str(caught.value)
    assert "`shell` needs options: write `commands` under `tools: shell:`" in str(caught.value)


async def test_a_wildcard_takes_no_tool_that_the_project_has_not_declared(unlucky: Unlucky):
    runtime = await open_runtime(load_project(unlucky.folder))
    try:
        found = runtime.tools.names(["*"])
        assert "calculator" in found
        local = {"run_command", "write_file", "read_file", "git_commit", "sql_query", "run_python"}
        assert local.isdisjoint(found)
        assert runtime.tools.names(["git"]) == list(GitTool.reading)
        assert "write_file" in runtime.tools.names(["files"])
    finally:
        await runtime.close()


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ("shell:", "shell"),
        ("shell: {commands: []}", "commands"),
        ('shell: {commands: ["*"]}', "the first word must be the name of a program"),
        ("sql: {databases: {}}", "databases"),
        ("run_python: {timeout: 0}", "timeout"),
        ("files: {rooot: x}", "rooot"),
        ("git: {author: nobody}", "author"),
        ("charts: {colour: red}", "colour"),
    ],
)
async def test_a_mistake_in_the_options_is_told_with_its_place(
    unlucky: Unlucky, tools: str, words: str
):
    file = unlucky.folder / "muxi.yaml"
    head, mark, _ = file.read_text().partition("\ntools:\n")
    file.write_text(f"{head}{mark}  {tools}\n")
    with pytest.raises(ConfigError) as caught:
        load_project(unlucky.folder)
    assert words in str(caught.value)
    assert "muxi.yaml" in str(caught.value)
