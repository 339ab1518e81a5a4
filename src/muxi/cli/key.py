"""`muxi key`: keys with which programs use this project's API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, TenantOption
from muxi.client.paging import all_items

if TYPE_CHECKING:
    from muxi.core.identities import Key, NewKey

app = new_app(help="Make, rotate and revoke keys of the API.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Id of the key.")]


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")] = "",
    *,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="USER", help="Whose key it is; else `local`'s."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="ACTION",
            help="What it is good for, such as 'runs.*'; repeatable, else all its user may do.",
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Days after which it expires.")
    ] = None,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Make a key and print it. It is shown now and never again."""
    from muxi.cli.session import Session, in_session

    expiry = None if days is None else datetime.now(UTC) + timedelta(days=days)

    async def work(session: Session) -> NewKey:
        return await session.client.keys.create(name=name, user=of, scopes=scope, expires_at=expiry)

    _print(in_session(project, work, tenant=tenant), json=json)


@app.command("list")
def list_keys(
    of: Annotated[
        str, typer.Option("--of", metavar="USER", help="Whose keys; else everybody's.")
    ] = "*",
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """List keys, never the secrets in them."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[Key]:
        return await all_items(partial(session.client.keys.page, of))

    keys = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([key.model_dump(mode="json", exclude_none=True) for key in keys])
        return
    rows = [
        (
            key.id,
            key.user,
            key.name,
            "all" if key.scopes is None else ",".join(key.scopes),
            _day(key.expires_at, "never"),
            _day(key.used_at, "never"),
        )
        for key in keys
    ]
    output.table(("key", "user", "name", "scopes", "expires", "last used"), rows)


@app.command("rotate")
def rotate_key(
    key: KeyArgument,
    hours: Annotated[
        int, typer.Option("--hours", min=0, max=2160, help="How long the old one stays good.")
    ] = 24,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Make a key in the place of another and print it; both are good for some time."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> NewKey:
        return await session.client.keys.rotate(key, overlap_seconds=hours * 3600)

    _print(in_session(project, work, tenant=tenant), json=json)


@app.command("revoke")
def revoke_key(
    key: KeyArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Let a key be good for nothing, at once."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.keys.revoke(key)

    in_session(project, work, tenant=tenant)
    output.say(f"Revoked {key}.")


def _print(made: NewKey, *, json: bool) -> None:
    if json:
        output.as_json(made.model_dump(mode="json", exclude_none=True))
        return
    output.line(made.key)
    output.say(f"{made.id} of {made.user}. The key is shown now and never again.")


def _day(instant: datetime | None, otherwise: str) -> str:
    return otherwise if instant is None else f"{instant.astimezone():%Y-%m-%d %H:%M}"
