"""`muxi memory facts`: what is known of a user and of the world, since when and from whom.

`memory` shows facts through here as well.
"""

from __future__ import annotations

import json as json_format
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, UserOption, instant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pydantic import JsonValue

    from muxi.cli.session import Session
    from muxi.core.facts import Fact
    from muxi.core.pages import Page

app = new_app(help="List, set and delete facts.")

SubjectOption = Annotated[
    str | None,
    typer.Option("--subject", metavar="NAME", help="Of whom or what; else of the user."),
]
PathArgument = Annotated[
    str, typer.Argument(metavar="PATH", help="Dotted path, such as location.city.")
]
_PAGE = 500
_QUOTED = 60
"""Characters of a source that are shown."""


@app.command("list")
def list_facts(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Only what is there or below; else all.")
    ] = "",
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", metavar="DATE", parser=instant, help="What held at that time."),
    ] = None,
    subject: SubjectOption = None,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """List what holds now, or held at another time. With --json it is one nested value."""
    from muxi.cli.session import in_session
    from muxi.core.facts import USER

    async def work(session: Session) -> None:
        facts = session.client.facts
        if json:
            output.as_json(await facts.tree(path, subject=subject or USER, as_of=as_of))
            return
        found = await _all(
            lambda cursor: facts.page(
                path, subject=subject or USER, as_of=as_of, cursor=cursor, limit=_PAGE
            )
        )
        output.table(("path", "value"), [(fact.predicate, _value(fact)) for fact in found])

    in_session(project, work, user=user)


@app.command("set")
def set_fact(
    path: PathArgument,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="JSON; what is no JSON is taken as a text.")
    ],
    *,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="DATE", parser=instant, help="Since when; else from now."),
    ] = None,
    subject: SubjectOption = None,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Let a value hold from now on, or since a date. What it contradicts ends there."""
    from muxi.cli.session import in_session
    from muxi.core.facts import USER

    async def work(session: Session) -> None:
        await session.client.facts.put(
            path, _json(value), subject=subject or USER, valid_from=since
        )

    in_session(project, work, user=user)
    output.say(f"Stored {path}.")


@app.command("delete")
def delete_facts(
    path: PathArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    subject: SubjectOption = None,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Delete what is, and ever was, known at a path and below it."""
    from muxi.cli.session import in_session
    from muxi.core.facts import USER

    async def work(session: Session) -> int:
        return (await session.client.facts.delete(path, subject=subject or USER)).removed

    if not yes and not output.agreed(f"Delete {path} with its history for good?"):
        output.say("Nothing was deleted.")
        return ExitCode.FAILED
    removed = in_session(project, work, user=user)
    output.say(f"Deleted {removed} versions.")
    return ExitCode.OK


async def known(
    session: Session, path: str, subject: str | None, as_of: datetime | None
) -> list[Fact]:
    """What holds at a time, or else all that was ever known, the earliest first of each path."""
    facts = session.client.facts
    if as_of is None:
        return await _all(
            lambda cursor: facts.history(path, subject=subject, cursor=cursor, limit=_PAGE)
        )
    return await _all(
        lambda cursor: facts.page(path, subject=subject, as_of=as_of, cursor=cursor, limit=_PAGE)
    )


async def print_facts(session: Session, facts: Sequence[Fact], *, json: bool) -> None:
    """Facts with their dates and with the words in which they were said."""
    from muxi.core.facts import USER

    if json:
        output.as_json([fact.model_dump(mode="json", exclude_none=True) for fact in facts])
        return
    rows = [
        (
            fact.predicate if fact.subject == USER else f"{fact.subject}: {fact.predicate}",
            _value(fact),
            f"{fact.valid_from.astimezone():%Y-%m-%d %H:%M}",
            "" if fact.valid_to is None else f"{fact.valid_to.astimezone():%Y-%m-%d %H:%M}",
            await _source(session, fact),
        )
        for fact in facts
    ]
    output.table(("path", "value", "from", "until", "said in"), rows)


async def _source(session: Session, fact: Fact) -> str:
    """Where a fact comes from: the message and its words, if they are remembered."""
    from muxi.core.errors import NotFound

    message = fact.source_message_id
    memory = fact.source_memory_id or (message and f"mem_{message.removeprefix('msg_')}")
    if memory is None:
        return fact.source
    try:
        found = await session.client.memories.get(memory)
    except NotFound:
        return message or memory
    words = " ".join(found.text[: 2 * _QUOTED].split())
    quoted = words if len(words) <= _QUOTED else f"{words[: _QUOTED - 1]}…"
    return f"{message or memory} “{quoted}”"


async def _all(read: Callable[[str | None], Awaitable[Page[Fact]]]) -> list[Fact]:
    page = await read(None)
    found = list(page.items)
    while page.next is not None:
        page = await read(page.next)
        found += page.items
    return found


def _value(fact: Fact) -> str:
    return json_format.dumps(fact.value, ensure_ascii=False)


def _json(text: str) -> JsonValue:
    """`text` as JSON, or as a plain text if it does not look as if JSON was meant.

    Raises:
        typer.BadParameter: It begins as JSON does, and is none.
    """
    try:
        return json_format.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] not in ("{", "[", '"'):
            return text
        words = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise typer.BadParameter(
            f"This begins as JSON but is none: {words}. A text that begins so stands in double "
            "quotes.",
            param_hint="VALUE",
        ) from None
