"""The tools `files`: read, write, edit and search the files of one folder, and of no other."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from muxi.config.local_tool_settings import FilesTool
from muxi.core.errors import ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.core.manifests import Permissions, ToolManifest
from muxi.core.messages import ImagePart
from muxi.core.record import clean
from muxi.tools.builtin.file_search import Bounds, Found, below, fits, matcher, matching_lines
from muxi.tools.builtin.file_text import changed, image, read_lines, whole
from muxi.tools.builtin.rooted import Root, root_of, shown
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="files",
    version="1.0.0",
    summary="Reads, writes, edits and searches the files of one folder.",
    tools=FilesTool.functions,
    permissions=Permissions(files="write"),
    notes=(
        "Links, `..` and other spellings do not lead out of the folder. A hard link to a file"
        " outside can be read, since it is that file; writing replaces the link."
    ),
)

_LIST: Examples = (
    ("Which files are there?", {}),
    ("List the folder reports", {"path": "reports"}),
    ("Find all files named *.csv", {"pattern": "*.csv"}),
    ("Which Markdown files are in docs? Look for *.md", {"path": "docs", "pattern": "*.md"}),
)
_READ: Examples = (
    ("Read notes.txt", {"path": "notes.txt"}),
    ("What does docs/plan.md say?", {"path": "docs/plan.md"}),
    ("Show me server.log from line 400 on", {"path": "server.log", "first_line": 400}),
    ("Open config/app.json", {"path": "config/app.json"}),
)
_SEARCH: Examples = (
    ("Where is the word deadline written in the files?", {"query": "deadline"}),
    ("Search docs for refund policy", {"query": "refund policy", "path": "docs"}),
    ("Which *.py files mention parse_date?", {"query": "parse_date", "pattern": "*.py"}),
)
_WRITE: Examples = (
    (
        "Save Buy milk as todo.txt",
        {"path": "todo.txt", "content": "Buy milk"},
    ),
    (
        "Add the line Call Anna to notes.md",
        {"path": "notes.md", "content": "Call Anna\n", "mode": "append"},
    ),
    (
        "Replace everything in status.txt with done",
        {"path": "status.txt", "content": "done", "mode": "replace"},
    ),
)
_EDIT: Examples = (
    (
        "In config.yaml change port: 80 to port: 8080",
        {"path": "config.yaml", "old_text": "port: 80", "new_text": "port: 8080"},
    ),
    (
        "Rename colour to color everywhere in style.css",
        {
            "path": "style.css",
            "old_text": "colour",
            "new_text": "color",
            "all_occurrences": True,
        },
    ),
)

_MAX_LISTED = 500
_NEVER_WRITTEN = ("muxi.yaml", "muxi.yml", "muxi.lock")
"""Who could write these could give himself every other permission."""


def make_files(
    root: Root,
    *,
    write: bool = True,
    approval: bool = False,
    max_bytes: int = 10_000_000,
    max_text: int = 40_000,
) -> list[FunctionTool[..., Any]]:
    """The tools for the files of one folder.

    Args:
        root: The folder.
        write: Whether there are tools that write.
        approval: Whether a person must agree before a file is written or edited.
        max_bytes: Largest file that is written, edited or searched.
        max_text: Longest text that is given to the model, in UTF-8 bytes.
    """
    reading = [
        _make_list(root, max_text),
        _make_read(root, max_text),
        _make_search(root, max_bytes, max_text),
    ]
    if not write:
        return reading
    return [
        *reading,
        _make_write(root, max_bytes, approval=approval),
        _make_edit(root, max_bytes, approval=approval),
    ]


def files_tools(settings: FilesTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the files of a project."""
    root = root_of(settings.root, setup, hidden=(".muxi", ".muxi-*", *settings.hidden))
    return make_files(
        root,
        write=settings.write,
        approval=settings.approval,
        max_bytes=settings.max_bytes,
        max_text=settings.max_text,
    )


def _make_list(root: Root, max_text: int) -> FunctionTool[..., Any]:
    @tool(
        title="List files",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_LIST,
        max_bytes=max_text,
    )
    def list_files(path: str = ".", pattern: str = "") -> str:
        """List the files of a folder, or find files by name in it and in all folders below.

        Args:
            path: The folder, such as `docs`; `.` for all.
            pattern: A name with wildcards, such as `*.csv`, to find; empty for a plain list.
        """
        bounds = Bounds()
        lines: list[str] = []
        with root.at(path) as spot:
            for found in below(root, spot, bounds, deep=bool(pattern)):
                if pattern and (found.is_folder or not fits(found, pattern)):
                    continue
                if len(lines) == _MAX_LISTED:
                    bounds.reached = True
                    break
                lines.append(found.line())
        if not lines:
            return "There are no such files." if pattern else "The folder is empty."
        return "\n".join([*lines, *_unfinished(bounds)])

    return list_files


