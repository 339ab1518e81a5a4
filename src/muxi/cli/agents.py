"""`muxi agents`: what this project has to talk with."""

from __future__ import annotations

from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption

app = new_app(help="List and show the agents of this project.")


@app.command("list")
def list_agents(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the agents."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        agents = await session.client.agents()
        if json:
            output.as_json([agent.model_dump(mode="json", exclude_none=True) for agent in agents])
            return
        rows = [
            (agent.name, "default" if agent.default else "", agent.model, agent.description)
            for agent in agents
        ]
        output.table(("agent", "", "model", "description"), rows)

    in_session(project, work)


@app.command("show")
def show_agent(
    name: Annotated[str, typer.Argument(help="Name of the agent.")],
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show one agent: its model, tools and instructions."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        agent = await session.client.agent(name)
        if json:
            output.as_json(agent.model_dump(mode="json", exclude_none=True))
            return
        rows = [
            ("name", agent.name),
            ("description", agent.description),
            ("model", agent.model),
            ("tools", ", ".join(agent.tools)),
            ("from", agent.source),
            ("hash", agent.hash),
        ]
        output.fields([row for row in rows if row[1]])
        if agent.definition.instructions:
            output.line(f"\n{agent.definition.instructions}")

    in_session(project, work)
