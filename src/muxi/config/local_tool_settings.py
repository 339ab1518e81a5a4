"""What a project says of the built-in tools that work on this machine. Data only.

Joined to the others by `tool_settings`; the makers lie in `tools.builtin`.
"""

from __future__ import annotations

import shlex
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Seconds
from muxi.config.secret import SecretRef
from muxi.config.tool_kind import ToolKind

_Folder = Annotated[str, StringConstraints(min_length=1)]
_Bytes = Annotated[int, Field(ge=1_000, le=1_000_000_000)]
_Text = Annotated[int, Field(ge=1_000, le=10_000_000)]


class FilesTool(ToolKind):
    """The built-in tools for the files of one folder."""

    reading: ClassVar[tuple[str, ...]] = ("list_files", "read_file", "search_files")
    functions: ClassVar[tuple[str, ...]] = (*reading, "write_file", "edit_file")
    kind: Literal["files"] = "files"
    root: _Folder = "workspace"
    """The folder, from the project's own; nothing outside of it is read or written."""
    write: bool = True
    """Whether files may be written and edited."""
    approval: bool = False
    """Whether a person must agree before a file is written or edited."""
    hidden: list[str] = Field(
        default_factory=lambda: [".git", ".env", ".env.*", "*.pem", "*.key", "id_rsa*"]
    )
    """Names, or paths with a slash, that do not exist for agents; `*` stands for any characters.
    The project's own state is always hidden, and its `muxi.yaml` never written."""
    max_bytes: _Bytes = 10_000_000
    """Largest file that is written, edited or searched."""
    max_text: _Text = 40_000
    """Longest text in UTF-8 bytes that is given to the model."""

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.write else self.reading


def _command(pattern: str) -> str:
    try:
        words = shlex.split(pattern)
    except ValueError:
        raise PydanticCustomError("quotes", "a quotation mark is not closed") from None
    if not words or any(sign in words[0] for sign in "*?["):
        raise PydanticCustomError("program", "the first word must be the name of a program")
    return pattern


class ShellTool(ToolKind):
    """The built-in tool that runs programs. It is there only for projects that name `commands`."""

    functions: ClassVar[tuple[str, ...]] = ("run_command",)
    kind: Literal["shell"] = "shell"
    commands: Annotated[list[Annotated[str, AfterValidator(_command)]], Field(min_length=1)]
    """What may be run, word by word: `git status`, `ls *`, `pytest tests/*`. `*` as the last word
    stands for any further words, within a word for any characters."""
    cwd: _Folder = "."
    """Where commands run, from the project's folder. It is no bound: programs may
    look elsewhere."""
    approval: bool = True
    """Whether a person must agree before each command."""
    env: dict[str, SecretRef] = Field(default_factory=dict[str, SecretRef])
    """Variables for the programs, beside PATH, HOME and the like; they get no others."""
    timeout: Seconds = 60.0
    """Seconds after which a command and all that it started is ended."""
    max_output: _Text = 40_000
    """Longest output in bytes that is given to the model: its beginning and its end."""
    max_processes: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Processes of one command at once; more end it. Counted on Linux only."""


class RunPythonTool(ToolKind):
    """The built-in sandbox for Python code."""

    kind: Literal["run_python"] = "run_python"
    timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds of computing that the code may take."""
    max_memory: Annotated[int, Field(ge=5_000_000, le=4_000_000_000)] = 200_000_000
    """Bytes of memory that the code may take."""
    max_output: _Text = 20_000
    """Longest output in bytes that is given to the model."""


class SqlTool(ToolKind):
    """The built-in tools for databases."""

    reading: ClassVar[tuple[str, ...]] = ("sql_schema", "sql_query")
    functions: ClassVar[tuple[str, ...]] = (*reading, "sql_execute")
    kind: Literal["sql"] = "sql"
    databases: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")], SecretRef
        ],
        Field(min_length=1),
    ]
    """Addresses by name: `sqlite:///shop.db`, `postgresql://user@host/name`,
    `mysql://user@host/name`, `secret://NAME`."""
    write: bool = False
    """Whether there is a tool that changes the databases, beside the one that reads them."""
    approval: bool = True
    """Whether a person must agree before a statement that changes something."""
    timeout: Seconds = 20.0
    """Seconds that one statement may take."""
    max_rows: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Rows that are given to the model."""
    max_text: _Text = 40_000
    """Longest table in bytes that is given to the model."""

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.write else self.reading


class GitTool(ToolKind):
    """The built-in tools for one Git repository."""

    reading: ClassVar[tuple[str, ...]] = (
        *("git_status", "git_log", "git_diff", "git_show", "git_blame", "git_branches"),
    )
    functions: ClassVar[tuple[str, ...]] = (*reading, "git_commit", "git_switch")
    kind: Literal["git"] = "git"
    repository: _Folder = "."
    """The repository's folder, from the project's own."""
    write: bool = False
    """Whether there are tools that commit and change branches."""
    approval: bool = True
    """Whether a person must agree before a commit or a change of branches."""
    author: Annotated[str, StringConstraints(pattern=r"^[^<>\n]+ <[^<>\s]+>$")] = (
        "muxi <muxi@localhost>"
    )
    """Who commits: `Name <address>`."""
    timeout: Seconds = 30.0
    """Seconds that one operation may take."""
    max_text: _Text = 40_000
    """Longest text in bytes that is given to the model."""

    def offered(self) -> tuple[str, ...]:
        """The functions that these options allow."""
        return self.functions if self.write else self.reading


class ChartsTool(ToolKind):
    """The built-in tool that draws charts. It has no options."""

    functions: ClassVar[tuple[str, ...]] = ("draw_chart",)
    kind: Literal["charts"] = "charts"
