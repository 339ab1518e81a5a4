"""A conversation in the terminal: one thread, one agent, turn after turn.

Started by `command`; `slash` changes what it is about. All it knows of agents it learns from the
client; it holds no state that the thread does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxi.cli.chat.approvals import answer_all
from muxi.cli.chat.joining import News
from muxi.cli.chat.prompt import Prompt, silent_keyboard
from muxi.cli.chat.screen import Screen
from muxi.cli.exits import OF_STATUS, ExitCode
from muxi.cli.following import begin, follow
from muxi.cli.narration import ending
from muxi.core.errors import Conflict
from muxi.core.events import FINAL_STATUSES, Event, RunCompleted
from muxi.core.messages import Message
from muxi.core.threads import Run, Thread

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.client.client import Client

_SHOWN_MESSAGES = 20
"""Messages of earlier turns that are shown when a thread is opened."""


@dataclass
class Conversation:
    """Who talks with whom, and where."""

    session: Session
    prompt: Prompt
    screen: Screen
    agent: str
    thread: Thread | None = None
    """None until the first message: an empty thread is of no use to anybody."""
    last_exit: int = ExitCode.OK
    """The exit code for the run that ended last."""

    @property
    def client(self) -> Client:
        return self.session.client

    async def say(self, text: str) -> None:
        """Send a message and show the answer to it."""
        run = await self._start_in_turn(text)
        if run is None:
            self.screen.note("Your message was not sent.")
            return
        await self.follow(run)

    async def _start_in_turn(self, text: str) -> Run | None:
        """Begin a run, after the one that is still open in this thread; None if that stays so."""
        try:
            return await self._start(text)
        except Conflict as conflict:
            run_id = conflict.details.get("run_id")
            if run_id is None:
                raise
        self.screen.note("Something is still open in this conversation; your message comes after.")
        await self.resume(await self.client.run(run_id))
        if (await self.client.run(run_id)).status not in FINAL_STATUSES:
            return None
        return await self._start(text)

    async def _start(self, text: str) -> Run:
        thread_id = self.thread.id if self.thread is not None else None
        start = self.client.start_run(text, agent=self.agent, thread_id=thread_id)
        run = await begin(self.client, start)
        if self.thread is None:
            self.thread = await self.client.thread(run.thread_id)
        return run

    async def follow(self, run: Run, *, shown: Sequence[Message] = ()) -> None:
        """Show a run to its end, but not the messages in `shown` again.

        Whenever it waits for a person, ask.
        """
        seen = 0
        news = News(shown, run.attempt)

        def show(event: Event) -> None:
            nonlocal seen
            seen = max(seen, event.seq)
            if news.tells(event):
                self.screen.event(event)

        while True:
            self.screen.begin(run.agent)
            try:
                with silent_keyboard() if self.prompt.interactive else nullcontext():
                    last = await follow(
                        self.client,
                        run.id,
                        since=seen,
                        show=show,
                        stopping=self.screen.stopping,
                    )
            finally:
                self.screen.end()
            if last is None or isinstance(last, RunCompleted):
                self._ended(last)
                return
            if not await self.decide_all(run.id):
                self.last_exit = ExitCode.WAITING
                return

    def _ended(self, last: RunCompleted | None) -> None:
        if last is None:
            self.last_exit = ExitCode.CANCELLED
            self.screen.note("Left the answer; /open shows what came of it.")
            return
        self.last_exit = OF_STATUS.get(last.status, ExitCode.FAILED)
        why = ending(last)
        if why is None:
            return
        if last.status == "cancelled":
            self.screen.note(why)
        else:
            self.screen.error(why, last.problem.hint if last.problem else None)

    async def decide_all(self, run_id: str) -> bool:
        """Ask what a run asks. False if something was left open."""
        if self.prompt.interactive:
            done = await answer_all(self.client, run_id, self.prompt, self.screen)
        else:
            done = not (await self.client.approvals(run_id)).items
        if not done:
            self.screen.note(
                "The run waits for your approval: /approve asks again, /stop gives it up."
            )
        return done

    async def open(self, thread: Thread) -> None:
        """Go on in `thread`: show what was said, then whatever still runs or waits in it."""
        self.thread = thread
        self.agent = thread.agent or self.agent
        # Asked first: a run that ends meanwhile is then either followed or among the messages.
        run = await self.active_run()
        shown = await self.show_history(limit=_SHOWN_MESSAGES)
        if run is not None:
            await self.resume(run, shown)

    async def resume(self, run: Run, shown: Sequence[Message] | None = None) -> None:
        """Join a run that works or waits; `shown` are the messages on the screen, if not all."""
        if shown is None:
            shown = await self.client.messages(run.thread_id)
        if run.status == "waiting" and not await self.decide_all(run.id):
            self.last_exit = ExitCode.WAITING
            return
        await self.follow(run, shown=shown)

    async def active_run(self) -> Run | None:
        """The newest run of this thread, if it has not ended."""
        if self.thread is None:
            return None
        page = await self.client.runs(thread_id=self.thread.id, limit=1)
        run = page.items[0] if page.items else None
        return run if run is not None and run.status in ("queued", "running", "waiting") else None

    async def show_history(self, *, limit: int | None = None) -> Sequence[Message]:
        """Show the messages of this thread, or the last `limit` of them; gives all."""
        if self.thread is None:
            self.screen.note("Nothing has been said yet.")
            return ()
        messages = await self.client.messages(self.thread.id)
        shown = messages if limit is None else messages[-limit:]
        if len(shown) < len(messages):
            self.screen.note(
                f"… {len(messages) - len(shown)} earlier messages; /history shows all."
            )
        self.screen.history(shown)
        return messages
