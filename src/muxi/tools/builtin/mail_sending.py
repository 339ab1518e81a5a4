"""Sends mails by SMTP (RFC 5321, 6409). Called by the tool `send_email`, on its own thread.

It writes to nobody whom the project does not allow, and no word of a model can become a header.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, make_msgid
from fnmatch import fnmatchcase
from typing import Final

from muxi.core.errors import ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.core.record import now

MOST_RECEIVERS: Final = 50
"""Receivers of one mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAccount:
    """How mail is handed in."""

    host: str
    port: int
    security: str
    user: str | None
    password: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who writes, and to whom they may."""

    address: str
    name: str | None
    allowed: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The mail that one is an answer to, by the headers that tie a conversation together."""

    message_id: str
    references: str = ""


def compose(
    sender: Sender,
    *,
    to: Sequence[str],
    cc: Sequence[str],
    subject: str,
    body: str,
    answered: Answered | None = None,
) -> EmailMessage:
    """The mail as it is handed in.

    Raises:
        ToolArgumentsInvalid: A receiver is no address, or there are none or too many.
        ToolDenied: The project does not let agents write to one of them.
    """
    receivers = [*to, *cc]
    if not to:
        raise ToolArgumentsInvalid("The mail has no receiver: name one in `to`.")
    if len(receivers) > MOST_RECEIVERS:
        raise ToolArgumentsInvalid(f"A mail may have {MOST_RECEIVERS} receivers.")
    people = {each: _address(each) for each in receivers}
    refused = [each for each in people.values() if not _is_allowed(each, sender.allowed)]
    if refused:
        names = ", ".join(each.addr_spec for each in refused)
        raise ToolDenied(
            f"Agents may not write to {names}.",
            hint="The project says to whom: `send_to` of the tool email.",
        )
    ascii_only = all(each.addr_spec.isascii() for each in people.values())
    mail = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
    mail["From"] = Address(sender.name or "", addr_spec=sender.address)
    mail["To"] = [people[each] for each in to]
    if cc:
        mail["Cc"] = [people[each] for each in cc]
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = make_msgid(domain=sender.address.rpartition("@")[2])
    if answered is not None and answered.message_id:
        known = " ".join(answered.message_id.split())
        mail["In-Reply-To"] = known
        mail["References"] = " ".join(f"{answered.references} {known}".split()[-20:])
    mail.set_content(body)
    return mail


def send(account: SmtpAccount, mail: EmailMessage) -> list[str]:
    """Hand a mail in; receivers that the server refused, if it took the mail for others.

    Raises:
        ToolFailed: The server cannot be reached, or did not take the mail.
    """
    try:
        with _connect(account) as connection:
            if account.user is not None and account.password is not None:
                connection.login(account.user, account.password)
            return list(connection.send_message(mail))
    except smtplib.SMTPAuthenticationError as error:
        raise ToolFailed(
            f"{account.host} refused to log {account.user} in.",
            hint="Many providers want a password that is made for programs.",
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        names = ", ".join(error.recipients)
        raise ToolFailed(f"{account.host} takes no mail for {names}.") from error
    except smtplib.SMTPException as error:
        words = " ".join(str(error).split())[:300]
        raise ToolFailed(f"{account.host} did not take the mail: {words}") from error
    except OSError as error:
        raise ToolFailed(f"{account.host} cannot be reached: {error}") from error


def _connect(account: SmtpAccount) -> smtplib.SMTP:
    if account.security == "tls":
        return smtplib.SMTP_SSL(
            account.host,
            account.port,
            timeout=account.seconds,
            context=ssl.create_default_context(),
        )
    connection = smtplib.SMTP(account.host, account.port, timeout=account.seconds)
    if account.security == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection


def _address(text: str) -> Address:
    """One receiver, given as `ana@example.org` or as `Ana <ana@example.org>`."""
    name, bracket, rest = text.strip().rpartition("<")
    try:
        found = Address(name.strip(' "'), addr_spec=rest.rstrip("> ") if bracket else text.strip())
    except (MessageError, ValueError, IndexError):
        found = None
    if found is None or not found.domain:
        raise ToolArgumentsInvalid(f"`{text[:80]}` is no address of a mailbox.")
    return found


def _is_allowed(address: Address, allowed: Sequence[str]) -> bool:
    wanted = address.addr_spec.casefold()
    return any(fnmatchcase(wanted, pattern.casefold()) for pattern in allowed)