def _make_read(root: Root, max_text: int) -> FunctionTool[..., Any]:
    @tool(
        title="Read a file",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_READ,
        max_bytes=max_text + 1_000,
    )
    def read_file(
        path: str,
        first_line: Annotated[int, Field(ge=1)] = 1,
        max_lines: Annotated[int, Field(ge=1, le=100_000)] = 2_000,
    ) -> str | ImagePart:
        """Read a text file, or look at a picture.

        Args:
            path: The file, such as `docs/plan.md`.
            first_line: Number of the line to begin with.
            max_lines: Most lines to read.
        """
        with root.at(path) as spot:
            picture = image(spot)
            if picture is not None:
                return picture
            lines = read_lines(spot, first=first_line, count=max_lines, max_bytes=max_text)
        if not lines.more:
            return lines.text or "The file is empty."
        shown_part = f"Line {lines.last} is cut." if lines.cut else ""
        notice = f"Lines {lines.first} to {lines.last}. {shown_part}".strip()
        return f"{lines.text}\n[{notice} Read on with first_line={lines.last + 1}.]"

    return read_file


def _make_search(root: Root, max_bytes: int, max_text: int) -> FunctionTool[..., Any]:
    @tool(
        title="Search in files",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_SEARCH,
        max_bytes=max_text,
    )
    def search_files(
        query: str,
        path: str = ".",
        pattern: str = "",
        regex: bool = False,
        max_results: Annotated[int, Field(ge=1, le=1_000)] = 100,
    ) -> str:
        """Find lines in the files of a folder and of all folders below it.

        Args:
            query: The text to find; upper and lower case count the same.
            path: The folder or file to search; `.` for all.
            pattern: Names of the files to search, such as `*.py`; empty for all.
            regex: Whether `query` is a regular expression.
            max_results: Most lines to give.
        """
        if not query or len(query) > 500:
            raise ToolArgumentsInvalid("Give 1 to 500 characters to find.")
        matches = matcher(query, regex=regex)
        bounds = Bounds()
        lines: list[str] = []
        for found in _searched(root, path, bounds):
            if pattern and not fits(found, pattern):
                continue
            for line in matching_lines(found, matches, bounds, max_bytes=max_bytes):
                if len(lines) == max_results:
                    bounds.reached = True
                    break
                lines.append(line)
            if bounds.reached:
                break
        if not lines:
            return "\n".join([f"Nothing was found for: {query}", *_unfinished(bounds)])
        return "\n".join([*lines, *_unfinished(bounds)])

    return search_files


def _make_write(root: Root, max_bytes: int, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Write a file",
        read_only=False,
        destructive=True,
        open_world=False,
        approval=approval,
        examples=_WRITE,
    )
    def write_file(
        path: str, content: str, mode: Literal["create", "replace", "append"] = "create"
    ) -> str:
        """Write a text file. Folders that are missing are made.

        Args:
            path: The file, such as `notes/today.md`.
            content: The whole text, or with `append` what comes at the end.
            mode: `create` a new file, `replace` all of an old one, or `append` to it.
        """
        data = clean(content).encode()
        with root.writing, root.at(path, make=True) as spot:
            _refuse(spot.path)
            there = spot.status() is not None
            if there and mode == "create":
                raise ToolFailed(
                    f"`{shown(spot.path)}` exists already.",
                    hint="Use edit_file, or the mode `replace` or `append`.",
                )
            if there and mode == "append":
                data = whole(spot, max_bytes=max_bytes).encode() + data
            if len(data) > max_bytes:
                raise ToolArgumentsInvalid(
                    f"A file may have at most {max_bytes:,} bytes.", hint="Write less."
                )
            spot.replace(data)
            return f"Wrote {shown(spot.path)}: {len(data):,} bytes."

    return write_file


def _make_edit(root: Root, max_bytes: int, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Edit a file",
        read_only=False,
        destructive=True,
        open_world=False,
        approval=approval,
        examples=_EDIT,
    )
    def edit_file(path: str, old_text: str, new_text: str, all_occurrences: bool = False) -> str:
        """Replace a passage of a text file. Everything else in it stays as it is.

        Args:
            path: The file, such as `config.yaml`.
            old_text: The passage, exactly as it stands in the file.
            new_text: What stands there afterwards; empty to delete the passage.
            all_occurrences: Whether to replace it everywhere; otherwise it must be there once.
        """
        with root.writing, root.at(path) as spot:
            _refuse(spot.path)
            text = whole(spot, max_bytes=max_bytes)
            text, count = changed(
                text, clean(old_text), clean(new_text), everywhere=all_occurrences
            )
            data = text.encode()
            if len(data) > max_bytes:
                raise ToolArgumentsInvalid(
                    f"A file may have at most {max_bytes:,} bytes.", hint="Write less."
                )
            spot.replace(data)
            places = "one place" if count == 1 else f"{count} places"
            return f"Changed {shown(spot.path)} in {places}."

    return edit_file


def _searched(root: Root, path: str, bounds: Bounds) -> Iterator[Found]:
    """The plain files at and below `path`."""
    with root.at(path) as spot:
        status = spot.status()
        if status is not None and not stat.S_ISDIR(status.st_mode):
            yield Found(spot.path, spot.name, spot.folder, status)
            return
        for found in below(root, spot, bounds, deep=True):
            if stat.S_ISREG(found.status.st_mode):
                yield found


def _unfinished(bounds: Bounds) -> list[str]:
    if not bounds.reached:
        return []
    return ["[There is more than could be looked at. Ask for a folder or a pattern.]"]


def _refuse(path: str) -> None:
    """Refuse to write what decides on the permissions of agents."""
    if path.rpartition("/")[2].casefold() in _NEVER_WRITTEN:
        raise ToolDenied(f"`{shown(path)}` is not for agents to write.")
