"""`muxi chat`: talk with an agent in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import AgentOption, ProjectOption, UserOption

if TYPE_CHECKING:
    from muxi.cli.chat.conversation import Conversation
    from muxi.cli.chat.prompt import Prompt
    from muxi.cli.session import Session
    from muxi.core.threads import Thread

app = new_app()


@app.command()
def chat(
    *,
    agent: AgentOption = None,
    thread: Annotated[
        str | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Go on in this conversation."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a new conversation.")] = False,
    resume: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on in the last conversation.")
    ] = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Talk with an agent in the terminal.

    At a terminal the last conversation goes on unless --new is given; `/help` lists what can be
    done inside. When standard input is not a terminal, every line of it is a message of a new
    conversation, and the exit code is that of the last answer.
    """
    from muxi.cli.session import in_session

    if sum((thread is not None, new, resume)) > 1:
        raise typer.BadParameter("Only one of --thread, --new and --continue can be given.")
    interactive = output.is_terminal(sys.stdin)
    wanted = "new" if new or not (resume or interactive) else "last"
    return in_session(
        project,
        lambda session: _chat(session, agent, thread, wanted),
        answers=True,
        user=user,
    )


async def _chat(session: Session, agent: str | None, thread: str | None, wanted: str) -> int:
    chat = await _conversation(session, agent)
    if thread is not None:
        chosen = await session.client.thread(thread)
    else:
        chosen = await _last(chat, agent) if wanted == "last" else None
    await _open(chat, chosen, asked=thread is not None, agent=agent)
    await _talk(chat)
    return ExitCode.OK if chat.prompt.interactive else chat.last_exit


async def _conversation(session: Session, agent: str | None) -> Conversation:
    """A conversation with a screen and a prompt that suit the terminal, greeting included."""
    from muxi.cli.chat.conversation import Conversation
    from muxi.cli.chat.screen import PlainScreen, can_draw

    status = await session.client.status()
    if agent is not None:
        # A wrong name is told before anything is typed.
        await session.client.agent(agent)
    if can_draw():
        from muxi.cli.chat.terminal import TerminalScreen

        screen = TerminalScreen()
    else:
        screen = PlainScreen()
    session.told = screen.note
    prompt = _prompt(session.state.root / "chat_history")
    if prompt.interactive:
        screen.note(f"muxi {status.version} · {status.model.name} · /help shows commands")
        if status.model.note:
            screen.note(status.model.note)
    return Conversation(session, prompt, screen, agent or status.default_agent)


def _prompt(history: Path) -> Prompt:
    from muxi.cli.chat.prompt import LinePrompt, TerminalPrompt
    from muxi.cli.chat.slash import HELP

    if output.is_terminal(sys.stdin):
        return TerminalPrompt(history, HELP)
    return LinePrompt()


async def _last(chat: Conversation, agent: str | None) -> Thread | None:
    """The conversation that was used last; if an agent is named, the last one with it."""
    page = await chat.client.threads()
    for thread in page.items:
        if agent is None or thread.agent == agent:
            return thread
    return None


async def _open(
    chat: Conversation, thread: Thread | None, *, asked: bool, agent: str | None
) -> None:
    if thread is None:
        return
    if not asked:
        name = f"“{thread.title}”" if thread.title else "your last conversation"
        chat.screen.note(f"Going on with {name}; /new begins another one.")
    await chat.open(thread)
    if agent is not None:
        chat.agent = agent


async def _talk(chat: Conversation) -> None:
    """Message after message, until the person leaves or the input ends."""
    from muxi.cli.chat.slash import perform
    from muxi.core.errors import MuxiError

    while True:
        try:
            text = (await chat.prompt.message()).strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if not text:
            continue
        try:
            if not await perform(chat, text):
                await chat.say(text)
        except EOFError:
            return
        except MuxiError as error:
            chat.last_exit = ExitCode.FAILED
            chat.screen.error(error.message, error.hint)
