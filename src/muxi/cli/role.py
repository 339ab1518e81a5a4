"""`muxi role`: names for what somebody may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, TenantOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.policies import ActionInfo, Role

app = new_app(
    help="Say what may be done by whoever has a role.",
    epilog="`muxi user` and `muxi group` give roles; `muxi can` tells what comes of them. "
    "Roles of muxi.yaml are changed there.",
)

NameArgument = Annotated[str, typer.Argument(metavar="ROLE", help="Name of the role.")]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="PERMISSION",
        help="What it allows, such as 'runs.*' or agents.use:helper; repeatable.",
    ),
]
DenyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--deny",
        metavar="PERMISSION",
        help="What it refuses, whatever else allows it; repeatable.",
    ),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="ROLE", help="A role that it has too; repeatable."),
]
DescriptionOption = Annotated[str | None, typer.Option("--description", help="What it is for.")]


@app.command("list")
def list_roles(
    json: JsonOption = False, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """List roles: built in, of muxi.yaml, and stored."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[Role]:
        return await session.client.rules.roles()

    roles = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([role.model_dump(mode="json") for role in roles])
        return
    rows = [(role.name, role.source, role.description) for role in roles]
    output.table(("role", "from", "description"), rows)


@app.command("show")
def show_role(
    role: NameArgument,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what a role allows and refuses."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> Role:
        return await session.client.rules.role(role)

    _print(in_session(project, work, tenant=tenant), json=json)


@app.command("add")
def add_role(
    role: NameArgument,
    *,
    allow: AllowOption = None,
    deny: DenyOption = None,
    include: IncludeOption = None,
    description: DescriptionOption = None,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Make a role. Nobody can give away what they may not do themselves."""
    from muxi.cli.records import record_of
    from muxi.cli.session import in_session
    from muxi.core.policies import Role

    values = {"allow": allow, "deny": deny, "includes": include, "description": description}

    async def work(session: Session) -> Role:
        made = record_of(Role, {"name": role, **values}, hint="`muxi role add --help`.")
        return await session.client.rules.put_role(made, new=True)

    added = in_session(project, work, tenant=tenant)
    if json:
        _print(added, json=True)
    else:
        output.say(f"Added {added.name}.")


@app.command("change")
def change_role(
    role: NameArgument,
    *,
    allow: AllowOption = None,
    deny: DenyOption = None,
    include: IncludeOption = None,
    description: DescriptionOption = None,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Change a role: what is given replaces what it had, the rest stays."""
    from muxi.cli.records import record_of
    from muxi.cli.session import in_session
    from muxi.core.policies import Role

    given = {"allow": allow, "deny": deny, "includes": include, "description": description}
    changes = {key: value for key, value in given.items() if value is not None}

    def changed(before: Role) -> Role:
        values = {**before.model_dump(), **changes}
        return record_of(Role, values, hint="`muxi role change --help`.")

    async def work(session: Session) -> None:
        await session.client.rules.change_role(role, changed)

    in_session(project, work, tenant=tenant)
    output.say(f"Changed {role}.")


@app.command("delete")
def delete_role(
    role: NameArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Remove a role; whoever has it can do nothing by it any more."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        await session.client.rules.delete_role(role)

    in_session(project, work, tenant=tenant)
    output.say(f"Removed {role}.")


@app.command("actions")
def list_actions(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List all that can be allowed and refused, and what it is done upon."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[ActionInfo]:
        return await session.client.rules.actions()

    actions = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json", exclude_none=True) for each in actions])
        return
    rows = [(each.name, each.words, each.upon or "") for each in actions]
    output.table(("action", "lets somebody", "upon"), rows)


def _print(role: Role, *, json: bool) -> None:
    if json:
        output.as_json(role.model_dump(mode="json"))
        return
    told = [
        ("role", role.name),
        ("from", role.source),
        ("description", role.description),
        ("includes", ", ".join(role.includes)),
        ("allows", ", ".join(role.allow)),
        ("refuses", ", ".join(role.deny)),
    ]
    output.fields([(name, value) for name, value in told if value])
