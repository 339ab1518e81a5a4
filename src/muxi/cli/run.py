"""`muxi run`: one question, one answer, for people and for scripts."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import AgentOption, ProjectOption, UserOption

if TYPE_CHECKING:
    from muxi.cli.report import Report
    from muxi.cli.session import Session

app = new_app()


@app.command(
    epilog="Exit codes: 0 completed, 1 failed, 2 wrong use or configuration, 3 waits for an "
    "approval, 4 stopped by a limit, 5 blocked by a guardrail, 130 cancelled."
)
def run(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="What to ask; standard input when it is absent or `-`."),
    ] = None,
    *,
    agent: AgentOption = None,
    thread: Annotated[
        str | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Go on in this conversation."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print every event of the run as a line of JSON.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing of tool calls and retries.")
    ] = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Ask an agent once and print the answer.

    The answer goes to standard output as it comes; what happens meanwhile is told on standard
    error. Ctrl-C stops the run and keeps what was answered.
    """
    from muxi.cli.report import Report
    from muxi.cli.session import in_session

    question, report = _question(prompt), Report(json, quiet, user)
    return in_session(
        project,
        lambda session: _run(session, question, agent, thread, report),
        answers=True,
        user=user,
    )


def _question(words: list[str] | None) -> str:
    """The prompt from the command line or from standard input, as text that can be encoded."""
    given = " ".join(words or ())
    if given in ("", "-"):
        if output.is_terminal(sys.stdin):
            raise typer.BadParameter("There is nothing to ask.", param_hint="PROMPT")
        text = sys.stdin.buffer.read().decode("utf-8", "replace").removesuffix("\n")
    else:
        # The shell hands over bytes; those that are not UTF-8 came in as lone surrogates.
        text = os.fsencode(given).decode("utf-8", "replace")
    if not text.strip():
        raise typer.BadParameter("There is nothing to ask.", param_hint="PROMPT")
    return text


async def _run(
    session: Session, question: str, agent: str | None, thread: str | None, report: Report
) -> int:
    from muxi.cli.following import begin
    from muxi.cli.report import see_through
    from muxi.core.errors import Conflict

    client = session.client
    try:
        started = await begin(client, client.start_run(question, agent=agent, thread_id=thread))
    except Conflict as error:
        hint = f"`{report.chat(thread)}` shows what is open there." if thread else error.hint
        raise Conflict(error.message, hint=hint, **error.details) from None
    except asyncio.CancelledError:
        output.say("Stopped before anything was answered.")
        raise
    return await see_through(session, started, report)
