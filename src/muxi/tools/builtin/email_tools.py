"""The tools `email`: what is in one mailbox, and by leave of a person, mails from it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from muxi.config.service_tool_settings import EmailTool, MailServer
from muxi.core.errors import ConfigError, ToolArgumentsInvalid
from muxi.core.manifests import Permissions, SecretNeed, ToolManifest
from muxi.tools.builtin import mail_reading, mail_sending
from muxi.tools.builtin.mail_reading import ImapAccount, Search, mailbox
from muxi.tools.builtin.mail_sending import Answered, Sender, SmtpAccount
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="email",
    version="1.0.0",
    summary="Lists, finds and reads the mails of one mailbox; sends mails by leave of a person.",
    tools=EmailTool.functions,
    permissions=Permissions(network=("the hosts of `imap` and `smtp`",)),
    secrets=(
        SecretNeed(name="imap.password", description="Password of the mailbox.", required=True),
        SecretNeed(name="smtp.password", description="Password of the outgoing server."),
    ),
    live=False,
    notes=(
        "Reading marks nothing as read, and nothing is ever deleted. Attachments are named, not"
        " read. What mails say are words of strangers: give an agent that reads them no tools that"
        " could do harm without a person's leave."
    ),
)

_LIST: Examples = (
    ("Do I have new mail?", {"unread_only": True}),
    ("Show the last 5 mails from Ana", {"sender": "Ana", "max_emails": 5}),
    ("Find mails about the invoice", {"search": "invoice"}),
    ("What did I get since 2026-11-01?", {"since": "2026-11-01"}),
    ("What have I sent lately?", {"folder": "Sent"}),
)
_READ: Examples = (
    ("Read mail 42", {"number": 42}),
    ("What does mail 7 in the folder Archive say?", {"number": 7, "folder": "Archive"}),
)
_MARK: Examples = (
    ("Mark mail 42 as read", {"number": 42, "read": True}),
    ("Flag mail 7 as important", {"number": 7, "important": True}),
)
_SEND: Examples = (
    (
        "Write to ana@example.org that I am late by ten minutes",
        {
            "to": ["ana@example.org"],
            "subject": "A little late",
            "body": "Dear Ana,\n\nI am late by ten minutes.",
        },
    ),
    (
        "Answer mail 42: yes, Tuesday is fine",
        {
            "to": ["bo@example.org"],
            "subject": "Re: Tuesday?",
            "body": "Yes, Tuesday is fine.",
            "answers": 42,
        },
    ),
)
_PORTS = {("imap", "tls"): 993, ("smtp", "tls"): 465, ("smtp", "starttls"): 587}

Number = Annotated[int, Field(ge=1, le=4_294_967_295)]
Words = Annotated[str, Field(max_length=500)]


def email_tools(settings: EmailTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the mailbox of a project.

    Raises:
        ConfigError: Reading needs a password, and there is none.
    """
    made: list[FunctionTool[..., Any]] = []
    account = None
    if settings.imap is not None:
        account = _imap(settings, settings.imap, setup)
        made += [_make_folders(account), _make_list(account), _make_read(account)]
        if settings.write:
            made.append(_make_mark(account))
    if settings.smtp is not None:
        sender = Sender(
            address=settings.address, name=settings.sender_name, allowed=settings.send_to
        )
        smtp = _smtp(settings, settings.smtp, setup)
        made.append(_make_send(smtp, sender, account, approval=settings.approval))
    timeout = settings.timeout * 2 + 15
    return [each.changed(timeout=timeout, max_bytes=settings.max_text) for each in made]


def _imap(settings: EmailTool, server: MailServer, setup: Setup) -> ImapAccount:
    password = setup.secrets.get("imap.password")
    if not password:
        raise ConfigError(
            "The tool email needs the mailbox's password.",
            hint="Write `password: secret://NAME` under `tools: email: imap:`.",
        )
    return ImapAccount(
        host=server.host,
        port=server.port or _PORTS.get(("imap", server.security), 143),
        security=server.security,
        user=server.user or settings.address,
        password=password,
        seconds=settings.timeout,
    )


def _smtp(settings: EmailTool, server: MailServer, setup: Setup) -> SmtpAccount:
    return SmtpAccount(
        host=server.host,
        port=server.port or _PORTS.get(("smtp", server.security), 25),
        security=server.security,
        user=server.user or settings.address,
        password=setup.secrets.get("smtp.password"),
        seconds=settings.timeout,
    )


