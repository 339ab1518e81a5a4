"""The shape of every command: how a Typer app of muxi looks, and a group that loads commands late.

Used by `main` and by each command file. It must stay light: `muxi --help` imports it, and nothing
that it imports may reach beyond Typer and the standard library.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A group that answers a bare call with its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)


class LazyGroup(Group):
    """A group that knows its commands by name and summary, and imports one when it is called."""

    table: dict[str, tuple[str, str]]
    """Command to the module whose `app` it is, and the first line of its help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Typer proposes names from here after a misspelling; the commands come from `get_command`.
        self.commands = dict.fromkeys(self.table)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[-1:] == ["--help"] and not any(word.startswith("-") for word in args[:-1]):
            # The help of a command is shown before the group's own options are read, which would
            # import pydantic: twice the time that a help takes.
            command = self.get_command(ctx, args[0])
            if command is not None:
                command.make_context(args[0], args[1:], parent=ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        command = typer.main.get_command(import_module(entry[0]).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.table.items()])


def new_app(**options: Any) -> typer.Typer:
    """A Typer app in the one style of muxi: plain help, no decorated tracebacks."""
    options.setdefault("cls", Group)
    return typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options
    )
