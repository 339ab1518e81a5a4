"""`muxi policy`: what is allowed or refused to somebody, whatever roles they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption, TenantOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.policies import PolicyRule

app = new_app(
    help="Allow or refuse something, whatever roles somebody has.",
    epilog="`muxi can` tells what comes of them. Policies of muxi.yaml are changed there.",
)

NameArgument = Annotated[str, typer.Argument(metavar="POLICY", help="Name of the policy.")]
AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="PERMISSION", help="What it allows; repeatable."),
]
DenyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--deny", metavar="PERMISSION", help="What it refuses, such as tools.use:shell; repeatable."
    ),
]
ToUserOption = Annotated[
    list[str] | None,
    typer.Option("--to-user", metavar="USER", help="A user whom it concerns; repeatable."),
]
ToGroupOption = Annotated[
    list[str] | None,
    typer.Option("--to-group", metavar="GROUP", help="A group whose members it concerns."),
]
ToRoleOption = Annotated[
    list[str] | None,
    typer.Option("--to-role", metavar="ROLE", help="A role whose bearers it concerns."),
]
InAgentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--in-agent",
        metavar="AGENT",
        help="An agent in whose runs it holds, or a pattern; else everywhere.",
    ),
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="What whoever is refused is told.")
]


@app.command("list")
def list_policies(
    json: JsonOption = False, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """List policies: of muxi.yaml, and stored."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[PolicyRule]:
        return await session.client.rules.policies()

    policies = in_session(project, work, tenant=tenant)
    if json:
        output.as_json([each.model_dump(mode="json") for each in policies])
        return
    rows = [
        (each.name, each.effect, ", ".join(each.permissions), _whom(each), each.source)
        for each in policies
    ]
    output.table(("policy", "effect", "what", "to whom", "from"), rows)


@app.command("show")
def show_policy(
    policy: NameArgument,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Show one policy."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> PolicyRule:
        return await session.client.rules.policy(policy)

    found = in_session(project, work, tenant=tenant)
    if json:
        output.as_json(found.model_dump(mode="json"))
        return
    told = [
        ("policy", found.name),
        ("from", found.source),
        ("allows" if found.effect == "allow" else "refuses", ", ".join(found.permissions)),
        ("to whom", _whom(found)),
        ("in runs of", ", ".join(found.agents)),
        ("reason", found.reason),
    ]
    output.fields([(name, value) for name, value in told if value])


@app.command("add")
def add_policy(
    policy: NameArgument,
    *,
    allow: AllowOption = None,
    deny: DenyOption = None,
    to_user: ToUserOption = None,
    to_group: ToGroupOption = None,
    to_role: ToRoleOption = None,
    in_agent: InAgentOption = None,
    reason: ReasonOption = None,
    json: JsonOption = False,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Make a policy. To nobody in particular, it concerns everybody.

    What one policy refuses is refused, whatever else allows it.
    """
    from muxi.cli.records import record_of
    from muxi.cli.session import in_session
    from muxi.core.policies import PolicyRule

    effect = _effect(allow, deny)
    if not effect:
        raise typer.BadParameter("Say what it allows or refuses by --allow or --deny.")
    values = {**effect, **_concerned(to_user, to_group, to_role, in_agent), "reason": reason}

    async def work(session: Session) -> PolicyRule:
        made = record_of(PolicyRule, {"name": policy, **values}, hint="`muxi policy add --help`.")
        return await session.client.rules.put_policy(made, new=True)

    added = in_session(project, work, tenant=tenant)
    if json:
        output.as_json(added.model_dump(mode="json"))
    else:
        output.say(f"Added {added.name}.")


@app.command("change")
def change_policy(
    policy: NameArgument,
    *,
    allow: AllowOption = None,
    deny: DenyOption = None,
    to_user: ToUserOption = None,
    to_group: ToGroupOption = None,
    to_role: ToRoleOption = None,
    in_agent: InAgentOption = None,
    reason: ReasonOption = None,
    tenant: TenantOption = None,
    project: ProjectOption = None,
) -> None:
    """Change a policy: what is given replaces what it had, the rest stays."""
    from muxi.cli.records import record_of
    from muxi.cli.session import in_session
    from muxi.core.policies import PolicyRule

    given = {
        **_effect(allow, deny),
        **_concerned(to_user, to_group, to_role, in_agent),
        "reason": reason,
    }
    changes = {key: value for key, value in given.items() if value is not None}

    def changed(before: PolicyRule) -> PolicyRule:
        values = {**before.model_dump(), **changes}
        return record_of(PolicyRule, values, hint="`muxi policy change --help`.")

    async def work(session: Session) -> None:
        await session.client.rules.change_policy(policy, changed)

    in_session(project, work, tenant=tenant)
    output.say(f"Changed {policy}.")


@app.command("delete")
def delete_policy(
    policy: NameArgument, tenant: TenantOption = None, project: ProjectOption = None
) -> None:
    """Remove a policy."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        await session.client.rules.delete_policy(policy)

    in_session(project, work, tenant=tenant)
    output.say(f"Removed {policy}.")


def _effect(allow: list[str] | None, deny: list[str] | None) -> dict[str, Any]:
    if allow and deny:
        raise typer.BadParameter("A policy allows or refuses: give --allow or --deny, not both.")
    if not allow and not deny:
        return {}
    return {"effect": "allow" if allow else "deny", "permissions": allow or deny}


def _concerned(
    users: list[str] | None,
    groups: list[str] | None,
    roles: list[str] | None,
    agents: list[str] | None,
) -> dict[str, list[str] | None]:
    return {"users": users, "groups": groups, "roles": roles, "agents": agents}


def _whom(policy: PolicyRule) -> str:
    kinds = (("user", policy.users), ("group", policy.groups), ("role", policy.roles))
    return ", ".join(f"{kind} {name}" for kind, names in kinds for name in names) or "everybody"
