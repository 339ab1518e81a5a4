"""`muxi tenant`: customers or departments that share a server and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption
from muxi.client.paging import all_items

if TYPE_CHECKING:
    from muxi.core.identities import Tenant

app = new_app(help="Keep customers or departments apart on one server.")

TenantArgument = Annotated[
    str, typer.Argument(metavar="TENANT", help="Its id: lower-case letters, digits and hyphens.")
]


@app.command("add")
def add_tenant(
    tenant: TenantArgument,
    name: Annotated[str | None, typer.Option("--name", help="Its name, to show.")] = None,
    project: ProjectOption = None,
) -> None:
    """Add a tenant. `muxi user add --tenant TENANT --role admin` adds its first user."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.tenants.create(tenant, name)

    in_session(project, work)
    output.say(f"Added {tenant}.")


@app.command("list")
def list_tenants(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List tenants."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[Tenant]:
        return await all_items(session.client.tenants.page)

    tenants = in_session(project, work)
    if json:
        output.as_json([tenant.model_dump(mode="json", exclude_none=True) for tenant in tenants])
        return
    rows = [(each.id, "disabled" if each.disabled else "", each.name or "") for each in tenants]
    output.table(("tenant", "state", "name"), rows)


@app.command("disable")
def disable_tenant(tenant: TenantArgument, project: ProjectOption = None) -> None:
    """Let nobody of a tenant do anything."""
    _change(tenant, project, disabled=True)


@app.command("enable")
def enable_tenant(tenant: TenantArgument, project: ProjectOption = None) -> None:
    """Let the users of a tenant work again."""
    _change(tenant, project, disabled=False)


def _change(tenant: str, project: ProjectOption, *, disabled: bool) -> None:
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.tenants.change(tenant, disabled=disabled)

    in_session(project, work)
    output.say(f"{'Disabled' if disabled else 'Enabled'} {tenant}.")
