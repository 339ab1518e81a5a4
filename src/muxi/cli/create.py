"""`muxi create`: a thin group of what can be made anew."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from muxi.cli.app import LazyGroup, new_app

COMMANDS = {
    "mcp-server": ("muxi.cli.create_server", "Make an MCP server from a template."),
    "tool": ("muxi.cli.create_parts", "Make a Python tool in this project."),
    "agent": ("muxi.cli.create_parts", "Make an agent in this project."),
}


class CreateCommands(LazyGroup):
    """The commands of `muxi create`, of which one file may hold several."""

    table = COMMANDS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        inner = command.get_command(ctx, cmd_name) if isinstance(command, TyperGroup) else None
        return inner or command


app = new_app(cls=CreateCommands, help="Make MCP servers, tools and agents.")


@app.callback()
def root() -> None:
    """A group, however many commands it has."""
