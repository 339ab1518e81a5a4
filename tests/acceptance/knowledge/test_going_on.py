"""Indexing survives the death of its process, and agents search by themselves if they may."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from support.served import project, served

from muxi.core.documents import Document
from muxi.core.events import RunCompleted, ToolCompleted
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Answer, ScriptedModel, call
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL

FILES = 60


async def _children(runtime: Runtime) -> list[Document]:
    (root,) = (await runtime.knowledge.page(LOCAL)).items
    return (await runtime.knowledge.page(LOCAL, folder=root.id, limit=500)).items


async def test_what_was_being_indexed_when_the_process_was_killed_ends_whole(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(FILES):
        parts = [f"## Part {n}\n\n{'Some words here. ' * 20} Mark{number}x{n}." for n in range(20)]
        (folder / f"{number:02}.md").write_text("\n\n".join(parts))
    (tmp_path / "muxi.yaml").write_text("memory: {embedder: none}\n")
    database = tmp_path / ".muxi" / "muxi.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muxi", "knowledge", "add", "docs"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        while not _some_are_ready(database):
            assert process.returncode is None
            await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    declared = project(tmp_path, knowledge={"watch": False}, memory={"embedder": "none"})
    runtime = await open_runtime(declared, models={"m/m": ScriptedModel([])})
    try:
        await runtime.knowledge.settled()
        documents = await _children(runtime)
        assert len(documents) == FILES
        assert {(each.status, each.pieces) for each in documents} == {("ready", 20)}
        for number in (0, 30, FILES - 1):
            found = await runtime.knowledge.search(LOCAL, f"Mark{number}x7", limit=100)
            hits = [item for item in found.items if f"Mark{number}x7." in item.piece.text]
            assert len(hits) == 1
    finally:
        await runtime.close()


def _some_are_ready(database: Path) -> bool:
    import sqlite3

    if not database.exists():
        return False
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        query = "SELECT count(*) FROM documents WHERE status = 'ready' AND parent_id IS NOT NULL"
        return 0 < connection.execute(query).fetchone()[0] < FILES
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()


def _search_first(request: ModelRequest) -> Answer:
    last = request.messages[-1]
    if last.role == "user":
        assert [tool.name for tool in request.tools] == ["search_knowledge"]
        assert "ferry" not in request.instructions
        return call("search_knowledge", query="ferry")
    return last.parts[0].text  # pyright: ignore[reportAttributeAccessIssue] -- the result of the tool


async def test_an_agent_searches_documents_by_its_tool(tmp_path: Path) -> None:
    agents = {"a": {"name": "a", "knowledge": {"tools": True, "recall": False}}}
    async with served(tmp_path, _search_first, agents=agents) as muxi:
        await muxi.client.knowledge.add(text="The ferry leaves at noon.", name="harbour.md")
        await muxi.client.knowledge.add(text="My ferry is red.", name="diary", owner="agent:b")
        _, events = await muxi.answer("When does it leave?")
        (done,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert done.result.outcome == "ok"
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "[harbour.md, line 1]\nThe ferry leaves at noon."


async def test_without_documents_a_run_is_told_nothing_of_them(tmp_path: Path) -> None:
    model = ScriptedModel(lambda request: request.instructions or "nothing")
    async with served(tmp_path, model) as muxi:
        _, events = await muxi.answer("When does the ferry leave?")
        assert isinstance(events[-1], RunCompleted)
        assert events[-1].text == "nothing"
        assert {event.type for event in events}.isdisjoint({"knowledge.recalled"})


@pytest.mark.ci
def test_the_command_adds_lists_finds_and_removes(tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "a.md").write_text("# Harbour\n\nThe ferry leaves at noon.\n")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 nothing")

    def muxi(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "muxi", "knowledge", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    added = muxi("add", "a.md", "b.pdf")
    assert added.returncode == 0
    assert "a.md" in added.stdout
    assert "b.pdf: The document is no PDF, or broken." in added.stderr
    assert "[a.md, line 3]" in muxi("search", "When does the ferry leave?").stdout
    assert muxi("remove", "a.md", "b.pdf").stderr == "Removed a.md.\nRemoved b.pdf.\n"
