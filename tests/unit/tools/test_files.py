"""The built-in tools for files, on a real folder, against whoever wants out of it."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from muxi.config.local_tool_settings import FilesTool
from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid, ToolDenied, ToolError, ToolFailed
from muxi.core.messages import ImagePart, TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


class Files:
    """The tools of one folder, called as a model calls them."""

    def __init__(self, project: Path, **options: Any) -> None:
        settings = FilesTool.model_validate({"root": "root", **options})
        setup = Setup(folder=project, state=project / ".muxi")
        self.tools = {each.name: each for each in builtin_tools("files", settings, setup)}

    async def call(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[name].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "beyond").mkdir()
    (tmp_path / "beyond" / "secret.txt").write_text("outside")
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "plan.md").write_text("# Plan\nFirst walk.\nThen run.\n")
    (root / "notes.txt").write_text("one\ntwo\nthree\n")
    return root


@pytest.fixture
def files(root: Path) -> Files:
    return Files(root.parent)


async def test_files_are_listed_read_and_found(files: Files):
    listed = await files.call("list_files")
    assert listed.startswith("docs/\nnotes.txt (14 bytes, changed ")
    assert "docs/plan.md (" in await files.call("list_files", pattern="*.MD")
    assert await files.call("read_file", path="docs/plan.md") == "# Plan\nFirst walk.\nThen run.\n"
    assert await files.call("search_files", query="WALK") == "docs/plan.md:2: First walk."
    assert await files.call("search_files", query="t[hw]", regex=True) == (
        "docs/plan.md:3: Then run.\nnotes.txt:2: two\nnotes.txt:3: three"
    )
    assert await files.call("search_files", query="t", path="notes.txt", pattern="*.md") == (
        "Nothing was found for: t"
    )


async def test_an_absolute_path_inside_of_the_folder_is_understood(files: Files, root: Path):
    assert await files.call("read_file", path=str(root / "notes.txt")) == "one\ntwo\nthree\n"


async def test_a_part_of_a_file_says_where_to_read_on(files: Files):
    text = await files.call("read_file", path="notes.txt", first_line=2, max_lines=1)
    assert text == "two\n\n[Lines 2 to 2. Read on with first_line=3.]"
    with pytest.raises(ToolArgumentsInvalid, match="less than 9 lines"):
        await files.call("read_file", path="notes.txt", first_line=9)


async def test_a_file_is_written_replaced_appended_and_edited(files: Files, root: Path):
    await files.call("write_file", path="new/deep/a.txt", content="α\n")
    with pytest.raises(ToolFailed, match="exists already"):
        await files.call("write_file", path="new/deep/a.txt", content="b")
    await files.call("write_file", path="new/deep/a.txt", content="β\n", mode="append")
    said = await files.call("edit_file", path="new/deep/a.txt", old_text="α", new_text="γ")
    assert said == "Changed new/deep/a.txt in one place."
    assert (root / "new/deep/a.txt").read_text() == "γ\nβ\n"
    await files.call("write_file", path="new/deep/a.txt", content="", mode="replace")
    assert await files.call("read_file", path="new/deep/a.txt") == "The file is empty."
    assert [each.name for each in (root / "new/deep").iterdir()] == ["a.txt"]


async def test_an_edit_that_is_not_plain_is_refused_with_what_would_help(files: Files, root: Path):
    with pytest.raises(ToolArgumentsInvalid) as caught:
        await files.call("edit_file", path="docs/plan.md", old_text="First wolk.", new_text="")
    assert caught.value.hint == "The nearest line is: First walk."
    with pytest.raises(ToolArgumentsInvalid, match="3 times"):
        await files.call("edit_file", path="docs/plan.md", old_text="n", new_text="N")
    said = await files.call(
        "edit_file", path="docs/plan.md", old_text="n", new_text="N", all_occurrences=True
    )
    assert said == "Changed docs/plan.md in 3 places."
    assert (root / "docs/plan.md").read_text() == "# PlaN\nFirst walk.\nTheN ruN.\n"


async def test_an_edit_keeps_the_line_ends_and_the_permissions_of_the_file(
    files: Files, root: Path
):
    script = root / "run.sh"
    script.write_bytes(b"a\r\nb\r\nc\r\n")
    script.chmod(0o750)
    await files.call("edit_file", path="run.sh", old_text="a\nb\n", new_text="x\ny\n")
    assert script.read_bytes() == b"x\r\ny\r\nc\r\n"
    assert script.stat().st_mode & 0o777 == 0o750


OUTWARDS = [
    "../secret.txt",
    "docs/../../secret.txt",
    "docs/../../root/../secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "away",
    "away/secret.txt",
    "file-link",
    "absolute",
    "docs/up/secret.txt",
    "chain/secret.txt",
]


@pytest.fixture
def links(root: Path) -> None:
    (root / "away").symlink_to("../beyond")
    (root / "file-link").symlink_to("../secret.txt")
    (root / "absolute").symlink_to(root / "notes.txt")
    (root / "docs" / "up").symlink_to("../..")
    (root / "chain").symlink_to("docs/up")
    (root / "loop").symlink_to("loop")
    (root / "inside").symlink_to("docs/../docs")


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("path", OUTWARDS)
async def test_no_path_and_no_link_leads_out(files: Files, root: Path, path: str):
    for name, more in (
        ("read_file", {}),
        ("list_files", {}),
        ("search_files", {"query": "outside"}),
        ("write_file", {"content": "x", "mode": "replace"}),
        ("write_file", {"content": "x", "mode": "append"}),
        ("edit_file", {"old_text": "outside", "new_text": "x"}),
    ):
        with pytest.raises(ToolDenied, match="leads out of the folder"):
            await files.call(name, path=path, **more)
    assert (root.parent / "secret.txt").read_text() == "outside"
    assert (root.parent / "beyond" / "secret.txt").read_text() == "outside"


@pytest.mark.usefixtures("links")
async def test_links_inside_are_followed_and_loops_end(files: Files):
    assert "First walk" in await files.call("read_file", path="inside/plan.md")
    with pytest.raises(ToolDenied):
        await files.call("read_file", path="loop")
    found = await files.call("search_files", query="walk")
    assert found == "docs/plan.md:2: First walk."
    assert "outside" not in await files.call("search_files", query="o", max_results=1000)


async def test_a_hard_link_to_a_file_outside_is_replaced_and_not_written_through(
    files: Files, root: Path
):
    (root / "hard.txt").hardlink_to(root.parent / "secret.txt")
    await files.call("write_file", path="hard.txt", content="mine", mode="replace")
    assert (root.parent / "secret.txt").read_text() == "outside"
    assert (root / "hard.txt").read_text() == "mine"


async def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(files: Files, root: Path):
    """Somebody swaps a folder for a link as fast as he can, while files are read and written."""
    (root / "swap").mkdir()
    (root / "swap" / "secret.txt").write_text("inside")
    (root / "other").symlink_to("../beyond")
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (root / "swap").rename(root / "kept")
            (root / "other").rename(root / "swap")
            (root / "swap").rename(root / "other")
            (root / "kept").rename(root / "swap")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for name, more in (
                ("read_file", {}),
                ("edit_file", {"old_text": "side", "new_text": "side"}),
            ):
                try:
                    text = await files.call(name, path="swap/secret.txt", **more)
                except ToolError:
                    continue
                assert "outside" not in text
    finally:
        over.set()
        thread.join()
    assert (root.parent / "beyond" / "secret.txt").read_text() == "outside"


async def test_what_is_no_plain_file_is_never_opened(files: Files, root: Path):
    os.mkfifo(root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(root / "sock"))
    with server:
        for path in ("pipe", "sock"):
            for name, more in (
                ("read_file", {}),
                ("write_file", {"content": "x", "mode": "replace"}),
                ("edit_file", {"old_text": "x", "new_text": "y"}),
            ):
                with pytest.raises(ToolDenied, match="no plain file"):
                    await files.call(name, path=path, **more)
        assert "pipe (no plain file)" in await files.call("list_files")
        assert "Nothing was found" in await files.call("search_files", query="zzz")


@pytest.mark.skipif(not os.access("/dev/zero", os.R_OK), reason="needs a device")
async def test_a_device_is_refused(root: Path):
    files = Files(root.parent, root="/dev")
    with pytest.raises(ToolDenied, match="no plain file"):
        await files.call("read_file", path="zero")


@pytest.mark.parametrize(
    "path",
    [
        ".muxi/token",
        ".MUXI/token",
        "docs/../.muxi/token",
        "state/token",
        ".env",
        ".ENV",
        ".e\u200bnv",
        "docs/.env.local",
        ".git/config",
        "private/a.txt",
    ],
)
async def test_what_is_hidden_does_not_exist_however_it_is_spelled(tmp_path: Path, path: str):
    for name in (".muxi/token", ".env", "docs/.env.local", ".git/config", "private/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("hush")
    (tmp_path / "state").symlink_to(".muxi")
    hidden = [".git", ".env", ".env.*", "private/*"]
    files = Files(tmp_path, root=".", hidden=hidden)
    for name, more in (("read_file", {}), ("write_file", {"content": "x", "mode": "replace"})):
        with pytest.raises(ToolFailed, match="There is no"):
            await files.call(name, path=path, **more)
    assert await files.call("search_files", query="hush") == "Nothing was found for: hush"
    assert "token" not in await files.call("list_files", pattern="*")


async def test_the_state_of_the_project_is_hidden_by_whatever_name(tmp_path: Path):
    state = tmp_path / "root" / "elsewhere"
    state.mkdir(parents=True)
    (state / "token").write_text("hush")
    setup = Setup(folder=tmp_path, state=state)
    tools = builtin_tools("files", FilesTool(root="root"), setup)
    read = next(each for each in tools if each.name == "read_file")
    with pytest.raises(ToolFailed, match="There is no"):
        await read.run({"path": "elsewhere/token"}, CTX)


@pytest.mark.parametrize("path", ["muxi.yaml", "MUXI.yaml", "docs/../muxi.lock"])
async def test_agents_cannot_write_their_own_permissions(files: Files, root: Path, path: str):
    with pytest.raises(ToolDenied, match="not for agents to write"):
        await files.call("write_file", path=path, content="tools: {shell: {commands: ['sh *']}}")
    assert not (root / "muxi.yaml").exists()


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "x" * 2_000, "\x1b[31m", "a/" * 600])
async def test_what_is_no_path_is_refused(files: Files, path: str):
    with pytest.raises(ToolError):
        await files.call("write_file", path=path, content="x")


async def test_names_of_all_scripts_work(files: Files, root: Path):
    for name in ("日本語.txt", "naïve café.md", "🙂.txt", "مرحبا.txt", "a b  c.txt", "-rf", "~"):
        await files.call("write_file", path=name, content=name)
        assert await files.call("read_file", path=name) == name
        assert name in await files.call("list_files", pattern="*")
    (root / os.fsdecode(b"bad\xff.txt")).write_text("x")
    (root / "line\nbreak.txt").write_text("x")
    listed = await files.call("list_files")
    assert "line\\nbreak.txt" in listed
    assert "bad\\udcff.txt" in listed


async def test_a_huge_file_costs_only_what_is_shown(files: Files, root: Path):
    with (root / "huge.log").open("wb") as file:
        file.write(b"first line\n")
        file.truncate(20_000_000_000)
    with pytest.raises(ToolFailed, match="is no text"):
        await files.call("read_file", path="huge.log")
    (root / "long.txt").write_text("é" * 3_000_000)
    started = time.monotonic()
    text = await files.call("read_file", path="long.txt")
    assert time.monotonic() - started < 50
    assert len(text) < 21_000
    assert text.endswith("[Lines 1 to 1. Line 1 is cut. Read on with first_line=2.]")
    with pytest.raises(ToolFailed, match="larger than"):
        await files.call("edit_file", path="huge.log", old_text="first", new_text="last")
    assert "long.txt" not in await files.call("search_files", query="nothing at all")


async def test_a_binary_file_is_named_and_a_picture_is_shown(files: Files, root: Path):
    (root / "data.bin").write_bytes(b"MZ\0\1")
    (root / "dot.png").write_bytes(PNG)
    (root / "wide.txt").write_bytes("wide\nlines".encode("utf-16"))
    (root / "latin.txt").write_bytes("café\n".encode("latin-1"))
    with pytest.raises(ToolFailed, match="no text, but a file of 4 bytes"):
        await files.call("read_file", path="data.bin")
    (part,) = await files.tools["read_file"].run({"path": "dot.png"}, CTX)
    assert isinstance(part, ImagePart)
    assert part.data == PNG
    assert await files.call("read_file", path="wide.txt") == "wide\nlines"
    assert await files.call("read_file", path="latin.txt") == "caf\ufffd\n"
    with pytest.raises(ToolFailed, match="not written in UTF-8"):
        await files.call("edit_file", path="latin.txt", old_text="c", new_text="k")


async def test_a_text_beyond_the_bound_is_not_written(root: Path):
    files = Files(root.parent, max_bytes=1_000)
    for mode in ("create", "replace"):
        with pytest.raises(ToolArgumentsInvalid, match="at most 1,000 bytes"):
            await files.call("write_file", path="big.txt", content="ä" * 600, mode=mode)
    assert not (root / "big.txt").exists()


async def test_an_expression_made_to_take_forever_ends(files: Files, root: Path):
    (root / "trap.txt").write_text("a" * 40 + "b\n")
    started = time.monotonic()
    with pytest.raises(ToolArgumentsInvalid, match="takes too long"):
        await files.call("search_files", query="(a|a|aa)+$", regex=True)
    assert time.monotonic() - started < 100
    with pytest.raises(ToolArgumentsInvalid, match="cannot be read"):
        await files.call("search_files", query="(", regex=True)


async def test_many_slow_lines_end_in_time_too(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.tools.builtin.file_search._MAX_SECONDS", 1.0)
    (root / "slow.txt").write_text(("a" * 21 + "b\n") * 5_000)
    started = time.monotonic()
    text = await files.call("search_files", query="(a|a)+$", regex=True)
    assert text.endswith("Ask for a folder or a pattern.]")
    assert time.monotonic() - started < 60


async def test_a_search_ends_at_its_bound_and_says_so(files: Files, root: Path):
    (root / "many.txt").write_text("same\n" * 5_000)
    text = await files.call("search_files", query="same", max_results=3)
    assert text.splitlines()[-1].startswith("[There is more")
    assert len(text.splitlines()) == 4


async def test_parallel_edits_of_one_file_all_count(files: Files, root: Path):
    import asyncio

    (root / "count.txt").write_text("".join(f"<{n}>\n" for n in range(20)))
    await asyncio.gather(
        *(
            files.call("edit_file", path="count.txt", old_text=f"<{n}>", new_text=f"[{n}]")
            for n in range(20)
        )
    )
    assert (root / "count.txt").read_text() == "".join(f"[{n}]\n" for n in range(20))


def test_a_folder_to_read_only_has_no_tools_that_write(root: Path):
    assert list(Files(root.parent, write=False).tools) == [
        "list_files",
        "read_file",
        "search_files",
    ]
    careful = Files(root.parent, approval=True).tools
    assert [name for name, each in careful.items() if each.spec.approval] == [
        "write_file",
        "edit_file",
    ]


async def test_a_folder_that_does_not_exist_is_made_by_the_first_file(tmp_path: Path):
    files = Files(tmp_path, root="new/place")
    with pytest.raises(ToolFailed, match="does not exist yet"):
        await files.call("list_files")
    await files.call("write_file", path="a.txt", content="x")
    assert (tmp_path / "new/place/a.txt").read_text() == "x"
