"""The commands of the chat, each a line that begins with `/`. Called by the chat's loop.

A command is a function of the conversation and of the rest of the line; its docstring is its help.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from muxi.cli.chat.conversation import Conversation
from muxi.core.errors import NotFound
from muxi.core.threads import Thread

_LISTED_THREADS = 15

Command = Callable[[Conversation, str], Awaitable[None]]


async def show_help(chat: Conversation, rest: str) -> None:
    """Show these commands."""
    chat.screen.rows(HELP)
    chat.screen.note(
        "Alt-Enter begins a new line. Ctrl-C stops the answer, Ctrl-D leaves the chat."
    )


async def agents(chat: Conversation, rest: str) -> None:
    """List the agents of this project."""
    rows = [
        (
            f"{'*' if agent.name == chat.agent else ' '} {agent.name}",
            agent.description or agent.model,
        )
        for agent in await chat.client.agents()
    ]
    chat.screen.rows(rows)


async def agent(chat: Conversation, rest: str) -> None:
    """Talk with another agent: /agent NAME."""
    if not rest:
        chat.screen.note(f"You talk with {chat.agent}; /agents lists the others.")
        return
    chat.agent = (await chat.client.agent(rest)).name
    chat.screen.note(f"{chat.agent} answers from now on.")


async def new(chat: Conversation, rest: str) -> None:
    """Begin a new conversation."""
    chat.thread = None
    chat.screen.note("A new conversation.")


async def threads(chat: Conversation, rest: str) -> None:
    """List the last conversations."""
    page = await chat.client.threads(limit=_LISTED_THREADS)
    current = chat.thread.id if chat.thread is not None else None
    rows = [
        (
            f"{'*' if thread.id == current else ' '}{number:>3}",
            f"{thread.updated_at.astimezone():%Y-%m-%d %H:%M}  {thread.title or thread.id}",
        )
        for number, thread in enumerate(page.items, 1)
    ]
    chat.screen.rows(rows)
    chat.screen.note("/open NUMBER opens one." if rows else "There are none yet.")


async def open_thread(chat: Conversation, rest: str) -> None:
    """Go on in another conversation: /open NUMBER or ID, as /threads shows them."""
    if not rest:
        await threads(chat, rest)
        return
    await chat.open(await _find(chat, rest))


async def _find(chat: Conversation, wanted: str) -> Thread:
    if not wanted.isdecimal():
        return await chat.client.thread(wanted)
    page = await chat.client.threads(limit=_LISTED_THREADS)
    number = int(wanted)
    if not 1 <= number <= len(page.items):
        raise NotFound(f"There is no conversation number {number}.", hint="/threads lists them.")
    return page.items[number - 1]


async def title(chat: Conversation, rest: str) -> None:
    """Name this conversation: /title TEXT."""
    if chat.thread is None:
        chat.screen.note("Say something first.")
        return
    chat.thread = await chat.client.rename_thread(chat.thread.id, rest or None)
    chat.screen.note(f"Named: {chat.thread.title}" if chat.thread.title else "It has no name now.")


async def history(chat: Conversation, rest: str) -> None:
    """Show the whole conversation."""
    await chat.show_history()


async def model(chat: Conversation, rest: str) -> None:
    """Show the model that answers."""
    info = await chat.client.agent(chat.agent)
    chat.screen.note(f"{info.name} uses {info.model}.")
    status = await chat.client.status()
    if status.model.name == info.model and status.model.note:
        chat.screen.note(status.model.note)
    chat.screen.note("`muxi models use PROVIDER/MODEL` changes the default one.")


async def approve(chat: Conversation, rest: str) -> None:
    """Ask again about the calls that wait for you."""
    run = await chat.active_run()
    if run is None or run.status != "waiting":
        chat.screen.note("Nothing waits for you.")
        return
    await chat.resume(run)


async def stop(chat: Conversation, rest: str) -> None:
    """Give up the run that waits for your approval."""
    run = await chat.active_run()
    if run is None:
        chat.screen.note("Nothing runs.")
        return
    await chat.client.cancel(run.id)
    chat.screen.note("Stopped.")


async def verbose(chat: Conversation, rest: str) -> None:
    """Show results of tools and reasoning whole, or short again."""
    chat.screen.verbose = not chat.screen.verbose
    chat.screen.note("Shown whole." if chat.screen.verbose else "Shown short.")


async def leave(chat: Conversation, rest: str) -> None:
    """Leave the chat."""
    raise EOFError


COMMANDS: dict[str, Command] = {
    "/help": show_help,
    "/agents": agents,
    "/agent": agent,
    "/new": new,
    "/threads": threads,
    "/open": open_thread,
    "/title": title,
    "/history": history,
    "/model": model,
    "/approve": approve,
    "/stop": stop,
    "/verbose": verbose,
    "/quit": leave,
    "/exit": leave,
}
HELP = [(name, command.__doc__ or "") for name, command in COMMANDS.items() if name != "/exit"]


async def perform(chat: Conversation, line: str) -> bool:
    """Carry out `line` if it is a command. An unknown one is told, never sent to the agent."""
    name, _, rest = line.partition(" ")
    # A path such as /etc/hosts is something to talk about, not a command.
    if not name.startswith("/") or "/" in name[1:] or name == "/":
        return False
    command = COMMANDS.get(name.lower())
    if command is None:
        chat.screen.error(f"There is no command {name}.", "/help lists them.")
    else:
        await command(chat, rest.strip())
    return True
