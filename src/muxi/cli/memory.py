"""`muxi memory`: what agents remember of a user, and how to make them forget it."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from muxi.cli import facts, output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, UserOption, instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muxi.cli.session import Session
    from muxi.core.forgetting import Forgotten, Imported, Remains, RetentionReport
    from muxi.core.memories import Memory

app = new_app(help="Search, show, forget and move what agents remember.")
app.add_typer(facts.app, name="facts")


@app.command("search")
def search(
    query: Annotated[list[str], typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many.")] = 10,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Find the memories that answer a question, best first."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        found = await session.client.memories.search(" ".join(query), limit=limit)
        if json:
            output.as_json(found.model_dump(mode="json", exclude_none=True))
            return
        if found.note:
            output.warn(found.note)
        rows = [(f"{item.score:.2f}", *_row(item.memory)) for item in found.items]
        output.table(("score", *_HEADINGS), rows)

    in_session(project, work, user=user)


@app.command("list")
def list_memories(
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many, newest first.")
    ] = 50,
    thread: Annotated[
        str | None, typer.Option("--thread", "-t", metavar="THREAD", help="Of one conversation.")
    ] = None,
    kind: Annotated[
        Literal["turn", "note"] | None,
        typer.Option("--kind", help="Only turns of conversations, or only notes."),
    ] = None,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """List memories, the newest first."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        memories: list[Memory] = []
        cursor: str | None = None
        while len(memories) < limit:
            page = await session.client.memories.page(
                kind=kind, thread_id=thread, cursor=cursor, limit=min(limit - len(memories), 100)
            )
            memories += page.items
            cursor = page.next
            if cursor is None:
                break
        if json:
            output.as_json([each.model_dump(mode="json", exclude_none=True) for each in memories])
            return
        output.table(_HEADINGS, map(_row, memories))

    in_session(project, work, user=user)


@app.command("show")
def show(
    what: Annotated[
        str,
        typer.Argument(help="Id of a memory or fact, or a path such as location.city; else all."),
    ] = "",
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", metavar="DATE", parser=instant, help="What held at that time."),
    ] = None,
    subject: facts.SubjectOption = None,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Show one memory, or what is known: each fact with its history, dates and sources.

    With --as-of only what held then is shown.
    """
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        if what.startswith("mem_"):
            _print_memory(await session.client.memories.get(what), json=json)
        elif what.startswith("fct_"):
            found = await session.client.facts.get(what)
            await facts.print_facts(session, [found], json=json)
        else:
            found = await facts.known(session, what, subject, as_of)
            if not found:
                output.say(f"Nothing is known at {what}." if what else "Nothing is known.")
            await facts.print_facts(session, found, json=json)

    in_session(project, work, user=user)


@app.command("forget")
def forget(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Memories, or facts, to forget.")
    ] = None,
    *,
    thread: Annotated[
        list[str] | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="A conversation and all of it."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", parser=instant, help="What was said from then on."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", parser=instant, help="What was said before then."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that is known, conversations included.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be forgotten.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Forget for good, with everything that was made of it.

    When a user is named by --user and nothing else, all that is known of this user is forgotten.
    `muxi memory verify` then looks for remains.
    """
    from muxi.cli.session import in_session
    from muxi.core.forgetting import Forget

    of_somebody = _typed(context, "user") and not (ids or thread or since or until)
    what = Forget(
        memories=[each for each in ids or () if not each.startswith("fct_")],
        facts=[each for each in ids or () if each.startswith("fct_")],
        threads=thread or [],
        since=since,
        until=until,
        everything=everything or of_somebody,
    ).checked()

    async def count(session: Session) -> Forgotten:
        return await session.client.memories.forget(what, dry_run=True)

    async def work(session: Session) -> Forgotten:
        return await session.client.memories.forget(what)

    done = in_session(project, work if yes and not dry_run else count, user=user)
    if not (dry_run or yes):
        if not _agreed(done, user):
            return ExitCode.FAILED
        done = in_session(project, work, user=user)
    _print_forgotten(done, json=json)
    return ExitCode.OK


@app.command("export")
def export(
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; else standard output."),
    ] = None,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Write the whole memory of a user as lines of JSON."""
    from muxi.cli.session import in_session

    async def to_output(session: Session) -> None:
        async for line in session.client.memories.export():
            output.line(line)

    async def to_file(session: Session) -> None:
        assert file is not None
        # Written beside it first, so that a part is never taken for the whole.
        part = file.with_name(f"{file.name}.part")
        with part.open("w", encoding="utf-8") as written:
            part.chmod(0o600)
            async for line in session.client.memories.export():
                written.write(f"{line}\n")
        part.replace(file)

    in_session(project, to_output if file is None else to_file, user=user)


@app.command("import")
def take_in(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file; `-` is standard input.")],
    format: Annotated[
        Literal["muxi", "mem0", "letta"],
        typer.Option(
            "--format", help="An export of muxi, memories of mem0, or an agent file of Letta."
        ),
    ] = "muxi",
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Take in the memory of a user, from an export or from another program.

    What is here already stays as it is. Lines that cannot be taken in are named; the exit code is
    then 1, and the others are kept.
    """
    from muxi.cli.session import in_session

    async def work(session: Session) -> Imported:
        if format == "muxi":
            return await session.client.memories.take_in(_lines(file))
        return await session.client.memories.take_in_file(_content(file), format)

    report = in_session(project, work, user=user)
    if json:
        output.as_json(report.model_dump(mode="json"))
    else:
        output.fields(
            [
                *((f"{kind} added", str(count)) for kind, count in report.added.items()),
                ("known already", str(report.known)),
                ("not taken in", str(report.skipped)),
            ]
        )
        for note in report.notes:
            output.warn(note)
    return ExitCode.FAILED if report.skipped else ExitCode.OK


