"""Which commands there are, and what becomes of an error.

Called by `main`. It must stay light: a command's file is imported when that command is called, and
the rooms it needs inside its function.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from muxi.cli import output
from muxi.cli.app import LazyGroup
from muxi.cli.exits import ExitCode, of_error
from muxi.core.errors import MuxiError
from muxi.core.version import __version__

COMMANDS = {
    "up": ("muxi.cli.up", "Start the server and the dashboard of this project."),
    "chat": ("muxi.cli.chat.command", "Talk with an agent in the terminal."),
    "run": ("muxi.cli.run", "Ask an agent once and print the answer."),
    "open": ("muxi.cli.open", "Sign a browser in to the running server."),
    "init": ("muxi.cli.init", "Write a small commented muxi.yaml."),
    "create": ("muxi.cli.create", "Make MCP servers, tools and agents."),
    "doctor": ("muxi.cli.doctor", "Check this machine and this project."),
    "models": ("muxi.cli.models", "List, fetch and choose language models."),
    "agents": ("muxi.cli.agents", "List and show the agents of this project."),
    "threads": ("muxi.cli.threads", "List, show and delete conversations."),
    "approvals": ("muxi.cli.approvals", "List and answer what runs ask people."),
    "memory": ("muxi.cli.memory", "Search, show, forget and move what agents remember."),
    "knowledge": (
        "muxi.cli.knowledge",
        "Add, list, search and remove documents that agents look into.",
    ),
    "tool": ("muxi.cli.tool", "List, show, search, check and test tools."),
    "mcp": ("muxi.cli.mcp", "Use, make, test and serve MCP servers."),
    "user": ("muxi.cli.user", "Add, change and remove people and service accounts."),
    "group": ("muxi.cli.group", "Put users into groups, which share roles."),
    "key": ("muxi.cli.key", "Make, rotate and revoke keys of the API."),
    "tenant": ("muxi.cli.tenant", "Keep customers or departments apart on one server."),
    "secrets": ("muxi.cli.secrets", "Store keys that the project refers to."),
    "budget": ("muxi.cli.budget", "Set budgets, and see what is left of them."),
    "usage": ("muxi.cli.usage", "Show what was consumed, by day, agent, user and model."),
    "credentials": (
        "muxi.cli.credentials",
        "Bring your own keys for tools.",
    ),
    "role": ("muxi.cli.role", "Say what may be done by whoever has a role."),
    "policy": ("muxi.cli.policy", "Allow or refuse something, whatever roles somebody has."),
    "can": ("muxi.cli.can", "Tell whether somebody may do something, and why."),
    "audit": ("muxi.cli.audit", "List, export and verify the audit log."),
    "snapshots": ("muxi.cli.snapshots", "List and restore copies of the database."),
    "schema": ("muxi.cli.schema", "Print the JSON Schema of muxi.yaml."),
    "bench": ("muxi.cli.bench.command", "Measure what the server costs on this machine."),
    "version": ("muxi.cli.version", "Print the version."),
}


class Commands(LazyGroup):
    """The commands of `muxi`."""

    table = COMMANDS


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"muxi {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="AI agents that you own, and the server that runs them.",
    epilog="`muxi COMMAND --help` tells more of a command. "
    "Data goes to standard output and everything else to standard error.",
)


@app.callback()
def root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (also MUXI_DEBUG=1).")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    if debug:
        os.environ["MUXI_DEBUG"] = "1"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; errors become words on standard error."""
    try:
        result: Any = typer.main.get_command(app).main(
            None if arguments is None else list(arguments), prog_name="muxi", standalone_mode=False
        )
    except MuxiError as error:
        _show_traceback_if_debugging()
        output.error(error.message, error.hint)
        return of_error(error.code)
    except typer.TyperException as error:
        return _report_usage(error)
    except typer.Abort:
        return ExitCode.CANCELLED
    except OSError as error:
        _show_traceback_if_debugging()
        output.error(*_told(error))
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 -- the task boundary of the whole program: words instead of a traceback
        if _is_interrupt(error):
            return ExitCode.CANCELLED
        _show_traceback_if_debugging()
        output.error(f"{type(error).__name__}: {error}", "MUXI_DEBUG=1 shows where it happened.")
        return ExitCode.FAILED
    return result if isinstance(result, int) else ExitCode.OK


def _is_interrupt(error: Exception) -> bool:
    """Whether a Ctrl-C fell into pydantic's making of a class, which calls it a fault of the class.

    The text of its `SchemaError` is all that is left of the `KeyboardInterrupt`.
    """
    return type(error).__name__ == "SchemaError" and "KeyboardInterrupt" in str(error)


def _told(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return "The current folder does not exist any more.", "Change to another folder."
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}.", "MUXI_DEBUG=1 shows where it happened."


def _show_traceback_if_debugging() -> None:
    if os.environ.get("MUXI_DEBUG", "0") not in ("", "0"):
        import traceback

        traceback.print_exc()


def _report_usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "muxi"
    output.error(error.format_message(), f"`{path} --help` shows how it is used.")
    return ExitCode.USAGE
