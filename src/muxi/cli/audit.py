"""`muxi audit`: who did what, and whether the log is still what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.audit import AuditEntry, AuditHead, AuditReport, Outcome

app = new_app(help="List, export and verify the audit log.")


@app.command("list")
def list_entries(
    actor: Annotated[str | None, typer.Option(help="Of this user only.")] = None,
    action: Annotated[str | None, typer.Option(help="Of this action, such as runs.start.")] = None,
    *,
    refused: Annotated[bool, typer.Option("--refused", help="What was refused only.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many.")] = 50,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List what was done and refused, the newest first."""
    from muxi.cli.session import in_session

    outcome: Outcome | None = "refused" if refused else None

    async def work(session: Session) -> list[AuditEntry]:
        audit = session.client.audit
        page = await audit.page(actor=actor, action=action, outcome=outcome, limit=limit)
        return page.items

    found = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json") for each in found])
        return
    output.table(("at", "who", "by", "action", "outcome", "about"), [_row(each) for each in found])


@app.command("export")
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; standard output if it is left out.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Write the whole log as lines of JSON, which `muxi audit verify` reads anywhere."""
    if file is None:
        _export(project, output.line)
        return
    with file.open("w", encoding="utf-8") as out:
        count = _export(project, lambda line: print(line, file=out))
    output.say(f"Wrote {count} lines to {file}.")


@app.command("head")
def head(json: JsonOption = False, project: ProjectOption = None) -> None:
    """Tell where the log ends. Keep it elsewhere: with it, a cut log is found out."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> AuditHead:
        return await session.client.audit.head()

    found = in_session(project, work)
    if json:
        output.as_json(found.model_dump(mode="json"))
        return
    output.fields([("head", f"{found.seq}:{found.hash}"), ("key", found.key)])


@app.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="An export, or a project's database file; else this project's log."),
    ] = None,
    *,
    tenant: Annotated[str | None, typer.Option(help="Of a database file, this tenant.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Fingerprint of a key that may have signed it; any if left out."),
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="Where the log ended once, as `muxi audit head` told.")
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Look whether entries were changed, moved, added or removed. Needs no server for a file.

    It exits with 1 if something is wrong.
    """
    from muxi.identity.audit.verifying import verify_file, verify_lines

    keys, ended = frozenset(key or ()), _head(head)
    if file is None:
        reports = [verify_lines(_exported(project), keys=keys, head=ended)]
    else:
        reports = verify_file(file, tenant=tenant, keys=keys, head=ended)
    if json:
        output.as_json([each.model_dump(mode="json") for each in reports])
    else:
        for report in reports:
            _tell(report)
    if not all(report.good for report in reports):
        raise typer.Exit(ExitCode.FAILED)


def _export(project: Path | None, write: Callable[[str], None]) -> int:
    """Hand on the log line by line, and give how many lines it has: it may be larger than the
    memory."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> int:
        count = 0
        async for line in session.client.audit.export():
            write(line)
            count += 1
        return count

    return in_session(project, work)


def _exported(project: Path | None) -> Iterator[str]:
    """The lines of the project's log."""
    with TemporaryFile("w+", encoding="utf-8") as kept:
        _export(project, lambda line: print(line, file=kept))
        kept.seek(0)
        yield from kept


def _head(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    seq, _, link = text.partition(":")
    if not seq.isdecimal() or len(link) != 64:
        raise typer.BadParameter("A head reads `NUMBER:LINK`, as `muxi audit head` tells it.")
    return int(seq), link


def _tell(report: AuditReport) -> None:
    size = f"{report.entries} entries under {report.seals} seals"
    if report.good:
        output.line(f"{report.tenant}: good, {size}.")
    else:
        output.line(f"{report.tenant}: {len(report.findings)} things are wrong, {size}.")
    if report.cut:
        output.line(f"  everything up to entry {report.cut} was removed, being old enough")
    for finding in report.findings:
        place = "" if finding.seq is None else f"entry {finding.seq}: "
        output.line(f"  {place}{finding.problem}")
    if report.keys:
        output.line(f"  signed by {', '.join(report.keys)}")
    if report.waiting:
        output.line(f"  {report.waiting} entries are not sealed yet")


def _row(entry: AuditEntry) -> tuple[str, ...]:
    who = entry.actor or "-"
    if entry.acting_for:
        who += f" for {entry.acting_for}"
    about = [entry.resource or "", *(f"{name}={value}" for name, value in entry.details.items())]
    return (
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        who,
        entry.credential,
        entry.action,
        entry.outcome,
        " ".join(filter(None, about)),
    )
