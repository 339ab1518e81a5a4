"""`muxi mcp`: a thin group. What its commands do stands in a file of each concern.

A file holds one command, or several of this group. None of them imports the SDK of MCP while it is
loaded: `muxi mcp --help` must stay quick.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from muxi.cli.app import LazyGroup, new_app

COMMANDS = {
    "list": (
        "muxi.cli.mcp_surface",
        "List this project's MCP servers, or what one server offers.",
    ),
    "status": ("muxi.cli.mcp_servers", "Show how the MCP servers of this project are doing."),
    "logs": ("muxi.cli.mcp_servers", "Print the last words of an MCP server."),
    "restart": ("muxi.cli.mcp_servers", "End an MCP server and start it again."),
    "install": (
        "muxi.cli.mcp_servers",
        "Install the packages of MCP servers into environments of their own.",
    ),
    "serve": (
        "muxi.cli.mcp_serve",
        "Serve this project's agents, tools and memory over standard input and output.",
    ),
    "add": (
        "muxi.cli.mcp_add",
        "Add a tool, resource or prompt to a server that muxi made.",
    ),
    "test": ("muxi.cli.mcp_cases", "Test a server by its tests.yaml, in both eras of MCP."),
    "validate": (
        "muxi.cli.mcp_validate",
        "Judge a server by named rules, each with what to do.",
    ),
    "docs": (
        "muxi.cli.mcp_docs",
        "Write pages about a server, as Markdown and HTML, from the running server.",
    ),
    "inspect": ("muxi.cli.mcp_look", "Show what a server says of itself, in both eras of MCP."),
    "call": ("muxi.cli.mcp_ask", "Call a tool and print what it gives."),
    "read": ("muxi.cli.mcp_ask", "Read a resource and print it."),
    "prompt": ("muxi.cli.mcp_ask", "Get a prompt and print its messages."),
    "repl": ("muxi.cli.mcp_ask", "Ask a server one thing after the other, in one session."),
    "lock": (
        "muxi.cli.mcp_lock",
        "Lock what this project's MCP servers offer, and tell what differs from muxi.lock.",
    ),
    "diff": (
        "muxi.cli.mcp_lock",
        "Show how what MCP servers offer now differs from muxi.lock. Fails if it does.",
    ),
    "approve": (
        "muxi.cli.mcp_lock",
        "Let agents use what is new or changed of an MCP server, after showing it.",
    ),
    "login": ("muxi.cli.mcp_login", "Sign in to a remote MCP server."),
    "logout": (
        "muxi.cli.mcp_login",
        "Sign out of a remote MCP server: its tokens are revoked and forgotten.",
    ),
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
