"""`muxi approvals`: what runs ask people, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption, UserOption, as_user

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.events import Approval, ApprovalDecision

app = new_app(
    help="List and answer what runs ask people.",
    epilog="A run goes on once everything that it asks is answered, and is followed to its end; "
    "the exit code is that of `muxi run`.",
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the question.")]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Do not follow the run once it is answered.")
]


@app.command("list")
def list_approvals(
    thread: Annotated[
        str | None,
        typer.Option("--thread", "-t", metavar="THREAD", help="Of this conversation only."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many, oldest first.")
    ] = 100,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """List what waits for an answer, the oldest first."""
    from muxi.cli.narration import arguments
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        found: list[Approval] = []
        cursor: str | None = None
        while len(found) < limit:
            page = await session.client.approvals(
                thread_id=thread, cursor=cursor, limit=min(limit - len(found), 100)
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        if json:
            output.as_json([each.model_dump(mode="json", exclude_none=True) for each in found])
            return
        rows = [
            (
                each.id,
                f"{each.asked_at.astimezone():%Y-%m-%d %H:%M}" if each.asked_at else "",
                each.agent,
                each.tool,
                each.question.message[:80] if each.question else arguments(each.arguments),
            )
            for each in found
        ]
        output.table(("id", "asked", "agent", "tool", "what"), rows)

    in_session(project, work, user=user)


@app.command("show")
def show_approval(
    id: IdArgument,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Show one question in full, and how it can be answered."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> None:
        approval = await session.client.approval(id)
        if json:
            output.as_json(approval.model_dump(mode="json", exclude_none=True))
            return
        _show(approval, user)

    in_session(project, work, user=user)


def _show(approval: Approval, user: str | None) -> None:
    from json import dumps

    from muxi.cli.narration import question

    output.line(question(approval))
    asked = approval.question
    if asked is not None and asked.json_schema is not None:
        output.line(f"The answer must fit: {dumps(asked.json_schema, ensure_ascii=False)}")
    if approval.expires_at is not None:
        output.line(f"It expires {approval.expires_at.astimezone():%Y-%m-%d %H:%M}.")
    ways = ("approve", "deny") if asked is None else ("answer", "deny")
    for way in ways:
        value = " ANSWER" if way == "answer" else ""
        output.say(output.dim(f"muxi approvals {way} {approval.id}{value}{as_user(user)}"))


@app.command("approve")
def approve(
    id: IdArgument,
    *,
    arguments: Annotated[
        str | None,
        typer.Option(
            "--arguments", metavar="JSON", help="Make the call with these arguments instead."
        ),
    ] = None,
    always: Annotated[
        bool,
        typer.Option("--always", help="Also allow the same call again in this conversation."),
    ] = False,
    no_wait: NoWaitOption = False,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Let a call be made, with the arguments that it has or with others."""
    from muxi.cli.typed import typed_object
    from muxi.core.events import ApprovalDecision

    changed = None
    if arguments is not None:
        try:
            changed = typed_object(arguments)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--arguments") from None
    decision = ApprovalDecision(decision="approve", arguments=changed, remember=always)
    return _answer(lambda _: decision, id, no_wait=no_wait, json=json, user=user, project=project)


@app.command("deny")
def deny(
    id: IdArgument,
    *,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; the agent is told.")
    ] = None,
    no_wait: NoWaitOption = False,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Refuse a call, or decline to answer a question."""
    from muxi.core.events import ApprovalDecision

    decision = ApprovalDecision(decision="deny", reason=reason)
    return _answer(lambda _: decision, id, no_wait=no_wait, json=json, user=user, project=project)


@app.command("answer")
def answer(
    id: IdArgument,
    value: Annotated[
        str,
        typer.Argument(
            metavar="ANSWER",
            help="The answer: text, one of the choices or its number, or JSON, as the question "
            "wants it.",
        ),
    ],
    *,
    no_wait: NoWaitOption = False,
    json: JsonOption = False,
    user: UserOption = None,
    project: ProjectOption = None,
) -> int:
    """Answer what a tool or an agent wants to know."""
    from muxi.cli.typed import typed_value
    from muxi.core.events import ApprovalDecision

    def decide(approval: Approval) -> ApprovalDecision:
        schema = None if approval.question is None else approval.question.json_schema
        try:
            said = typed_value(value, schema)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="ANSWER") from None
        return ApprovalDecision(decision="answer", answer=said)

    return _answer(decide, id, no_wait=no_wait, json=json, user=user, project=project)


def _answer(
    decide: Callable[[Approval], ApprovalDecision],
    id: str,
    *,
    no_wait: bool,
    json: bool,
    user: str | None,
    project: ProjectOption,
) -> int:
    """Store the answer to a question, and follow its run."""
    from muxi.cli.report import Report, see_through
    from muxi.cli.session import in_session

    async def work(session: Session) -> int:
        client = session.client
        approval = await client.approval(id)
        before = await client.messages(approval.thread_id)
        run = await client.resolve(id, decide(approval))
        if run.status == "waiting":
            others = (await client.approvals(run.id)).items
            output.say(f"The run also waits for {', '.join(each.id for each in others)}.")
            return ExitCode.WAITING
        if no_wait:
            return ExitCode.OK
        return await see_through(session, run, Report(json, False, user), shown=before)

    return in_session(project, work, answers=True, user=user)
