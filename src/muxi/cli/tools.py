"""`muxi tool list|search|show|check`: the tools that agents of this project could have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.core.tools import ToolCheck, ToolInfo, ToolVersion

app = new_app(help="List, show, search and check tools.")


@app.command("list")
def list_tools(
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Those that the model of this run was shown."),
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List all tools with their versions and who brings them."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        if run is not None:
            shown = (await session.client.run(run)).tools
            if json:
                output.as_json([each.model_dump(mode="json") for each in shown])
            else:
                rows = [(each.name, each.version or "", each.digest[:16]) for each in shown]
                output.table(("tool", "version", "hash"), rows)
            return
        tools: list[ToolInfo] = []
        cursor: str | None = None
        while True:
            page = await session.client.tools.page(cursor=cursor, limit=200)
            tools += page.items
            cursor = page.next
            if cursor is None:
                break
        _print(tools, json=json)

    in_session(project, work)


@app.command("search")
def search_tools(
    query: Annotated[str, typer.Argument(metavar="WORDS", help="What a tool should do.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many.")] = 10,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Find tools as an agent with many tools finds them, the best first."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        _print(await session.client.tools.search(query, limit=limit), json=json)

    in_session(project, work)


@app.command("show")
def show_tool(
    name: Annotated[str, typer.Argument(metavar="TOOL", help="Name of the tool.")],
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Print what is known of a tool: versions, arguments, permissions, who may use it."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        tool = await session.client.tools.get(name)
        if json:
            output.as_json(tool.model_dump(mode="json", exclude_none=True))
        else:
            _describe(tool)

    in_session(project, work)


@app.command("check")
def check_tools(
    record: Annotated[
        bool, typer.Option("--record", help="Record the versions, if nothing is wrong.")
    ] = False,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> int:
    """Tell of tools whose version does not say how their schema has changed.

    Compares with muxi.tools.json, which --record writes and which belongs into version control.
    """
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> ToolCheck:
        return await session.client.tools.check(record=record)

    found = in_session(project, work)
    if json:
        output.as_json(found.model_dump(mode="json"))
    else:
        _tell(found)
    wrong = found.problems or any(each.severity == "error" for each in found.findings)
    return ExitCode.FAILED if wrong else ExitCode.OK


def _print(tools: list[ToolInfo], *, json: bool) -> None:
    if json:
        output.as_json([tool.model_dump(mode="json", exclude_none=True) for tool in tools])
        return
    rows = [
        (
            tool.name,
            ", ".join(each.version for each in tool.versions),
            tool.versions[0].origin if tool.versions else "",
            tool.problem or tool.summary,
        )
        for tool in tools
    ]
    output.table(("tool", "versions", "from", "what it does"), rows)


def _describe(tool: ToolInfo) -> None:
    rows = [("tool", tool.name)]
    if tool.title:
        rows.append(("title", tool.title))
    if tool.problem:
        rows.append(("problem", tool.problem))
    rows.append(("agents", ", ".join(tool.agents) or "none"))
    if tool.manifest is not None:
        touched = tool.manifest.permissions
        rows += [
            ("files", touched.files),
            ("network", ", ".join(touched.network) or "none"),
            ("programs", "may start others" if touched.processes else "none"),
            ("secrets", ", ".join(each.name for each in tool.manifest.secrets) or "none"),
        ]
    output.fields(rows)
    for version in tool.versions:
        output.line("")
        _describe_version(version)


def _describe_version(version: ToolVersion) -> None:
    told = version.annotations
    said = {
        "changes nothing": told.read_only is True,
        "may destroy what was there": told.destructive is True and told.read_only is not True,
        "reaches outside of the project": told.open_world is True,
        "asks for approval": version.approval,
    }
    output.fields(
        [
            ("version", f"{version.version} from {version.origin}"),
            ("name it as", f"{version.entry}@{version.version}"),
            ("calls", ", ".join(words for words, holds in said.items() if holds) or "not said"),
            ("tokens", str(version.tokens)),
            ("hash", version.digest),
        ]
    )
    output.line(f"\n{version.description.strip()}")
    properties = version.parameters.get("properties", {})
    if properties:
        output.line("")
    needed = version.parameters.get("required", ())
    output.table(
        ("argument", "type", "needed", "meaning"),
        [
            (
                name,
                _said(schema, "type") or "any",
                "yes" if name in needed else "no",
                _said(schema, "description"),
            )
            for name, schema in properties.items()
        ],
    )


def _said(schema: Any, keyword: str) -> str:
    return str(cast("dict[str, Any]", schema).get(keyword, "")) if isinstance(schema, dict) else ""


def _tell(found: ToolCheck) -> None:
    for problem in found.problems:
        output.error(problem)
    for finding in found.findings:
        words = f"{finding.tool} {finding.now} should be {finding.needed} or higher: "
        words += f"{finding.reasons[0]} since {finding.before}"
        if len(finding.reasons) > 1:
            words += f" (and {len(finding.reasons) - 1} more)"
        if finding.severity == "error":
            output.error(f"{words}.", f"Write `@tool(version={finding.needed!r})`.")
        else:
            output.warn(f"{words}.")
    for name in found.gone:
        output.warn(f"{name} is recorded, and nothing brings it any more.")
    output.say(f"{found.checked} compared, {len(found.new)} not recorded yet.")
    if found.recorded:
        output.say("Recorded as they are.")
    elif found.new:
        output.say("`muxi tool check --record` records them.")
