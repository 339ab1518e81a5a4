"""`muxi threads`: the conversations of this project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, UserOption

if TYPE_CHECKING:
    from muxi.core.messages import Message
    from muxi.core.threads import Thread

app = new_app(help="List, show and delete conversations.")

ThreadArgument = Annotated[str, typer.Argument(metavar="THREAD", help="Id of the conversation.")]


@app.command("list")
def list_threads(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many, newest first.")
    ] = 50,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """List conversations, the one that was used last first."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        threads: list[Thread] = []
        cursor: str | None = None
        while len(threads) < limit:
            wanted = min(limit - len(threads), 100)
            page = await session.client.threads(cursor=cursor, limit=wanted)
            threads += page.items
            cursor = page.next
            if cursor is None:
                break
        if json:
            output.as_json(
                [thread.model_dump(mode="json", exclude_none=True) for thread in threads]
            )
            return
        rows = [
            (
                thread.id,
                f"{thread.updated_at.astimezone():%Y-%m-%d %H:%M}",
                thread.agent or "",
                thread.title or "",
            )
            for thread in threads
        ]
        output.table(("thread", "last used", "agent", "title"), rows)

    in_session(project, work, user=user)


@app.command("show")
def show_thread(
    thread: ThreadArgument,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Print the messages of a conversation, oldest first."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        messages = await session.client.messages(thread)
        if json:
            output.as_json(
                [message.model_dump(mode="json", exclude_none=True) for message in messages]
            )
            return
        for message in messages:
            _print_message(message)

    in_session(project, work, user=user)


def _print_message(message: Message) -> None:
    from muxi.cli import narration
    from muxi.core.messages import ToolCallPart, ToolResultPart

    for part in message.parts:
        if isinstance(part, ToolCallPart):
            output.line(f"→ {part.name}({narration.arguments(part.arguments)})")
        elif isinstance(part, ToolResultPart):
            result = " ".join(narration.result_lines(part, limit=6))
            output.line(f"← {part.name}: {result}")
    if message.text:
        cut = " (cut short)" if message.status == "partial" else ""
        output.line(f"{message.author or message.role}{cut}: {message.text}\n")


@app.command("delete")
def delete_thread(
    thread: ThreadArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Delete a conversation with all that was said in it."""
    from muxi.cli.session import Session, in_session

    async def find(session: Session) -> Thread:
        return await session.client.thread(thread)

    async def delete(session: Session) -> None:
        await session.client.delete_thread(found.id)

    # Asked in no session: an owner that waits for a person would let everybody else wait.
    found = in_session(project, find, user=user)
    name = f"“{found.title}”" if found.title else found.id
    if not yes and not output.agreed(f"Delete {name} for good?"):
        output.say("Nothing was deleted.")
        return ExitCode.FAILED
    in_session(project, delete, user=user)
    output.say(f"Deleted {name}.")
    return ExitCode.OK
