"""`muxi mcp login|logout`: sign in to remote MCP servers with a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import NoBrowserOption, ProjectOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.config.mcp_auth import McpAuthSettings

app = new_app(help="Sign in to remote MCP servers.")

ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="A remote server in muxi.yaml.")
]


@app.command("login")
def login(
    server: ServerArgument,
    no_browser: NoBrowserOption = False,
    seconds: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds to wait for the browser.")
    ] = 300.0,
    project: ProjectOption = None,
) -> int:
    """Sign in to a remote MCP server.

    Opens the page on which you grant access, and waits for the browser to come back. The login is
    kept encrypted and renewed by itself: among the project's secrets, or among your own
    credentials where the project says `login: user`.
    """
    from muxi.cli.loopback import waiting_browser
    from muxi.cli.session import in_session

    auth = _auth(server, project)

    async def work(session: Session) -> int:
        own = auth is not None and auth.login == "user"
        logins = session.client.credentials if own else session.client.mcp
        async with waiting_browser(auth.redirect_url if auth else None) as browser:
            page = await logins.begin_login(server, browser.url)
            if page is None:
                output.say(f"{server} wants no login, or has one that is good.")
                return ExitCode.OK
            _show(page, no_browser=no_browser)
            answer = await browser.answer(seconds)
            info = await logins.finish_login(server, answer)
        if info.state != "ready":
            output.error(f"Signed in to {server}, which is not ready: {info.detail}")
            return ExitCode.FAILED
        output.say(f"Signed in to {server}, which has {len(info.tools)} tools.")
        return ExitCode.OK

    return in_session(project, work)


@app.command("logout")
def logout(server: ServerArgument, project: ProjectOption = None) -> None:
    """Sign out of a remote MCP server: its tokens are revoked and forgotten."""
    from muxi.cli.session import in_session

    auth = _auth(server, project)

    async def work(session: Session) -> None:
        if auth is not None and auth.login == "user":
            await session.client.credentials.delete(f"mcp.{server}")
        else:
            await session.client.mcp.log_out(server)

    in_session(project, work)
    output.say(f"Signed out of {server}.")


def _auth(server: str, project: Path | None) -> McpAuthSettings | None:
    """What the project says of signing in there."""
    from muxi.config.load import load_project

    declared = load_project(project).mcp.servers.get(server)
    return declared.auth if declared is not None else None


def _show(page: str, *, no_browser: bool) -> None:
    from muxi.cli.browser import desktop_is_here, open_page

    opened = not no_browser and desktop_is_here() and open_page(page)
    output.say("Grant access in the browser:" if opened else "Open this page to grant access:")
    output.say(f"  {output.unmasked(page)}")
