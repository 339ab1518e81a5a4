"""The tools `git`: what is in one repository, and by leave of the project, commits and branches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from muxi.config.local_tool_settings import GitTool
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.manifests import Permissions, ToolManifest
from muxi.core.record import clean
from muxi.tools.builtin import git_command
from muxi.tools.builtin.git_command import Repository
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="git",
    version="1.0.0",
    summary="Reads one Git repository; commits and changes branches if the project allows it.",
    tools=GitTool.functions,
    permissions=Permissions(files="write", processes=True),
    notes=(
        "Needs the program `git`. Hooks, filters and other programs that a repository names are"
        " never run, so files kept by Git LFS show as changed. There is no push, pull or fetch."
    ),
)

_STATUS: Examples = (
    ("What has changed in the repository?", {}),
    ("git status", {}),
    ("Are there uncommitted files?", {}),
)
_LOG: Examples = (
    ("Show the last 5 commits", {"max_commits": 5}),
    ("What happened on the branch develop?", {"revision": "develop"}),
    ("Who changed src/app.py lately?", {"path": "src/app.py"}),
    ("Find commits about login", {"search": "login"}),
)
_DIFF: Examples = (
    ("Show my uncommitted changes", {}),
    ("What is staged?", {"staged": True}),
    ("How does main differ from v1.2?", {"revision": "v1.2..main"}),
    ("What did I change in README.md?", {"path": "README.md"}),
)
_SHOW: Examples = (
    ("Show commit 4f2a9c1", {"revision": "4f2a9c1"}),
    ("What was the last commit?", {"revision": "HEAD"}),
    ("Show setup.py as it was in v1.0", {"revision": "v1.0", "path": "setup.py"}),
)
_BLAME: Examples = (
    ("Who wrote the lines of src/app.py?", {"path": "src/app.py"}),
    (
        "Who changed lines 10 to 20 of main.c?",
        {"path": "main.c", "first_line": 10, "last_line": 20},
    ),
)
_BRANCHES: Examples = (
    ("Which branches are there?", {}),
    ("On which branch are we?", {}),
)
_COMMIT: Examples = (
    ("Commit all changes as: Fix the login page", {"message": "Fix the login page"}),
    (
        "Commit only notes.md with the message Add notes",
        {"message": "Add notes", "paths": ["notes.md"]},
    ),
)
_SWITCH: Examples = (
    ("Switch to main", {"branch": "main"}),
    ("Make a new branch fix/typo", {"branch": "fix/typo", "create": True}),
)

_ONE_LINE = "--format=%h %ad %an: %s"
_NO_PROGRAMS = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=all")


def make_git(
    repository: Repository,
    *,
    write: bool = False,
    approval: bool = True,
    author: str = "muxi <muxi@localhost>",
) -> list[FunctionTool[..., Any]]:
    """The tools for one repository.

    Args:
        repository: The repository.
        write: Whether there are tools that commit and change branches.
        approval: Whether a person must agree before those act.
        author: Who commits, as `Name <address>`.
    """
    reading = [
        _make_status(repository),
        _make_log(repository),
        _make_diff(repository),
        _make_show(repository),
        _make_blame(repository),
        _make_branches(repository),
    ]
    writing = [
        _make_commit(repository, author, approval=approval),
        _make_switch(repository, approval=approval),
    ]
    made = [*reading, *writing] if write else reading
    timeout = repository.seconds + 15
    return [each.changed(timeout=timeout, max_bytes=repository.max_text + 1_000) for each in made]


def git_tools(settings: GitTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the repository of a project."""
    repository = Repository(
        folder=setup.folder / Path(settings.repository).expanduser(),
        seconds=settings.timeout,
        max_text=settings.max_text,
    )
    return make_git(
        repository, write=settings.write, approval=settings.approval, author=settings.author
    )


def _make_status(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git status",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_STATUS,
    )
    async def git_status() -> str:
        """Show the branch and which files are changed, staged or new."""
        text = await repository.run("status", "--short", "--branch", "--ignore-submodules=all")
        head, _, files = text.partition("\n")
        return f"On {head.removeprefix('## ')}\n{files or 'Nothing has changed.'}".rstrip()

    return git_status


def _make_log(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git log",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_LOG,
    )
    async def git_log(
        revision: str = "",
        path: str = "",
        search: str = "",
        max_commits: Annotated[int, Field(ge=1, le=500)] = 20,
    ) -> str:
        """List commits, the newest first.

        Args:
            revision: A branch, tag, commit, or range such as `v1.0..main`; empty for this branch.
            path: Only commits that changed this file or folder.
            search: Only commits with this text in their message.
            max_commits: How many to list.
        """
        text = await repository.run(
            "log",
            _ONE_LINE,
            "--date=short",
            "--no-show-signature",
            f"--max-count={max_commits}",
            *(
                ("--fixed-strings", "--regexp-ignore-case", f"--grep={clean(search)}")
                if search
                else ()
            ),
            *_at(revision),
            *_of(path),
        )
        return text.rstrip() or "There are no such commits."

    return git_log


