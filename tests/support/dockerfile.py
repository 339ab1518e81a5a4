"""Builds what a Dockerfile describes without Docker, in folders that stand for its stages.

It knows the few instructions that generated servers use, and refuses any other. Programs come from
this machine, so the base images themselves are not met.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

_PATHS = re.compile(r"(?<=--prefix )/\S+")


@dataclass
class Stage:
    """One stage: its root, and what it is told."""

    root: Path
    workdir: str = "/"
    user: str = "root"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    entrypoint: list[str] = field(default_factory=list[str])

    def at(self, path: str) -> Path:
        """Where a path of the image lies here."""
        return self.root / os.path.normpath(Path(self.workdir, path)).lstrip("/")


def build(folder: Path, place: Path, environment: Mapping[str, str]) -> Stage:
    """The last stage of the Dockerfile in `folder`, below `place`."""
    context = place / "context"
    _copy_context(folder, context)
    stages: list[tuple[str, Stage]] = []
    for word, rest in _instructions(folder / "Dockerfile"):
        if word == "FROM":
            root = place / f"stage{len(stages)}"
            root.mkdir()
            stages.append((rest.partition(" AS ")[2], Stage(root)))
            continue
        if word == "COPY":
            _copy(rest.split(), stages[-1][1], context, dict(stages))
        elif word == "RUN":
            _run(rest, stages[-1][1], environment)
        else:
            _note(word, rest, stages[-1][1])
    return stages[-1][1]


def _instructions(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def _copy(words: list[str], stage: Stage, context: Path, stages: Mapping[str, Stage]) -> None:
    at: Callable[[str], Path] = context.joinpath
    if words[0].startswith("--from="):
        at = stages[words.pop(0).removeprefix("--from=")].at
    *sources, target = words
    into = stage.at(target)
    for found in map(at, sources):
        if found.is_dir():
            shutil.copytree(found, into, dirs_exist_ok=True, symlinks=True)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, into)


def _run(command: str, stage: Stage, environment: Mapping[str, str]) -> None:
    if command.startswith("useradd "):
        return
    done = subprocess.run(
        _PATHS.sub(lambda path: str(stage.at(path[0])), command),
        shell=True,
        cwd=stage.at("."),
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _note(word: str, rest: str, stage: Stage) -> None:
    if word in ("ENV", "LABEL"):
        name, _, value = rest.partition("=")
        (stage.environment if word == "ENV" else stage.labels)[name] = value.strip('"')
    elif word == "WORKDIR":
        stage.workdir = rest
        stage.at(".").mkdir(parents=True)
    elif word == "USER":
        stage.user = rest
    elif word == "ENTRYPOINT":
        stage.entrypoint = json.loads(rest)
    else:
        assert word == "EXPOSE", word


def _copy_context(folder: Path, context: Path) -> None:
    """What .dockerignore lets through: of its lines, the last that fits decides."""
    rules = (folder / ".dockerignore").read_text(encoding="utf-8").split()
    for file in folder.rglob("*"):
        path = file.relative_to(folder).as_posix()
        if file.is_file() and not _ignored(path, rules):
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, context / path)


def _ignored(path: str, rules: list[str]) -> bool:
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").rstrip("/")
        parts = path.split("/")
        heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        if pattern.startswith("**/"):
            fits = any(fnmatch(part, pattern[3:]) for part in parts)
        else:
            fits = any(fnmatch(head, pattern) for head in heads)
        if fits:
            ignored = not rule.startswith("!")
    return ignored
