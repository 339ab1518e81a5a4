"""The built-in tools for Git, on real repositories, some of which mean harm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from muxi.config.local_tool_settings import GitTool
from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid, ToolError, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools
from muxi.tools.builtin.setup import Setup

CTX: RunContext[Any] = RunContext(deps=None)
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


class Git:
    """The tools of one repository, called as a model calls them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        settings = GitTool.model_validate({"write": True, **options})
        made = builtin_tools("git", settings, Setup(folder=folder))
        self.tools = {each.name: each for each in made}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[f"git_{name}"].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.org",
        "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
        "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "a.txt").write_text("one\ntwo\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Begin with a")
    (folder / "ü b.txt").write_text("uno\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Add the file of Login")
    git(folder, "tag", "v1")
    git(folder, "branch", "side")
    return folder


@pytest.fixture
def call(folder: Path) -> Git:
    return Git(folder)


async def test_a_repository_is_read(call: Git, folder: Path):
    (folder / "a.txt").write_text("one\n2\n")
    (folder / "new.txt").write_text("x")
    assert await call("status") == "On main\n M a.txt\n?? new.txt"
    log = (await call("log")).splitlines()
    assert [line.partition(" ")[2] for line in log] == [
        "2026-01-02 Ann: Add the file of Login",
        "2026-01-02 Ann: Begin with a",
    ]
    assert len((await call("log", search="LOGIN")).splitlines()) == 1
    assert "Begin" in await call("log", path="a.txt")
    assert "Login" not in await call("log", path="a.txt")
    assert "-two\n+2" in await call("diff")
    assert await call("diff", staged=True) == "There are no changes."
    assert "+uno" in await call("diff", revision="v1~1..v1")
    assert "+uno" in await call("show", revision="v1")
    assert await call("show", revision="HEAD~1", path="a.txt") == "one\ntwo"
    blame = await call("blame", path="a.txt", first_line=2)
    assert "Not Committed Yet" in blame
    assert "one" not in blame
    assert "Ann" in await call("blame", path="ü b.txt", revision="HEAD")
    branches = await call("branches")
    assert "* main 2026-01-02 Add the file of Login" in branches
    assert "  side 2026-01-02 Add the file of Login" in branches


async def test_changes_are_committed_and_branches_made(call: Git, folder: Path):
    (folder / "a.txt").write_text("changed\n")
    (folder / "new.txt").write_text("x")
    said = await call("commit", message="Change a\n\nBecause.", paths=["a.txt"])
    assert "muxi: Change a" in said
    assert "new.txt" not in said
    assert await call("status") == "On main\n?? new.txt"
    await call("commit", message="All that is left")
    assert await call("status") == "On main\nNothing has changed."
    assert await call("switch", branch="fix/it", create=True) == "On branch fix/it."
    assert await call("switch", branch="main") == "On branch main."
    (folder / "a.txt").write_text("not saved\n")
    with pytest.raises(ToolFailed, match="would be overwritten"):
        await call("switch", branch="side")
    assert (folder / "a.txt").read_text() == "not saved\n"
    assert "fix/it" in git(folder, "branch")


async def test_nothing_to_commit_and_no_such_thing_are_told_plainly(call: Git):
    with pytest.raises(ToolFailed, match="Git refused: On branch main nothing to commit"):
        await call("commit", message="Nothing")
    with pytest.raises(ToolFailed, match="Git refused: bad revision"):
        await call("log", revision="nowhere")
    with pytest.raises(ToolFailed, match="no such path"):
        await call("blame", path="missing.txt")


def test_without_leave_there_are_no_tools_that_write(folder: Path):
    assert list(Git(folder, write=False).tools) == list(GitTool.reading)
    asking = [name for name, each in Git(folder).tools.items() if each.spec.approval]
    assert asking == ["git_commit", "git_switch"]
    assert not any(each.spec.approval for each in Git(folder, approval=False).tools.values())


OPTIONS = [
    "--output=made",
    "-O/etc/passwd",
    "--help",
    "-p",
    "--ext-diff",
    "--no-index",
    "--upload-pack=x",
]


@pytest.mark.parametrize("option", OPTIONS)
async def test_no_argument_is_read_as_an_option(call: Git, folder: Path, option: str):
    for name, arguments in (
        ("log", {"revision": option}),
        ("diff", {"revision": option}),
        ("show", {"revision": option}),
        ("show", {"revision": option, "path": "a.txt"}),
        ("blame", {"path": "a.txt", "revision": option}),
        ("switch", {"branch": option}),
        ("switch", {"branch": option, "create": True}),
    ):
        with pytest.raises(ToolArgumentsInvalid):
            await call(name, **arguments)
    for name, arguments in (
        ("log", {"path": option}),
        ("diff", {"path": option}),
        ("blame", {"path": option}),
        ("commit", {"message": "x", "paths": [option]}),
        ("log", {"search": option}),
    ):
        try:
            await call(name, **arguments)
        except ToolFailed:
            continue
    (folder / "a.txt").write_text("more\n")
    await call("commit", message=option)
    assert git(folder, "log", "-1", "--format=%B") == option
    assert not (folder / "made").exists()
    assert git(folder, "status", "--short") == ""


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("diff", {"path": "../outside.txt"}),
        ("diff", {"path": "/etc/passwd"}),
        ("log", {"path": "/etc"}),
        ("blame", {"path": "../outside.txt"}),
        ("show", {"path": "../outside.txt"}),
        ("commit", {"message": "x", "paths": ["../outside.txt"]}),
        ("commit", {"message": "x", "paths": [".git/config"]}),
        ("commit", {"message": "x", "paths": [".GIT/config"]}),
        ("show", {"revision": "a b"}),
        ("show", {"revision": "HEAD\nHEAD"}),
        ("log", {"path": "a\0b"}),
        ("commit", {"message": "  "}),
        ("commit", {"message": "x" * 20_000}),
        ("switch", {"branch": "a..b", "create": True}),
        ("switch", {"branch": "HEAD", "create": True}),
        ("switch", {"branch": "a b", "create": True}),
        ("blame", {"path": "a.txt", "first_line": 9, "last_line": 3}),
    ],
)
async def test_what_leads_out_or_is_nonsense_is_refused(
    call: Git, folder: Path, name: str, arguments: dict[str, Any]
):
    (folder.parent / "outside.txt").write_text("outside")
    with pytest.raises(ToolError) as caught:
        await call(name, **arguments)
    assert "root:" not in caught.value.message


