"""`muxi mcp lock|diff|approve`: which tools of the project's MCP servers agents may use.

What a server says is shown with everything that is invisible in it made visible: it is shown
because somebody has to decide on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.lock_changes import LockChange, ServerLock

app = new_app(help="Lock and approve the tools of MCP servers.")

_WORDS = {
    "new": "is new",
    "changed": "has changed",
    "removed": "is gone",
    "refused": "can never be used",
}


@app.command("lock")
def lock(
    target: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]",
            help="A server in the making, whose tools.lock.json is meant instead.",
        ),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if anything differs.")
    ] = False,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> int:
    """Lock what this project's MCP servers offer, and tell what differs from muxi.lock.

    With TARGET, or in the folder of a server that muxi made: write that server's tools.lock.json.

    Every server is asked what it offers. Servers that are new are locked, except for what is
    suspicious in them, and servers that muxi.yaml no longer declares are taken out. What has
    changed of a locked server is told and not locked: `muxi mcp approve` does that.
    """
    if target or (project is None and _made_here()):
        from muxi.cli.mcp_surface import lock_target

        return lock_target(target or ["."], check=check, json=json)
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[ServerLock]:
        found = await session.client.mcp.locks(fresh=True)
        return found if check else [await _locked(session, each) for each in found]

    found = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json", exclude_none=True) for each in found])
    else:
        for each in found:
            _tell(each)
        if not found:
            output.say("This project has no MCP servers; `mcp.servers` in muxi.yaml names some.")
    differs = any(
        each.changes or each.problem or (check and not (each.locked and each.declared))
        for each in found
    )
    return ExitCode.FAILED if differs else ExitCode.OK


@app.command("diff")
def show_difference(
    server: Annotated[
        str | None, typer.Argument(metavar="[SERVER]", help="One server; all without it.")
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> int:
    """Show how what MCP servers offer now differs from muxi.lock. Fails if it does."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[ServerLock]:
        if server is None:
            return await session.client.mcp.locks(fresh=True)
        return [await session.client.mcp.lock(server, fresh=True)]

    found = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json", exclude_none=True) for each in found])
    for each in found:
        if each.problem:
            output.warn(f"{each.server} cannot be asked: {each.problem}")
        for change in () if json else each.changes:
            _show(change)
    return ExitCode.FAILED if any(each.changes or each.problem for each in found) else ExitCode.OK


@app.command("approve")
def approve(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="A server in muxi.yaml.")],
    part: Annotated[
        str | None,
        typer.Argument(metavar="[TOOL]", help="A tool, prompt or template; all without it."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: ProjectOption = None,
) -> int:
    """Let agents use what is new or changed of an MCP server, after showing it."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> int:
        state = await session.client.mcp.lock(server, fresh=True)
        if state.problem:
            output.error(f"{server} cannot be asked what it offers: {state.problem}")
            return ExitCode.FAILED
        changes = [change for change in state.changes if part in (None, change.name)]
        for change in changes:
            _show(change)
        wanted = [change for change in changes if change.change != "refused"]
        if not wanted:
            what = "" if part is None else f" called {part}"
            output.say(f"{server} has nothing{what} that could be approved.")
            return ExitCode.FAILED if part is not None or changes else ExitCode.OK
        if not yes and not output.agreed(_question(wanted)):
            output.say("Nothing was approved.")
            return ExitCode.FAILED
        seen = [change.sha256 for change in wanted if change.sha256 is not None]
        await session.client.mcp.approve(server, part, seen=seen)
        output.say(f"Approved: {', '.join(output.unmasked(change.name) for change in wanted)}.")
        return ExitCode.OK

    return in_session(project, work)


def _made_here() -> bool:
    """Whether this folder is one of a server, and not of a project that uses some."""
    from muxi.config.project import PROJECT_FILE
    from muxi.devkit.tools_lock import TOOLS_LOCK

    return Path(TOOLS_LOCK).is_file() and not Path(PROJECT_FILE).is_file()


async def _locked(session: Session, state: ServerLock) -> ServerLock:
    """A server after what can be locked of it has been."""
    if not state.declared:
        await session.client.mcp.distrust(state.server)
        return state.model_copy(update={"changes": ()})
    if state.locked or state.problem:
        return state
    return await session.client.mcp.trust(state.server)


def _tell(state: ServerLock) -> None:
    name = state.server
    if state.problem:
        output.warn(f"{name} cannot be asked what it offers: {state.problem}")
    elif not state.declared:
        output.line(f"{name}: no longer in muxi.yaml")
    elif not state.locked:
        output.line(f"{name}: not locked")
    else:
        held_back = sum(change.change != "removed" for change in state.changes)
        more = f", {held_back} held back" if held_back else ""
        output.line(f"{name}: {state.parts} locked{more}")
    for change in state.changes:
        output.line(f"  {_title(change)}")
    if state.changes:
        output.say(f"`muxi mcp approve {name}` shows the difference and lets agents use it.")


def _show(change: LockChange) -> None:
    output.line(f"{change.server}: {_title(change)}")
    for finding in change.findings:
        said = f": {finding.excerpt}" if finding.excerpt else ""
        words = f"  {finding.severity}: {finding.where} {finding.message}{said} [{finding.rule}]"
        output.line(output.unmasked(words))
    for line in change.diff.splitlines():
        output.line(f"  {output.unmasked(line)}")


def _title(change: LockChange) -> str:
    kind = change.kind.replace("_", " ")
    name = "" if change.kind == "instructions" else f" {change.name}"
    return output.unmasked(f"{kind}{name} {_WORDS[change.change]}")


def _question(changes: Sequence[LockChange]) -> str:
    suspicious = sum(
        any(finding.severity == "error" for finding in change.findings) for change in changes
    )
    if suspicious:
        what = "It" if len(changes) == 1 else f"{suspicious} of {len(changes)}"
        return f"{what} looks like an attack. Let agents use it nevertheless?"
    return "Let agents use it?" if len(changes) == 1 else f"Let agents use these {len(changes)}?"
