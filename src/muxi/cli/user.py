"""`muxi user`: people and service accounts who may use this project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, TenantOption
from muxi.client.paging import all_items

if TYPE_CHECKING:
    from muxi.core.identities import User

app = new_app(help="Add, change and remove people and service accounts.")

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE", help="A role, such as member or admin; repeatable."),
]


@app.command("add")
def add_user(
    user: UserArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", help="Their name, to show.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", help="Their address, to sign in with.")
    ] = None,
    role: RoleOption = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="A group; repeatable.")
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A service account, which has keys only.")
    ] = False,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password; a pipe may bring it.")
    ] = False,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Add a user, who may use agents and has threads and memories of their own.

    Without a password they sign in by a link, as `muxi user link` gives one, or by an identity
    provider.
    """
    from muxi.cli.secrets import read_secret
    from muxi.cli.session import Session, in_session

    chosen = read_secret(f"Password of {user}") if password else None

    async def work(session: Session) -> User:
        return await session.client.users.create(
            user,
            kind="service" if service else "person",
            name=name,
            email=email,
            roles=role or ["member"],
            groups=group or [],
            password=chosen,
        )

    added = in_session(project, work, tenant=tenant)
    if json:
        output.as_json(added.model_dump(mode="json", exclude_none=True))
    else:
        output.say(f"Added {added.id}.")


@app.command("list")
def list_users(
    json: JsonOption = False, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """List people and service accounts."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[User]:
        return await all_items(session.client.users.page)

    users = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([user.model_dump(mode="json", exclude_none=True) for user in users])
        return
    rows = [
        (
            user.id,
            "disabled" if user.disabled else user.kind,
            ",".join(user.roles),
            ",".join(user.groups),
            user.email or "",
        )
        for user in users
    ]
    output.table(("user", "kind", "roles", "groups", "address"), rows)


@app.command("change")
def change_user(
    user: UserArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", help="Their name, to show.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="Their address.")] = None,
    role: RoleOption = None,
    disabled: Annotated[
        bool | None,
        typer.Option("--disable/--enable", help="Whether nothing of theirs is good any more."),
    ] = None,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Change a user; roles replace those that they had."""
    from muxi.cli.session import Session, in_session

    given = {"name": name, "email": email, "roles": role, "disabled": disabled}
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("Say what to change, such as --role or --disable.")

    async def work(session: Session) -> None:
        await session.client.users.change(user, **changes)

    in_session(project, work, tenant=tenant)
    output.say(f"Changed {user}.")


@app.command("password")
def set_password(
    user: UserArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Give a user a password, and sign them out everywhere.

    It is asked for and not shown while it is typed; from a pipe, it is the whole of standard input.
    """
    from muxi.cli.secrets import read_secret
    from muxi.cli.session import Session, in_session

    password = read_secret(f"Password of {user}")

    async def work(session: Session) -> None:
        await session.client.users.set_password(user, password)

    in_session(project, work, tenant=tenant)
    output.say(f"Set the password of {user}.")


@app.command("link")
def make_link(
    user: UserArgument,
    hours: Annotated[
        int, typer.Option("--hours", min=1, max=168, help="How long it may wait.")
    ] = 24,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Print a link that signs a user in with one browser, once."""
    from muxi.cli.session import Session, in_session
    from muxi.core.errors import NotFound

    async def work(session: Session) -> str:
        if session.owned:
            raise NotFound("No server of this project runs.", hint="`muxi up` starts it.")
        return await session.client.login_link(user, seconds=hours * 3600)

    output.line(in_session(project, work, tenant=tenant))


@app.command("signout")
def sign_out(
    user: UserArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Sign a user out everywhere."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.users.sign_out(user)

    in_session(project, work, tenant=tenant)
    output.say(f"Signed {user} out.")


@app.command("delete")
def delete_user(
    user: UserArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Remove a user with their keys and sessions; their threads and memories stay."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.users.delete(user)

    in_session(project, work, tenant=tenant)
    output.say(f"Removed {user}.")