async def test_wildcards_in_paths_are_names(call: Git):
    assert await call("log", path="*.txt") == "There are no such commits."
    assert await call("log", path=":(glob)**") == "There are no such commits."


HOSTILE = """
[core]
\thooksPath = {here}/hooks
\tfsmonitor = {here}/run.sh
\tpager = {here}/run.sh
\tsshCommand = {here}/run.sh
\teditor = {here}/run.sh
[diff]
\texternal = {here}/run.sh
[diff "evil"]
\tcommand = {here}/run.sh
\ttextconv = {here}/run.sh
[filter "evil"]
\tclean = {here}/run.sh
\tsmudge = {here}/run.sh
\trequired = true
[filter "a=b.c\\"d"]
\tprocess = {here}/run.sh
\tclean = {here}/run.sh
[gpg]
\tprogram = {here}/run.sh
[log]
\tshowSignature = true
[commit]
\tgpgSign = true
[format]
\tpretty = %G? %h
[status]
\tsubmoduleSummary = true
[alias]
\tstatus = !{here}/run.sh
[credential]
\thelper = !{here}/run.sh
[include]
\tpath = more
"""


async def test_a_repository_that_names_programs_gets_none_of_them_run(call: Git, folder: Path):
    here = folder.parent / "evil"
    (here / "hooks").mkdir(parents=True)
    script = here / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch {here}/ran\ncat\n")
    script.chmod(0o755)
    for hook in ("pre-commit", "commit-msg", "post-commit", "post-checkout", "post-index-change"):
        for place in (here / "hooks", folder / ".git" / "hooks"):
            place.mkdir(exist_ok=True)
            shutil.copy(script, place / hook)
    with (folder / ".git" / "config").open("a") as file:
        file.write(HOSTILE.format(here=here))
    (folder / ".git" / "more").write_text(f'[filter "deep"]\n\tclean = {here}/run.sh\n')
    (folder / ".gitattributes").write_text(
        '* diff=evil filter=evil\n*.b filter="a=b.c\\"d"\n*.c filter=deep\n*.d filter=a=b.c"d\n'
    )
    for name in ("a.txt", "x.b", "x.c", "x.d"):
        (folder / name).write_text("changed\n")
    for name, arguments in (
        ("status", {}),
        ("log", {"path": "a.txt"}),
        ("diff", {}),
        ("diff", {"revision": "HEAD~1"}),
        ("show", {"revision": "HEAD"}),
        ("show", {"revision": "HEAD", "path": "a.txt"}),
        ("blame", {"path": "a.txt"}),
        ("branches", {}),
        ("commit", {"message": "x"}),
        ("diff", {"revision": "HEAD~1..HEAD"}),
        ("switch", {"branch": "side"}),
        ("switch", {"branch": "new", "create": True}),
    ):
        await call(name, **arguments)
    assert not (here / "ran").exists()
    git(folder, "switch", "-f", "main")  # a trap that never snaps would prove nothing
    assert (here / "ran").exists()


async def test_a_repository_cannot_move_its_files_elsewhere(call: Git, folder: Path):
    outside = folder.parent / "private"
    outside.mkdir()
    (outside / "a.txt").write_text("hush\n")
    git(folder, "config", "core.worktree", str(outside))
    assert "hush" not in await call("diff")
    assert await call("status") == "On main\nNothing has changed."


async def test_only_the_folder_itself_counts_as_the_repository(folder: Path):
    (folder / "inner").mkdir()
    with pytest.raises(ToolFailed, match="no Git repository"):
        await Git(folder / "inner")("status")
    (folder / "inner" / ".git").mkdir()
    with pytest.raises(ToolFailed, match="inside a git repository"):
        await Git(folder / "inner")("status")


async def test_an_empty_repository_is_bearable(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    call = Git(tmp_path)
    assert await call("status") == "On No commits yet on main\nNothing has changed."
    assert await call("branches") == "There are no branches yet."
    with pytest.raises(ToolFailed, match="does not have any commits yet"):
        await call("log")
    (tmp_path / "a").write_text("a")
    assert "First" in await call("commit", message="First")


async def test_a_huge_diff_is_cut_in_the_middle(folder: Path):
    (folder / "a.txt").write_text("".join(f"line {n}\n" for n in range(200_000)))
    text = await Git(folder, max_text=4_000)("diff")
    assert len(text) < 4_500
    assert "bytes are left out.]" in text


async def test_secrets_of_the_environment_do_not_reach_git(
    call: Git, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/nowhere/run.sh")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.pager=false'")
    assert await call("status") == "On main\nNothing has changed."


def test_who_commits_is_checked():
    for author in ("nobody", "A <b", "<a@b>", "A <a b>", "A\n <a@b>"):
        with pytest.raises(ValidationError):
            GitTool(author=author)
