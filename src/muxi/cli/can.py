"""`muxi can`: whether somebody may do something, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, TenantOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.policies import Decision

app = new_app()


@app.command()
def can(
    action: Annotated[
        str, typer.Argument(help="What, such as `agents.use:helper` or `runs.start`.")
    ],
    *,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Who; else yourself.")] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", "-a", help="The agent in whose run it would be done.")
    ] = None,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Tell whether somebody may do something, and why.

    It exits with 1 if they may not.
    """
    from muxi.cli.session import in_session

    name, _, resource = action.partition(":")

    async def work(session: Session) -> Decision:
        return await session.client.rules.can(name, resource or None, agent=agent, user=user)

    decision = in_session(project, work, tenant=tenant)
    if json:
        output.as_json(decision.model_dump(mode="json"))
    else:
        output.line(f"{'yes' if decision.allowed else 'no'}: {decision.reason}")
        for words in decision.because:
            if words not in decision.reason:
                output.say(f"  {words}")
    if not decision.allowed:
        raise typer.Exit(ExitCode.FAILED)