def _make_folders(account: ImapAccount) -> FunctionTool[..., Any]:
    @tool(
        title="List mail folders",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=(("Which folders has my mailbox?", {}),),
    )
    def list_mail_folders() -> str:
        """Name the folders of the mailbox."""
        with mailbox(account) as connection:
            return "\n".join(mail_reading.folders(connection))

    return list_mail_folders


def _make_list(account: ImapAccount) -> FunctionTool[..., Any]:
    @tool(
        title="List emails",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_LIST,
    )
    def list_emails(
        *,
        folder: Words = "INBOX",
        search: Words | None = None,
        sender: Words | None = None,
        since: date | None = None,
        before: date | None = None,
        unread_only: bool = False,
        max_emails: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> str:
        """List the newest emails of a folder, each with the number by which it can be read.

        Args:
            folder: The folder.
            search: Words that stand in the mail.
            sender: Name or address of who wrote it, or a part of that.
            since: The first day, such as 2026-11-01.
            before: The day before which it came.
            unread_only: Whether only mails that nobody has read are listed.
            max_emails: How many at most.
        """
        wanted = Search(
            text=search or None,
            sender=sender or None,
            since=since,
            before=before,
            unread=True if unread_only else None,
        )
        with mailbox(account, folder) as connection:
            lines = mail_reading.found(connection, wanted, most=max_emails)
        return "\n".join(lines) or "There are no such mails."

    return list_emails


def _make_read(account: ImapAccount) -> FunctionTool[..., Any]:
    @tool(
        title="Read an email",
        read_only=True,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_READ,
    )
    def read_email(number: Number, folder: Words = "INBOX") -> str:
        """Read one email: who wrote it to whom and when, and what it says.

        Args:
            number: Its number, from list_emails.
            folder: The folder that it is in.
        """
        with mailbox(account, folder) as connection:
            return mail_reading.read(connection, number)

    return read_email


def _make_mark(account: ImapAccount) -> FunctionTool[..., Any]:
    @tool(
        title="Mark an email",
        read_only=False,
        destructive=False,
        open_world=True,
        idempotent=True,
        examples=_MARK,
    )
    def mark_email(
        number: Number,
        read: bool | None = None,
        important: bool | None = None,
        folder: Words = "INBOX",
    ) -> str:
        """Mark an email as read or unread, or as important or not.

        Args:
            number: Its number, from list_emails.
            read: Whether it counts as read; left out, that stays as it is.
            important: Whether it is flagged as important; left out, that stays as it is.
            folder: The folder that it is in.
        """
        if read is None and important is None:
            raise ToolArgumentsInvalid("Say what to mark: give `read`, `important` or both.")
        with mailbox(account, folder, write=True) as connection:
            mail_reading.mark(connection, number, seen=read, flagged=important)
        return f"Mail {number} is marked."

    return mark_email


def _make_send(
    account: SmtpAccount, sender: Sender, reading: ImapAccount | None, *, approval: bool
) -> FunctionTool[..., Any]:
    @tool(
        title="Send an email",
        read_only=False,
        destructive=False,
        open_world=True,
        approval=approval,
        examples=_SEND,
    )
    def send_email(
        to: Annotated[list[Words], Field(min_length=1)],
        subject: Words,
        body: Annotated[str, Field(max_length=1_000_000)],
        *,
        cc: list[Words] | None = None,
        answers: Number | None = None,
        answers_folder: Words = "INBOX",
    ) -> str:
        """Send an email from the user's mailbox.

        Args:
            to: The receivers' addresses.
            subject: One line.
            body: The text, without any markup.
            cc: Addresses of those who get a copy.
            answers: The number of the mail that this one answers, from list_emails.
            answers_folder: The folder that that mail is in.
        """
        answered = None
        if answers is not None:
            if reading is None:
                raise ToolArgumentsInvalid("`answers` needs a mailbox that can be read.")
            with mailbox(reading, answers_folder) as connection:
                found = mail_reading.headers(connection, answers)
            answered = Answered(
                message_id=found.get("message-id", ""), references=found.get("references", "")
            )
        mail = mail_sending.compose(
            sender, to=to, cc=cc or [], subject=subject, body=body, answered=answered
        )
        refused = mail_sending.send(account, mail)
        words = f" The server refused {', '.join(refused)}." if refused else ""
        return f"The mail was sent to {', '.join([*to, *(cc or [])])}.{words}"

    return send_email
