"""Runs `git` on one repository so that neither arguments nor the repository can make it do more.

Used by the tools `git`. What a model names is never read as an option, paths never as patterns. A
repository can name programs in its own configuration and attributes (hooks, filters, file system
monitors, external diffs, signature checkers): all of them are switched off, and so are the network,
questions to a terminal, and submodules, which have a configuration of their own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.tools.builtin.programs import Bounds, found_program, plain_environment, run_program

_SWITCHED_OFF = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.pager": "cat",
    "core.askPass": "true",
    "core.attributesFile": os.devnull,
    "core.alternateRefsCommand": "true",
    "core.sshCommand": "false",
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.external": "",
    "diff.ignoreSubmodules": "all",
    "format.pretty": "medium",
    "log.showSignature": "false",
    "commit.gpgSign": "false",
    "protocol.allow": "never",
    "status.submoduleSummary": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "color.ui": "never",
}
_FILTER = re.compile(r"(filter\..+\.)(?:clean|smudge|process|required)", re.DOTALL)
_NO_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}
_MAX_FILTERS = 100_000
_REVISION = re.compile(r"[^\s\x00-\x1f\x7f-]\S{0,254}")
_BRANCH = re.compile(
    r"(?![-./])(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)))[^\s~^:?*\[\\\x00-\x20\x7f]{1,200}(?<![./])"
)
_MAX_PATH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository, by the folder that its files lie in."""

    folder: Path
    seconds: float = 30.0
    max_text: int = 40_000

    async def run(self, *arguments: str, author: str | None = None) -> str:
        """What `git` says to these arguments.

        Args:
            arguments: The operation and its arguments; what came from a model was checked.
            author: `Name <address>` of who commits.

        Raises:
            ToolFailed: It is not installed, this is no repository, or it refused.
        """
        settings = {
            **_SWITCHED_OFF,
            "safe.directory": str(self.folder.resolve()),
            **await self._filters(),
        }
        bounds = Bounds(seconds=self.seconds, output=self.max_text)
        code, text = await self._git(arguments, settings, bounds, author=author)
        if code != 0:
            raise ToolFailed(_complaint(text), hint="")
        return text

    async def _filters(self) -> dict[str, str]:
        """The repository's own filters, each overridden by one that does nothing."""
        wanted = ("config", "--local", "--includes", "--null", "--name-only", "--get-regexp")
        bounds = Bounds(seconds=self.seconds, output=2 * _MAX_FILTERS)
        code, text = await self._git([*wanted, r"^filter\."], {}, bounds)
        if code not in (0, 1) or len(text) > _MAX_FILTERS:
            raise ToolFailed(_complaint(text), hint="")
        names = {match[1] for name in text.split("\0") if (match := _FILTER.fullmatch(name))}
        return {
            f"{name}{key}": value for name in sorted(names) for key, value in _NO_FILTER.items()
        }

    async def _git(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        bounds: Bounds,
        *,
        author: str | None = None,
    ) -> tuple[int, str]:
        if not (self.folder / ".git").exists():
            raise ToolFailed("There is no Git repository in this folder.", hint="")
        environment = self._environment(settings, author)
        done = await run_program(
            [found_program("git", environment), "--no-pager", *arguments],
            folder=self.folder,
            environment=environment,
            bounds=bounds,
        )
        if done.ended != "itself":
            raise ToolFailed(f"Git took longer than {self.seconds:g} s.", hint="Ask for less.")
        return done.code, done.output

    def _environment(self, settings: Mapping[str, str], author: str | None) -> dict[str, str]:
        folder = self.folder.resolve()
        variables = {
            **plain_environment(),
            "GIT_CEILING_DIRECTORIES": str(folder.parent),
            "GIT_CONFIG_COUNT": str(len(settings)),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_WORK_TREE": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        for number, (name, value) in enumerate(settings.items()):
            variables[f"GIT_CONFIG_KEY_{number}"] = name
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        if author is not None:
            name, _, address = author.partition(" <")
            for role in ("AUTHOR", "COMMITTER"):
                variables[f"GIT_{role}_NAME"] = name
                variables[f"GIT_{role}_EMAIL"] = address.rstrip(">")
        return variables


def revision(text: str) -> str:
    """A commit, branch, tag or range that a model has named. Raises `ToolArgumentsInvalid`."""
    found = text.strip()
    if not _REVISION.fullmatch(found):
        raise ToolArgumentsInvalid(
            f"`{found[:80]}` is no revision.",
            hint="Give a commit, a branch or a tag, such as `HEAD~2` or `main`.",
        )
    return found


def branch(text: str) -> str:
    """The name of a branch that a model has given. Raises `ToolArgumentsInvalid`."""
    found = text.strip()
    if not _BRANCH.fullmatch(found) or found == "HEAD":
        raise ToolArgumentsInvalid(
            f"`{found[:80]}` is no name of a branch.", hint="Write it like `fix/login-page`."
        )
    return found


def path(text: str) -> str:
    """A path that a model has given. Git itself refuses those that lead out of the repository."""
    found = text.strip().removeprefix("./")
    if not found or len(found) > _MAX_PATH or any(ord(sign) < 32 for sign in found):
        raise ToolArgumentsInvalid(f"`{found[:80]}` is no path.")
    if ".git" in found.casefold().split("/"):
        raise ToolArgumentsInvalid("The repository's own folder `.git` is not for agents.")
    return found


def _complaint(text: str) -> str:
    """Git's own words, without its advice."""
    lines = [line for line in text.splitlines() if line and not line.startswith("hint:")]
    words = " ".join(lines)[:500].removeprefix("fatal: ").removeprefix("error: ")
    return f"Git refused: {words or 'it gave no reason'}"
