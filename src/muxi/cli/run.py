"""`muxi run`: one question, one answer, for people and for scripts."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import OF_STATUS, ExitCode, of_error
from muxi.cli.options import AgentOption, ProjectOption, UserOption, as_user

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.events import Event, RunCompleted, RunSuspended

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
    from muxi.cli.following import begin, follow
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
    try:
        last = await follow(
            client, started.id, show=report.show, stopping=lambda: output.say("Stopping…")
        )
    except asyncio.CancelledError:
        output.say("Stopped.")
        raise
    if last is None:
        return ExitCode.CANCELLED
    return report.finish(last, started.thread_id)


class Report:
    """What the command prints of a run."""

    def __init__(self, as_json: bool, quiet: bool, user: str | None) -> None:
        from muxi.cli.answer import AnswerText

        self._as_json = as_json
        self._quiet = quiet
        self._user = user
        self._answer = AnswerText()
        self._at_line_start = True

    def show(self, event: Event) -> None:
        """Print what `event` adds to the answer or to the story."""
        if self._as_json:
            output.line(event.model_dump_json(exclude_none=True))
            return
        piece = self._answer.take(event)
        if piece.replaces:
            self._end_line()
            self._tell("The unfinished answer above is void; this one takes its place.")
        if piece.text:
            output.write(piece.text)
            self._at_line_start = piece.text.endswith("\n")
        self._narrate(event)

    def _narrate(self, event: Event) -> None:
        from muxi.cli import narration
        from muxi.core.events import MessageCompleted, ToolCompleted, ToolStarted

        if isinstance(event, MessageCompleted):
            self._end_line()
        elif isinstance(event, ToolStarted):
            self._tell(f"→ {event.name}({narration.arguments(event.arguments)})")
        elif isinstance(event, ToolCompleted):
            self._tell(f"← {narration.tool_line(event)}")
        elif notice := narration.notice(event):
            self._tell(notice)

    def finish(self, last: RunCompleted | RunSuspended, thread_id: str) -> int:
        """Say how the run ended, and give the exit code for it."""
        from muxi.cli import narration
        from muxi.core.events import RunSuspended

        self._end_line()
        if isinstance(last, RunSuspended):
            for approval in last.approvals:
                output.say(narration.question(approval))
            output.error(
                "The run waits for your approval.", f"`{self.chat(thread_id)}` asks for it."
            )
            return ExitCode.WAITING
        ending = narration.ending(last)
        if ending is not None:
            output.error(ending, last.problem.hint if last.problem else None)
        if last.status == "failed" and last.problem is not None:
            return of_error(last.problem.code)
        return OF_STATUS.get(last.status, ExitCode.FAILED)

    def chat(self, thread_id: str) -> str:
        """The command that goes on in a conversation."""
        return f"muxi chat -t {thread_id}{as_user(self._user)}"

    def _tell(self, text: str) -> None:
        if not self._quiet:
            if output.is_terminal(sys.stdout):
                self._end_line()
            output.say(output.dim(output.plain(text)))

    def _end_line(self) -> None:
        if not self._at_line_start:
            output.write("\n")
            self._at_line_start = True