@app.command("stats")
def stats(json: JsonOption = False, user: UserOption = None, project: ProjectOption = None) -> None:
    """Tell how much is remembered, and whether all of it can be found yet."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        found = await session.client.memories.stats()
        size = await session.client.memories.size()
        values = found.model_dump(mode="json", exclude_none=True)
        if json:
            output.as_json({**values, "size": size.model_dump(mode="json", exclude_none=True)})
            return
        rows = [(name.replace("_", " "), str(value)) for name, value in values.items()]
        rows += [(f"rows of {kind}", str(count)) for kind, count in size.rows.items()]
        for name, most in (("most rows", size.most_rows), ("most bytes", size.most_bytes)):
            rows += [] if most is None else [(name, str(most))]
        output.fields(rows)

    in_session(project, work, user=user)


@app.command("retention")
def retention(
    now: Annotated[bool, typer.Option("--now", help="Remove it, instead of telling.")] = False,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Tell what retention would remove in the whole project, by rule."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> RetentionReport:
        return await session.client.memories.retention(dry_run=not now)

    report = in_session(project, work)
    if json:
        output.as_json(report.model_dump(mode="json"))
        return
    rows = [(item.rule, item.owner or "", str(item.rows), str(item.bytes)) for item in report.items]
    output.table(("rule", "owner", "rows", "bytes"), rows)
    output.say("Removed." if now else "Nothing was removed.")


@app.command("verify")
def verify(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="What should be gone.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="TEXT", help="Words that should be nowhere any more."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also look for anything that is the user's.")
    ] = False,
    *,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Look for remains of what was forgotten, and tell where was looked.

    When neither ids nor words are named, nothing at all of the user should be left. The exit code
    is 1 if anything is.
    """
    from muxi.cli.session import in_session

    async def work(session: Session) -> Remains:
        return await session.client.memories.verify(
            ids=ids or (), texts=text or (), everything=everything or None
        )

    remains = in_session(project, work, user=user)
    if json:
        output.as_json(remains.model_dump(mode="json"))
    else:
        _print_remains(remains)
    return ExitCode.OK if remains.clean else ExitCode.FAILED


_HEADINGS = ("memory", "said", "by", "text")
_SHOWN = 160
"""Characters of a memory in a list."""


def _row(memory: Memory) -> tuple[str, ...]:
    text = " ".join(memory.text[: 2 * _SHOWN].split())
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    when = memory.said_at or memory.created_at
    return memory.id, f"{when.astimezone():%Y-%m-%d %H:%M}", memory.speaker or "", shown


def _print_memory(memory: Memory, *, json: bool) -> None:
    if json:
        output.as_json(memory.model_dump(mode="json", exclude_none=True))
        return
    rows = [
        ("id", memory.id),
        ("kind", memory.kind),
        ("owner", memory.owner),
        ("by", memory.speaker or ""),
        ("said", "" if memory.said_at is None else f"{memory.said_at.astimezone():%Y-%m-%d %H:%M}"),
        ("thread", memory.thread_id or ""),
        ("message", memory.message_id or ""),
        ("agent", memory.agent or ""),
        ("used", str(memory.uses)),
    ]
    output.fields([row for row in rows if row[1]])
    output.line(f"\n{memory.text}")


def _print_forgotten(done: Forgotten, *, json: bool) -> None:
    if json:
        output.as_json(done.model_dump(mode="json"))
        return
    output.fields([(kind, str(count)) for kind, count in done.counts.items()])
    for file in done.files:
        output.say(f"Removed with it: {file}")
    for place in done.outside:
        output.say(f"Out of reach: {place}")
    if done.dry_run:
        output.say("Nothing was forgotten.")


def _print_remains(remains: Remains) -> None:
    rows = [
        (found.place, found.by, str(found.looked_at), str(found.found))
        for found in remains.searched
    ]
    output.table(("place", "by", "looked at", "found"), rows)
    for forgetting in remains.pending:
        output.say(f"Not whole yet: {forgetting}")
    for place in remains.outside:
        output.say(f"Not looked through: {place}")
    output.say("Nothing is left." if remains.clean else "Something is left.")


def _agreed(counted: Forgotten, user: str | None) -> bool:
    """A person's yes. Asked in no session: an owner that waits would let everybody else wait."""
    found = [f"{count} {kind}" for kind, count in counted.counts.items() if count]
    whose = user or "your own"
    agreed = output.agreed(f"Forget {', '.join(found) or 'nothing'} of {whose} for good?")
    if not agreed:
        output.say("Nothing was forgotten.")
    return agreed


def _typed(context: typer.Context, option: str) -> bool:
    """Whether an option stands on the command line, and not only in the environment."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _lines(file: str) -> Iterator[str]:
    if file == "-":
        yield from sys.stdin
        return
    with Path(file).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        yield from lines


def _content(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
