"""Whatever path a model makes up, what it gets to read lies inside of the folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxi.config.local_tool_settings import FilesTool
from muxi.core.context import RunContext
from muxi.core.errors import ToolError
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)
STEPS = ("..", ".", "", "docs", "deep", "away", "up", "round", "root", "beyond", "/", "~", "a.txt")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    for place, text in (
        ("a.txt", "outside"),
        ("beyond/a.txt", "outside"),
        ("root/a.txt", "inside"),
        ("root/docs/a.txt", "inside"),
        ("root/docs/deep/a.txt", "inside"),
    ):
        file = project / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    root = project / "root"
    (root / "away").symlink_to("../beyond")
    (root / "docs" / "up").symlink_to("../..")
    (root / "docs" / "deep" / "round").symlink_to("../../docs")
    (root / "round").symlink_to("docs/deep/round/..")
    return project


@given(path=st.lists(st.sampled_from(STEPS), max_size=12).map("/".join) | st.text(max_size=30))
def test_no_path_reads_or_writes_outside(project: Path, path: str) -> None:
    made = builtin_tools("files", FilesTool(root="root"), Setup(folder=project))
    tools = {each.name: each for each in made}

    async def use() -> None:
        for name, arguments in (
            ("read_file", {"path": path}),
            ("edit_file", {"path": path, "old_text": "outside", "new_text": "spoilt"}),
            ("search_files", {"path": path, "query": "outside"}),
        ):
            try:
                (part,) = await tools[name].run(arguments, CTX)
            except ToolError:
                continue
            assert isinstance(part, TextPart)
            assert part.text.strip() == "inside" or "Nothing was found" in part.text

    asyncio.run(use())
    assert (project / "a.txt").read_text() == "outside"
    assert (project / "beyond" / "a.txt").read_text() == "outside"
