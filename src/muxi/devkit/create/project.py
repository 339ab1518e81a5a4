"""Adds a tool or an agent to a project of muxi: files beside its muxi.yaml, and an entry in it.

The project is read again with the entry in it, and everything is put back if that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from muxi.config.edit import add_entry
from muxi.config.load import load_project
from muxi.config.starter import write_starter
from muxi.core.errors import Conflict
from muxi.devkit.create.names import checked_description, part_name
from muxi.devkit.create.rendering import render


def create_tool(project: Path | None, given: str, description: str | None) -> list[Path]:
    """Write a Python tool with cases for it, and declare it. Gives the paths of what was written.

    Raises:
        InvalidInput: It cannot be called so.
        Conflict: There is one of this name.
        ConfigError: The project has mistakes, or cannot be changed by a program.
    """
    name = part_name(given)
    title = name.replace("_", " ").capitalize()
    said = checked_description(description or f"Work on a text: {title.lower()}.")
    values = {"part": name, "title": title, "description": said}
    files = {
        PurePosixPath("tools", f"{name}.py"): render("project/tool.py", values),
        PurePosixPath("tests", f"{name}.yaml"): render("project/tool.yaml", values),
    }
    return _declared(project, "tools", name, f"tools/{name}.py:{name}", files)


def create_agent(
    project: Path | None, given: str, description: str | None, tools: Sequence[str] = ()
) -> list[Path]:
    """Declare an agent with words to begin with. Gives the path of the project file.

    Raises:
        InvalidInput: It cannot be called so.
        Conflict: There is one of this name.
        ConfigError: The project has mistakes, such as a tool that does not exist, or cannot be
            changed by a program.
    """
    name = part_name(given)
    title = name.replace("_", " ")
    said = checked_description(description or f"Answers questions as {title}.")
    values = {"title": title, "description": said, "tools": [_listed(tool) for tool in tools]}
    return _declared(project, "agents", name, render("project/agent.yaml", values), {})


def _declared(
    project: Path | None, section: str, name: str, entry: str, files: dict[PurePosixPath, str]
) -> list[Path]:
    found = load_project(project)
    for path in files:
        if (found.folder / path).exists():
            raise Conflict(f"{found.folder / path} exists already.", hint="Choose another name.")
    file, is_new = found.file, found.file is None
    if file is None:
        file = write_starter(found.folder)
    before = file.read_bytes()
    written: list[Path] = []
    try:
        for path, text in files.items():
            written.append(found.folder / path)
            written[-1].parent.mkdir(exist_ok=True)
            written[-1].write_bytes(text.encode())
        add_entry(file, section, name, entry)
        load_project(file)
    except BaseException:
        for each in written:
            each.unlink(missing_ok=True)
        if is_new:
            file.unlink()
        else:
            file.write_bytes(before)
        raise
    return [*written, file]


def _listed(tool: str) -> str:
    """A name in a list of YAML: only letters, digits and a few signs go without quotes."""
    plain = tool.replace("_", "").replace("-", "").replace(".", "")
    return tool if plain.isascii() and plain.isalnum() else '"' + tool.replace('"', "") + '"'
