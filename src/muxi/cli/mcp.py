"""`muxi mcp`: a thin group. What its commands do stands in a file of each concern.

A file holds one command, or several of this group. None of them imports the SDK of MCP while it is
loaded: `muxi mcp --help` must stay quick.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from muxi.cli.app import LazyGroup, new_app

COMMANDS = {
    "status": ("muxi.cli.mcp_servers", "Show how the MCP servers of this project are doing."),
    "logs": ("muxi.cli.mcp_servers", "Print the last words of an MCP server."),
    "restart": ("muxi.cli.mcp_servers", "End an MCP server and start it again."),
    "install": (
        "muxi.cli.mcp_servers",
        "Install the packages of MCP servers into environments of their own.",
    ),
    "test": ("muxi.cli.mcp_cases", "Test a server by its tests.yaml, in both eras of MCP."),
    "inspect": ("muxi.cli.mcp_look", "Show what a server says of itself, in both eras of MCP."),
    "call": ("muxi.cli.mcp_ask", "Call a tool and print what it gives."),
    "read": ("muxi.cli.mcp_ask", "Read a resource and print it."),
    "prompt": ("muxi.cli.mcp_ask", "Get a prompt and print its messages."),
    "repl": ("muxi.cli.mcp_ask", "Ask a server one thing after the other, in one session."),
    "import": (
        "muxi.cli.mcp_import",
        "Print the servers of another program's mcp.json as a part of muxi.yaml.",
    ),
}
"""As in `commands`; the rows of commands that one file holds name it each time."""


class McpCommands(LazyGroup):
    """The commands of `muxi mcp`, of which one file may hold several."""

    table = COMMANDS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        inner = command.get_command(ctx, cmd_name) if isinstance(command, TyperGroup) else None
        return inner or command


app = new_app(cls=McpCommands, help="Use, make, test and serve MCP servers.")


@app.callback()
def root() -> None:
    """A group, however many commands it has."""
