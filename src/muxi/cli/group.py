"""`muxi group`: users who share roles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, TenantOption
from muxi.client.paging import all_items

if TYPE_CHECKING:
    from muxi.core.identities import Group, User

app = new_app(help="Put users into groups, which share roles.")

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")]


@app.command("put")
def put_group(
    group: GroupArgument,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="A role of its members; repeatable."),
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Make a group, or change its roles and description; who is in it stays."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.groups.put(group, description=description, roles=role or [])

    in_session(project, work, tenant=tenant)
    output.say(f"Stored {group}.")


@app.command("list")
def list_groups(
    json: JsonOption = False, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """List groups and their roles."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[Group]:
        return await all_items(session.client.groups.page)

    groups = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([group.model_dump(mode="json", exclude_none=True) for group in groups])
        return
    rows = [(group.name, ",".join(group.roles), group.description) for group in groups]
    output.table(("group", "roles", "description"), rows)


@app.command("members")
def list_members(
    group: GroupArgument,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """List the users of a group."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[User]:
        return await all_items(partial(session.client.groups.members, group))

    users = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([user.model_dump(mode="json", exclude_none=True) for user in users])
        return
    for user in users:
        output.line(user.id)


@app.command("add")
def add_member(
    group: GroupArgument,
    user: UserArgument,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Let a user be in a group."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.groups.add(group, user)

    in_session(project, work, tenant=tenant)
    output.say(f"{user} is in {group}.")


@app.command("remove")
def remove_member(
    group: GroupArgument,
    user: UserArgument,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Let a user be in a group no longer."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.groups.remove(group, user)

    in_session(project, work, tenant=tenant)
    output.say(f"{user} is not in {group}.")


@app.command("delete")
def delete_group(
    group: GroupArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Remove a group; its users stay."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.groups.delete(group)

    in_session(project, work, tenant=tenant)
    output.say(f"Removed {group}.")
