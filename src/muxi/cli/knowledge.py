"""`muxi knowledge`: documents that agents look into."""

from __future__ import annotations

import asyncio
import json as json_format
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, UserOption
from muxi.client.paging import all_items

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.client.client import Client
    from muxi.core.documents import Document, FoundPieces

app = new_app(help="Add, list, search and remove documents that agents look into.")

_PAUSE = 0.2
_SHOWN = 3
"""Lines of a passage that are shown."""

MetadataOption = Annotated[
    list[str] | None,
    typer.Option("--meta", metavar="KEY=VALUE", help="What the documents bear; may be repeated."),
]


@app.command("add")
def add_documents(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Files, folders, web addresses; - for standard input."
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="The name to show and to cite.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="For this user only, not for all of the project.")
    ] = False,
    agents: Annotated[
        list[str] | None,
        typer.Option("--agent", "-a", metavar="AGENT", help="Only for this agent; repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="PATTERN", help="Of a folder: leave these out."),
    ] = None,
    meta: MetadataOption = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until they are indexed.")
    ] = True,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Add documents, or index them anew."""
    from muxi.cli.session import in_session

    options: dict[str, Any] = {
        "name": name,
        "owner": "user" if private else "tenant",
        "agents": agents or None,
        "ignore": ignore or (),
        "metadata": _metadata(meta or []),
    }

    async def work(session: Session) -> list[Document]:
        added: list[Document] = []
        for source in sources:
            if source == "-":
                text = await asyncio.to_thread(sys.stdin.read)
                added.append(await session.client.knowledge.add(text=text, **options))
            else:
                added.append(await session.client.knowledge.add(_absolute(source), **options))
        return [each for one in added for each in await _indexed(session, one, wait=wait)]

    documents = in_session(project, work, user=user)
    if json:
        _as_json(documents)
    else:
        _report(documents)
    failed = [each for each in documents if each.status == "failed"]
    for each in failed:
        output.error(f"{each.name}: {each.error}", each.hint)
    return ExitCode.FAILED if failed and len(failed) == len(documents) else ExitCode.OK


@app.command("list")
def list_documents(
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help="Id of a folder, for what is in it.")
    ] = None,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """List documents, the newest first."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[Document]:
        return await _all(session.client, folder)

    documents = in_session(project, work, user=user)
    if json:
        _as_json(documents)
        return
    rows = [
        (each.id, each.status, str(each.pieces), each.owner, each.name, each.error or "")
        for each in documents
    ]
    output.table(("document", "status", "pieces", "owner", "name", "problem"), rows)


@app.command("search")
def search_documents(
    query: Annotated[str, typer.Argument(metavar="QUESTION", help="A question, or some words.")],
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many.")] = 5,
    agent: Annotated[
        str | None,
        typer.Option("--agent", "-a", metavar="AGENT", help="Search what this agent may read."),
    ] = None,
    meta: MetadataOption = None,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Print the passages that answer a question best, with where they stand."""
    from muxi.cli.session import in_session

    metadata = _metadata(meta or []) or None

    async def work(session: Session) -> FoundPieces:
        return await session.client.knowledge.search(
            query, agent=agent, metadata=metadata, limit=limit
        )

    found = in_session(project, work, user=user)
    if json:
        output.as_json(found.model_dump(mode="json", exclude_none=True))
        return
    for item in found.items:
        output.line(f"[{item.piece.citation.label}]  {item.score:.2f}")
        lines = [line for line in item.piece.text.splitlines() if line.strip()]
        for line in lines[:_SHOWN]:
            output.line(f"    {line[:160]}")
    if found.note:
        output.warn(found.note)
    if not found.items:
        output.say("No document has anything about it.")


@app.command("remove")
def remove_documents(
    documents: Annotated[
        list[str],
        typer.Argument(metavar="DOCUMENT...", help="Ids, or the files, folders and addresses."),
    ],
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Remove documents from the index; the files stay as they are."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[str]:
        known = await _all(session.client, None)
        removed: list[str] = []
        for wanted in documents:
            same = [each for each in known if each.uri == _absolute(wanted)]
            target = wanted if wanted.startswith("doc_") or not same else same[0].id
            document = await session.client.knowledge.get(target)
            await session.client.knowledge.remove(document.id)
            removed.append(document.name)
        return removed

    for name in in_session(project, work, user=user):
        output.say(f"Removed {name}.")


async def _indexed(session: Session, document: Document, *, wait: bool) -> list[Document]:
    """A document once it is looked at, and what is in it if it is a folder."""
    knowledge = session.client.knowledge
    while wait and document.status == "waiting":
        await asyncio.sleep(_PAUSE)
        document = await knowledge.get(document.id)
    if document.kind != "folder" or not wait:
        return [document]
    show = _progress()
    while True:
        children = await _all(session.client, document.id)
        waiting = sum(child.status == "waiting" for child in children)
        show(len(children) - waiting, len(children))
        if not waiting:
            return [document, *children]
        await asyncio.sleep(_PAUSE)


async def _all(client: Client, folder: str | None) -> list[Document]:
    return await all_items(partial(client.knowledge.page, folder=folder))


def _progress() -> Callable[[int, int], None]:
    """Tells people how far a folder is, now and then."""
    told = -1

    def show(done: int, of: int) -> None:
        nonlocal told
        tenth = done * 10 // max(of, 1)
        if of >= 20 and tenth != told and done < of:
            told = tenth
            output.say(f"Indexed {done} of {of} documents …")

    return show


def _as_json(documents: Sequence[Document]) -> None:
    output.as_json([each.model_dump(mode="json", exclude_none=True) for each in documents])


def _report(documents: Sequence[Document]) -> None:
    rows = [
        (each.id, each.status, str(each.pieces), each.name)
        for each in documents
        if each.kind != "folder" or len(documents) == 1 or each.status == "failed"
    ]
    output.table(("document", "status", "pieces", "name"), rows)


def _absolute(source: str) -> str:
    """A path is one of this command's folder, not of the server's."""
    if source.lower().startswith(("http://", "https://", "doc_")):
        return source
    return str(Path(source).expanduser().resolve())


def _metadata(pairs: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not key or not sign:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE.")
        try:
            found[key] = json_format.loads(value)
        except ValueError:
            found[key] = value
    return found
