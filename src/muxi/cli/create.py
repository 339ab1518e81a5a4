"""`muxi create`: a thin group of what can be made anew."""

from __future__ import annotations

from muxi.cli.app import LazyGroup, new_app

COMMANDS = {
    "mcp-server": ("muxi.cli.create_server", "Make an MCP server from a template."),
}


class CreateCommands(LazyGroup):
    """The commands of `muxi create`."""

    table = COMMANDS


app = new_app(cls=CreateCommands, help="Make MCP servers, tools and agents.")


@app.callback()
def root() -> None:
    """A group, however many commands it has."""
