"""`muxi usage`: what was consumed, by day, agent, user and model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, UserOption

if TYPE_CHECKING:
    from datetime import date

    from muxi.cli.session import Session
    from muxi.core.budgets import GroupBy, UsageRow

app = new_app()


@app.command()
def usage(
    by: Annotated[
        str, typer.Option("--by", help="What to tell apart: day, agent, user, model, with commas.")
    ] = "day",
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The first day; else 30 days in all."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; else today.")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Where days begin.")] = "UTC",
    agent: Annotated[str | None, typer.Option("--agent", "-a", help="Of this agent only.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model only.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many rows.")] = 100,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what was consumed, by day, agent, user and model.

    The newest day comes first. A cost with `+` is a lower bound: some of it has no known price.
    """
    from muxi.cli.session import in_session

    groups = tuple(part.strip() for part in by.split(",") if part.strip())
    first, last = _day(since), _day(until)

    async def work(session: Session) -> list[UsageRow]:
        found: list[UsageRow] = []
        cursor: str | None = None
        while len(found) < limit:
            page = await session.client.budgets.usage(
                cast("tuple[GroupBy, ...]", groups),
                since=first,
                until=last,
                time_zone=time_zone,
                agent=agent,
                model=model,
                cursor=cursor,
                limit=min(limit - len(found), 1000),
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        return found

    found = in_session(project, work, user=user)
    if json:
        output.as_json([each.model_dump(mode="json") for each in found])
        return
    headings = (*groups, "runs", "calls", "input", "output", "cost")
    output.table(headings, [_row(each, groups) for each in found])


def _row(row: UsageRow, groups: tuple[str, ...]) -> tuple[str, ...]:
    cost = f"${row.known_cost:,.4f}{'' if row.cost is not None else '+'}"
    counts = (row.runs, row.requests, row.input_tokens, row.output_tokens)
    named: tuple[Any, ...] = tuple(getattr(row, group) for group in groups)
    return (*(str(value or "-") for value in named), *(f"{count:,}" for count in counts), cost)


def _day(text: str | None) -> date | None:
    from datetime import date

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write it as 2026-01-31.") from None
