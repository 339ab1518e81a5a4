"""Reads a mailbox by IMAP (RFC 9051 and 3501). Called by the tools `email`, on their own threads.

Nothing that is read is marked as read, and nothing is ever deleted. What comes out is text: what a
mail says is the words of strangers, and stays inside the result of a tool.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, cast

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.core.record import clean
from muxi.tools.builtin.page import html_text
from muxi.tools.foreign_text import one_line, without_control

if TYPE_CHECKING:
    from imap_tools import MailAttachment, MailMessage
    from imap_tools.mailbox import BaseMailBox

_LARGEST: Final = 25_000_000
"""Bytes of a mail that is read."""
_MOST_FOLDERS: Final = 500
_MOST_RECEIVERS: Final = 20
_NO_DATE: Final = 1900
"""The year that imap-tools gives to mails without a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapAccount:
    """How a mailbox is reached."""

    host: str
    port: int
    security: str
    user: str
    password: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for in a folder; what is None does not matter."""

    text: str | None = None
    sender: str | None = None
    since: date | None = None
    before: date | None = None
    unread: bool | None = None


@contextmanager
def mailbox(
    account: ImapAccount, folder: str | None = None, *, write: bool = False
) -> Generator[BaseMailBox]:
    """A connection that is logged in, with a folder open, for reading only unless `write`.

    Raises:
        ToolArgumentsInvalid: There is no such folder.
        ToolFailed: The server cannot be reached, or refuses.
    """
    import imaplib

    from imap_tools.errors import (
        ImapToolsError,
        MailboxFolderSelectError,
        MailboxLoginError,
    )

    try:
        connection = _connect(account)
        try:
            connection.login(account.user, account.password, initial_folder=None)
            if folder is not None:
                cast("Any", connection.folder).set(_plain(folder), readonly=not write)
            yield connection
        finally:
            _leave(connection)
    except MailboxFolderSelectError:
        raise ToolArgumentsInvalid(
            f"There is no folder `{folder}` in the mailbox; list_mail_folders names them."
        ) from None
    except MailboxLoginError as error:
        raise ToolFailed(
            f"{account.host} refused to log {account.user} in.",
            hint="Many providers want a password that is made for programs.",
        ) from error
    except (ImapToolsError, imaplib.IMAP4.error) as error:
        raise ToolFailed(f"{account.host} refused: {_brief(error)}") from error
    except (OSError, ssl.SSLError) as error:
        raise ToolFailed(f"{account.host} cannot be reached: {_brief(error)}") from error


def folders(connection: BaseMailBox) -> list[str]:
    """The folders that hold mails, by name."""
    found = connection.folder.list()
    return [each.name for each in found if "\\Noselect" not in each.flags][:_MOST_FOLDERS]


def found(connection: BaseMailBox, search: Search, *, most: int) -> list[str]:
    """The newest mails that fit, one line each."""
    mails = connection.fetch(
        _criteria(search),
        charset="UTF-8" if _beyond_ascii(search) else "US-ASCII",
        limit=most,
        mark_seen=False,
        reverse=True,
        headers_only=True,
        bulk=True,
    )
    return [_line(mail) for mail in mails]


def read(connection: BaseMailBox, number: int) -> str:
    """One mail as text: its head, its words, the names of what is attached.

    Raises:
        ToolArgumentsInvalid: The folder has no mail of that number.
        ToolFailed: It is too large.
    """
    head = one(connection, number, headers_only=True)
    if head.size_rfc822 > _LARGEST:
        raise ToolFailed(
            f"The mail has {head.size_rfc822:,} bytes; at most {_LARGEST:,} can be read."
        )
    mail = one(connection, number)
    lines = [
        f"From: {one_line(_person(mail))}",
        f"To: {_receivers(mail.to)}",
        *([f"Cc: {_receivers(mail.cc)}"] if mail.cc else []),
        f"Date: {_when(mail)}",
        f"Subject: {one_line(mail.subject)}",
        *([f"Attached: {', '.join(map(_attached, mail.attachments))}"] if mail.attachments else []),
    ]
    return "\n".join([*lines, "", clean(_words(mail))])


def one(connection: BaseMailBox, number: int, *, headers_only: bool = False) -> MailMessage:
    """One mail of the open folder, by its number (UID).

    Raises:
        ToolArgumentsInvalid: There is none.
    """
    mails = connection.fetch(uid_list=str(number), mark_seen=False, headers_only=headers_only)
    mail = next(iter(mails), None)
    if mail is None:
        raise ToolArgumentsInvalid(f"The folder has no mail {number}; list_emails gives numbers.")
    return mail


def headers(connection: BaseMailBox, number: int) -> dict[str, str]:
    """The headers of a mail by their names in small letters. Raises as `one`."""
    found = cast(
        "Mapping[str, tuple[str, ...]]", one(connection, number, headers_only=True).headers
    )
    return {name: " ".join(values) for name, values in found.items()}


def mark(connection: BaseMailBox, number: int, *, seen: bool | None, flagged: bool | None) -> None:
    """Mark a mail as read or not, as important or not; None leaves it as it is."""
    one(connection, number, headers_only=True)
    for flag, value in (("\\Seen", seen), ("\\Flagged", flagged)):
        if value is not None:
            cast("Any", connection).flag(str(number), flag, value)


def _connect(account: ImapAccount) -> BaseMailBox:
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    if account.security == "none":
        return MailBoxUnencrypted(account.host, account.port, timeout=account.seconds)
    context = ssl.create_default_context()
    if account.security == "starttls":
        return MailBoxStartTls(
            account.host, account.port, timeout=account.seconds, ssl_context=context
        )
    return MailBox(account.host, account.port, timeout=account.seconds, ssl_context=context)


def _leave(connection: BaseMailBox) -> None:
    import imaplib

    from imap_tools.errors import ImapToolsError

    try:
        cast("Any", connection).logout()
    except (ImapToolsError, imaplib.IMAP4.error, OSError):
        # It was lost, or never logged in; what was done is done.
        return


def _criteria(search: Search) -> str:
    from imap_tools import AND

    wanted = AND(
        all=True,
        text=_plain(search.text) if search.text else None,
        from_=_plain(search.sender) if search.sender else None,
        date_gte=search.since,
        date_lt=search.before,
        seen=None if search.unread is None else not search.unread,
    )
    return str(wanted)


def _beyond_ascii(search: Search) -> bool:
    return not f"{search.text or ''}{search.sender or ''}".isascii()


def _plain(text: str) -> str:
    """A word of a command: a line break in it would begin another."""
    return without_control(text).strip()


def _line(mail: MailMessage) -> str:
    marks = [] if "\\Seen" in mail.flags else ["unread"]
    marks += ["important"] if "\\Flagged" in mail.flags else []
    note = f" [{', '.join(marks)}]" if marks else ""
    subject = one_line(mail.subject) or "(no subject)"
    return f"{mail.uid}: {_when(mail)}, {one_line(_person(mail))}: {subject}{note}"


def _when(mail: MailMessage) -> str:
    """The date as the writer's clock had it; many broken mails say none."""
    return "unknown" if mail.date.year <= _NO_DATE else f"{mail.date:%Y-%m-%d %H:%M %z}".rstrip()


def _person(mail: MailMessage) -> str:
    known = mail.from_values
    return (f"{known.name} <{known.email}>" if known.name else known.email) if known else mail.from_


def _receivers(addresses: tuple[str, ...]) -> str:
    shown = ", ".join(one_line(each) for each in addresses[:_MOST_RECEIVERS])
    more = len(addresses) - _MOST_RECEIVERS
    return f"{shown} and {more} more" if more > 0 else shown


def _attached(attachment: MailAttachment) -> str:
    return f"{one_line(attachment.filename) or 'unnamed'} ({attachment.size:,} bytes)"


def _words(mail: MailMessage) -> str:
    if mail.text.strip():
        return mail.text.replace("\r\n", "\n").strip()
    return html_text(mail.html) if mail.html else ""


def _brief(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
