"""What `muxi run` and `muxi approvals` print of a run, and the run seen through to its end.

It must only be imported by a command that is at work: it needs events and all that they need.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from muxi.cli import narration, output
from muxi.cli.answer import AnswerText
from muxi.cli.chat.approvals import answer_all
from muxi.cli.chat.joining import News
from muxi.cli.exits import OF_STATUS, ExitCode, of_error
from muxi.cli.following import follow
from muxi.cli.options import as_user
from muxi.core.events import (
    Approval,
    Event,
    MessageCompleted,
    RunCompleted,
    RunSuspended,
    ToolCompleted,
    ToolStarted,
)

if TYPE_CHECKING:
    from muxi.cli.chat.prompt import QuestionPrompt
    from muxi.cli.session import Session
    from muxi.core.messages import Message
    from muxi.core.threads import Run


class Report:
    """What the command prints of a run."""

    def __init__(self, as_json: bool, quiet: bool, user: str | None) -> None:
        self._as_json = as_json
        self._quiet = quiet
        self._user = user
        self._answer = AnswerText()
        self._at_line_start = True
        self._told: set[str] = set()

    @property
    def asker(self) -> QuestionPrompt | None:
        """Asks the person at the terminal; None if nobody is there, or a program reads along."""
        if self._as_json or not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
            return None
        from muxi.cli.chat.prompt import QuestionPrompt

        return QuestionPrompt()

    def question(self, text: str) -> None:
        """What a person is to decide."""
        self._end_line()
        output.say(text)

    def asks_elsewhere(self, approval: Approval) -> None:
        """Say once that a call waits in its middle, for an answer that is not given here."""
        if self._as_json or approval.id in self._told:
            return
        self._told.add(approval.id)
        self.question(narration.question(approval))
        answers = f"muxi approvals answer {approval.id} ANSWER{as_user(self._user)}"
        output.say(output.dim(f"`{answers}` or the dashboard answers it."))

    def error(self, message: str, hint: str | None = None) -> None:
        """Why an answer was not taken."""
        output.error(message, hint)

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
        if isinstance(event, MessageCompleted):
            self._end_line()
        elif isinstance(event, ToolStarted):
            self._tell(f"→ {event.name}({narration.arguments(event.arguments)})")
        elif isinstance(event, ToolCompleted):
            self._tell(f"← {narration.tool_line(event)}")
        elif notice := narration.notice(event):
            self._tell(notice)

    def waits(self, asked: Sequence[Approval], thread_id: str) -> int:
        """Say what the run waits for, and give the exit code for it."""
        for approval in asked:
            self.question(narration.question(approval))
        show = f"muxi approvals show {asked[0].id}{as_user(self._user)}"
        output.error(
            "The run waits for your approval.",
            f"`{self.chat(thread_id)}` asks for it; `{show}` tells how a script answers.",
        )
        return ExitCode.WAITING

    def finish(self, last: RunCompleted) -> int:
        """Say how the run ended, and give the exit code for it."""
        self._end_line()
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


async def see_through(
    session: Session, run: Run, report: Report, *, shown: Sequence[Message] = ()
) -> int:
    """Print a run to its end, without the messages in `shown`, and give the exit code for it.

    Whenever it asks, so is the person, if one is at the terminal.
    """
    client, asker, seen = session.client, report.asker, 0
    news = News(shown, run.attempt)

    def show(event: Event) -> None:
        nonlocal seen
        seen = max(seen, event.seq)
        if news.tells(event):
            report.show(event)

    while True:
        try:
            last = await follow(
                client,
                run.id,
                since=seen,
                show=show,
                stopping=lambda: output.say("Stopping…"),
            )
        except asyncio.CancelledError:
            output.say("Stopped.")
            raise
        if last is None:
            return ExitCode.CANCELLED
        if isinstance(last, RunCompleted):
            return report.finish(last)
        if asker is not None and not await answer_all(client, run.id, asker, report):
            # Left open: whoever else is asked may still answer.
            asker = None
        asked = (await client.approvals(run.id)).items if asker is None else ()
        if asked and isinstance(last, RunSuspended):
            return report.waits(asked, run.thread_id)
        for approval in asked:
            report.asks_elsewhere(approval)
