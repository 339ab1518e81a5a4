"""`muxi open`: sign a browser in to the server that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, NoBrowserOption, ProjectOption
from muxi.core.errors import NotFound

if TYPE_CHECKING:
    from muxi.cli.session import Session

app = new_app()


@app.command("open")
def open_dashboard(
    no_browser: NoBrowserOption = False, json: JsonOption = False, project: ProjectOption = None
) -> None:
    """Sign a browser in to the running server.

    Prints a fresh link, and opens it where there is a desktop. The link works once, within a
    quarter of an hour.
    """
    from muxi.cli.browser import desktop_is_here, open_page
    from muxi.cli.session import in_session

    link = in_session(project, _fresh_link)
    if json:
        output.as_json({"url": link})
    else:
        output.line(link)
        output.say("The link signs one browser in, once, within a quarter of an hour.")
    if not no_browser and not json and desktop_is_here():
        open_page(link)


async def _fresh_link(session: Session) -> str:
    if session.owned:
        raise NotFound("No server of this project runs.", hint="`muxi up` starts it.")
    return await session.client.login_link()