def _make_diff(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git diff",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_DIFF,
    )
    async def git_diff(revision: str = "", path: str = "", staged: bool = False) -> str:
        """Show changes: those that are not committed, or between two revisions.

        Args:
            revision: A revision to compare with, or a range such as `v1.0..main`.
            path: Only changes of this file or folder.
            staged: Whether to show what the next commit would hold.
        """
        text = await repository.run(
            "diff",
            "--stat",
            "--patch",
            *_NO_PROGRAMS,
            *(("--cached",) if staged else ()),
            *_at(revision),
            *_of(path),
        )
        return text.rstrip() or "There are no changes."

    return git_diff


def _make_show(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git show",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_SHOW,
    )
    async def git_show(revision: str = "HEAD", path: str = "") -> str:
        """Show a commit with its changes, or a file as it was at that commit.

        Args:
            revision: The commit, branch or tag.
            path: A file whose text at that commit is wanted; empty for the commit itself.
        """
        if path:
            wanted = f"{git_command.revision(revision)}:{git_command.path(path)}"
            text = await repository.run("show", "--no-ext-diff", "--no-textconv", wanted)
        else:
            text = await repository.run(
                "show",
                "--stat",
                "--patch",
                "--no-show-signature",
                *_NO_PROGRAMS,
                *_at(revision),
                "--",
            )
        return text.rstrip() or "It is empty."

    return git_show


def _make_blame(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git blame",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_BLAME,
    )
    async def git_blame(
        path: str,
        first_line: Annotated[int, Field(ge=1)] = 1,
        last_line: Annotated[int, Field(ge=0)] = 0,
        revision: str = "",
    ) -> str:
        """Show who last changed each line of a file, and when.

        Args:
            path: The file.
            first_line: Number of the first line of interest.
            last_line: Number of the last one; 0 for the end of the file.
            revision: The commit to look at; empty for the file as it is now.
        """
        if last_line and last_line < first_line:
            raise ToolArgumentsInvalid("`last_line` comes before `first_line`.")
        text = await repository.run(
            "blame",
            "--date=short",
            f"-L{first_line},{last_line or ''}",
            "--no-textconv",
            *_at(revision),
            *_of(path),
        )
        return text.rstrip()

    return git_blame


def _make_branches(repository: Repository) -> FunctionTool[..., Any]:
    @tool(
        title="Git branches",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_BRANCHES,
    )
    async def git_branches() -> str:
        """List the branches with their last commits; `*` marks the one that is checked out."""
        text = await repository.run(
            "branch",
            "--all",
            "--sort=-committerdate",
            "--format=%(if)%(HEAD)%(then)* %(else)  %(end)%(refname:short)"
            " %(committerdate:short) %(subject)",
        )
        return text.rstrip() or "There are no branches yet."

    return git_branches


def _make_commit(repository: Repository, author: str, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Git commit",
        read_only=False,
        destructive=False,
        open_world=False,
        approval=approval,
        examples=_COMMIT,
    )
    async def git_commit(message: str, paths: list[str] | None = None) -> str:
        """Commit changes.

        Args:
            message: What was done, and why.
            paths: Files or folders to commit; without any, all that has changed or is new.
        """
        words = clean(message).strip()
        if not words or len(words) > 10_000:
            raise ToolArgumentsInvalid("A message has 1 to 10,000 characters.")
        wanted = [git_command.path(each) for each in paths or ()]
        await repository.run("add", "--all", "--", *(wanted or ["."]))
        await repository.run(
            "commit",
            "--quiet",
            "--no-verify",
            "--no-gpg-sign",
            "--cleanup=whitespace",
            f"--message={words}",
            *(("--only", "--", *wanted) if wanted else ()),
            author=author,
        )
        text = await repository.run("log", _ONE_LINE, "--date=short", "--max-count=1", "--stat")
        return text.rstrip()

    return git_commit


def _make_switch(repository: Repository, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Git switch",
        read_only=False,
        destructive=False,
        open_world=False,
        approval=approval,
        examples=_SWITCH,
    )
    async def git_switch(branch: str, create: bool = False) -> str:
        """Check out another branch. Changes that would be lost are never overwritten.

        Args:
            branch: Its name.
            create: Whether to make it anew, from where we are.
        """
        name = git_command.branch(branch)
        create_it = (f"--create={name}",) if create else (name,)
        await repository.run(
            "switch", "--quiet", "--no-guess", "--no-recurse-submodules", *create_it
        )
        return f"On branch {name}."

    return git_switch


def _at(text: str) -> tuple[str, ...]:
    """A revision as an argument; none if none was given."""
    return (git_command.revision(text),) if text.strip() else ()


def _of(text: str) -> tuple[str, ...]:
    """A path as an argument that can be nothing else."""
    return ("--", git_command.path(text)) if text.strip() else ("--",)
