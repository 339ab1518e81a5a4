"""`muxi tool`: a thin group. What its commands do stands in a file of each concern."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from muxi.cli.app import LazyGroup, new_app

COMMANDS = {
    "list": ("muxi.cli.tools", "List all tools with their versions and who brings them."),
    "search": ("muxi.cli.tools", "Find tools as an agent with many tools finds them."),
    "show": ("muxi.cli.tools", "Print what is known of a tool."),
    "check": ("muxi.cli.tools", "Tell of versions that do not say how a schema has changed."),
    "test": (
        "muxi.cli.tool_cases",
        "Test Python tools by cases, by made-up arguments, and by whether models can use them.",
    ),
}
"""As in `commands`; the rows of commands that one file holds name it each time."""


class ToolCommands(LazyGroup):
    """The commands of `muxi tool`, of which one file may hold several."""

    table = COMMANDS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        inner = command.get_command(ctx, cmd_name) if isinstance(command, TyperGroup) else None
        return inner or command


app = new_app(cls=ToolCommands, help="List, show, search, check and test tools.")


@app.callback()
def root() -> None:
    """A group, however many commands it has."""
