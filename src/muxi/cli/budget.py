"""`muxi budget`: what may be consumed, and what is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, UserOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.budgets import Balance, BudgetInfo

app = new_app(
    help="Set budgets, and see what is left of them.",
    epilog="Budgets of muxi.yaml are changed there.",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the budget.")]

_MEASURES = ("tokens", "cost", "runs", "seconds")


@app.command("list")
def list_budgets(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List all budgets."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[BudgetInfo]:
        return await session.client.budgets.all()

    found = in_session(project, work)
    if json:
        output.as_json([_as_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            f"{each.per}{f' every {each.every}' if each.every else ''}",
            ", ".join(_limits(each)),
            each.time_zone if each.every else "",
            each.source,
        )
        for each in found
    ]
    output.table(("name", "per", "limits", "time zone", "from"), rows)


@app.command("show")
def show_budget(
    name: NameArgument, json: JsonOption = False, project: ProjectOption = None
) -> None:
    """Show one budget."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> BudgetInfo:
        return await session.client.budgets.get(name)

    found = _as_json(in_session(project, work))
    if json:
        output.as_json(found)
    else:
        output.fields([(key, str(value)) for key, value in found.items()])


@app.command("set")
def set_budget(
    name: NameArgument,
    *,
    per: Annotated[
        str,
        typer.Option(
            help="Whom it bounds, each on their own: run, user, agent or tenant; or one of them "
            "alone: user:ID or agent:NAME."
        ),
    ],
    every: Annotated[
        str | None, typer.Option(help="When it begins anew: hour, day or month; not for runs.")
    ] = None,
    tokens: Annotated[int | None, typer.Option(help="Input and output tokens.")] = None,
    cost: Annotated[str | None, typer.Option(help="US dollars.")] = None,
    runs: Annotated[int | None, typer.Option(help="Runs begun.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds of calls.")] = None,
    time_zone: Annotated[
        str, typer.Option(help="Where periods begin, such as Europe/Berlin.")
    ] = "UTC",
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Make a budget, or replace the one of that name."""
    from muxi.cli.records import record_of
    from muxi.cli.session import in_session
    from muxi.core.budgets import Budget

    values = {
        "per": per,
        "every": every,
        "tokens": tokens,
        "cost": cost,
        "runs": runs,
        "seconds": seconds,
        "time_zone": time_zone,
    }

    async def work(session: Session) -> BudgetInfo:
        budget = record_of(Budget, values, hint="`muxi budget set --help`.")
        return await session.client.budgets.put(name, budget)

    stored = in_session(project, work)
    if json:
        output.as_json(_as_json(stored))
    else:
        output.say(f"Set {stored.name}: {', '.join(_limits(stored))}.")


@app.command("delete")
def delete_budget(name: NameArgument, project: ProjectOption = None) -> None:
    """Delete a budget. What was consumed stays counted."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        await session.client.budgets.delete(name)

    in_session(project, work)
    output.say(f"Deleted {name}.")


@app.command("left")
def left(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 100,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what is left in the present periods, of whoever has consumed something."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[Balance]:
        found: list[Balance] = []
        cursor: str | None = None
        while len(found) < limit:
            most = min(limit - len(found), 1000)
            page = await session.client.budgets.balances(cursor=cursor, limit=most)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        return found

    found = in_session(project, work, user=user)
    if json:
        output.as_json([_as_json(each) for each in found])
        return
    rows = [
        (
            each.subject,
            each.budget,
            _amount(measure, getattr(each.left, measure)),
            _amount(measure, getattr(each.limit, measure)),
            f"{each.resets_at.astimezone():%Y-%m-%d %H:%M}" if each.resets_at else "",
        )
        for each in found
        for measure in _MEASURES
        if getattr(each.limit, measure) is not None
    ]
    output.table(("whom", "budget", "left", "of", "begins anew"), rows)


def _limits(budget: BudgetInfo) -> list[str]:
    return [
        _amount(measure, value)
        for measure in _MEASURES
        if (value := getattr(budget, measure)) is not None
    ]


def _amount(measure: str, value: Any) -> str:
    if measure == "cost":
        return f"${value:,.2f}"
    measure = measure[:-1] if value == 1 else measure
    return f"{value:,} {measure}" if isinstance(value, int) else f"{value:,.0f} {measure}"


def _as_json(record: Any) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude_none=True)
