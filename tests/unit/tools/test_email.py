"""The built-in tools for a mailbox, against a real IMAP server and a real SMTP server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from pydantic import ValidationError

from muxi.config.service_tool_settings import EmailTool
from muxi.core.context import RunContext
from muxi.core.errors import ConfigError, ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.catalogue import builtin_tools, manifest
from muxi.tools.builtin.setup import Setup
from tests.support.mail import PASSWORD, USER, Imap, imap, smtp
from tests.support.ports import free_port

CTX: RunContext[Any] = RunContext(deps=None)

LUNCH, BILL, PLANS = 101, 102, 103
"""Numbers of the mails in the inbox: the server counts from there."""


class Mailbox:
    """The tools of one mailbox, called as a model calls them."""

    def __init__(self, *, read: int | None = None, send: int | None = None, **options: Any) -> None:
        def server(port: int) -> dict[str, Any]:
            return {"host": "127.0.0.1", "port": port, "security": "none", "password": PASSWORD}

        settings = EmailTool.model_validate(
            {
                "address": USER,
                "imap": None if read is None else server(read),
                "smtp": None if send is None else server(send),
                **options,
            }
        )
        secrets = {"imap.password": PASSWORD, "smtp.password": PASSWORD}
        made = builtin_tools("email", settings, Setup(secrets=secrets))
        self.tools = {each.name: each for each in made}

    async def __call__(self, name: str, **arguments: Any) -> str:
        (part,) = await self.tools[name].run(arguments, CTX)
        assert isinstance(part, TextPart)
        return part.text


@pytest.fixture(scope="module")
def server() -> Iterator[Imap]:
    with imap() as running:
        lunch = mail("Lunch?", "Shall we have lunch on Tuesday?", sender="Bo <bo@example.org>")
        assert running.put(lunch) == LUNCH
        running.put(mail("Rechnung März", "Anbei die Rechnung über 12 €.", sender="cy@example.org"))
        running.put(
            mail("Old plans", "From long ago.", folder_date="Mon, 05 Jan 2015 10:00:00 +0000")
        )
        running.put(mail("Kept", "This is kept."), folder="Keepsakes")
        yield running


def mail(
    subject: str,
    text: str,
    *,
    sender: str = "bo@example.org",
    folder_date: str = "Tue, 17 Nov 2026 09:30:00 +0100",
) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, USER, subject
    made["Date"], made["Message-ID"] = folder_date, f"<{abs(hash(subject))}@example.org>"
    made.set_content(text)
    return made


async def test_mails_are_listed_found_and_read(server: Imap) -> None:
    call = Mailbox(read=server.port)
    listed = await call("list_emails")
    assert listed.splitlines()[0].startswith(
        f"{PLANS}: 2015-01-05 10:00 +0000, bo@example.org: Old plans"
    )
    assert f"{LUNCH}: 2026-11-17 09:30 +0100, Bo <bo@example.org>: Lunch? [unread]" in listed
    assert await call("list_emails", search="Rechnung") == (
        f"{BILL}: 2026-11-17 09:30 +0100, cy@example.org: Rechnung März [unread]"
    )
    assert "März" in await call("list_emails", search="über 12")
    assert (await call("list_emails", sender="Bo")).count("\n") == 1
    assert await call("list_emails", search="nothing like it") == "There are no such mails."
    read = await call("read_email", number=LUNCH)
    assert read.startswith("From: Bo <bo@example.org>\nTo: ana@example.org\nDate: 2026-11-17 09:30")
    assert read.endswith("Subject: Lunch?\n\nShall we have lunch on Tuesday?")


async def test_reading_a_mail_does_not_mark_it(server: Imap) -> None:
    call = Mailbox(read=server.port, write=True)
    await call("read_email", number=BILL)
    assert "\\Seen" not in server.flags(BILL)
    await call("mark_email", number=BILL, read=True, important=True)
    assert {"\\Seen", "\\Flagged"} <= set(server.flags(BILL))
    await call("mark_email", number=BILL, read=False, important=False)
    assert not {"\\Seen", "\\Flagged"} & set(server.flags(BILL))
    with pytest.raises(ToolArgumentsInvalid, match="what to mark"):
        await call("mark_email", number=BILL)


async def test_folders_are_named_and_opened(server: Imap) -> None:
    call = Mailbox(read=server.port)
    assert {"INBOX", "Keepsakes"} <= set((await call("list_mail_folders")).splitlines())
    assert "Kept" in await call("list_emails", folder="Keepsakes")
    with pytest.raises(ToolArgumentsInvalid, match="no folder `Nowhere`"):
        await call("list_emails", folder="Nowhere")
    with pytest.raises(ToolArgumentsInvalid, match="no mail 999"):
        await call("read_email", number=999)


async def test_words_of_a_model_are_never_commands_of_the_server(server: Imap) -> None:
    call = Mailbox(read=server.port)
    for words in ('x" SEEN', "x\r\nA1 DELETE INBOX\r\n", "x\\", "(FROM bo)", "\x00", "🙂"):
        assert await call("list_emails", search=f"qq{words}") == "There are no such mails."
        with pytest.raises(ToolArgumentsInvalid, match="no folder"):
            await call("list_emails", folder=f"qq{words}")
    assert "INBOX" in await call("list_mail_folders")


async def test_a_mail_of_markup_alone_is_read_as_text(server: Imap) -> None:
    page = EmailMessage()
    page["From"], page["To"], page["Subject"] = "shop@example.org", USER, "Offers"
    page.set_content(
        "<html><body><h1>Offers</h1><p>Tea for <b>3 €</b> until Friday.</p>"
        "<script>steal()</script></body></html>",
        subtype="html",
    )
    page.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="offer.pdf")
    number = server.put(page, folder="Offers")
    text = await Mailbox(read=server.port)("read_email", number=number, folder="Offers")
    assert "Tea for 3 € until Friday." in " ".join(text.split())
    assert "Date: unknown" in text
    assert "steal" not in text
    assert "Attached: offer.pdf (8 bytes)" in text


async def test_broken_mails_are_read_as_far_as_they_go(server: Imap) -> None:
    broken = [
        b"",
        b"\xff\xfe\x00 no headers at all",
        b"From: =?utf-8?b?////?=\r\nSubject: =?nonsense?q?x?=\r\nDate: yesterday\r\n\r\nhello \xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nunclosed",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nnuqneH",
        b"Subject: a\r\n\tfolded\r\n line\r\n\r\nbody",
    ]
    numbers = [server.put(data or b"\r\n", folder="Broken") for data in broken]
    call = Mailbox(read=server.port)
    assert len((await call("list_emails", folder="Broken")).splitlines()) == len(broken)
    for number in numbers:
        text = await call("read_email", number=number, folder="Broken")
        assert text.startswith("From: ")
        text.encode()


async def test_a_mail_is_sent_and_bears_what_ties_it_to_the_one_it_answers(server: Imap) -> None:
    with smtp() as taken:
        call = Mailbox(read=server.port, send=taken.port, sender_name="Ana Müller")
        said = await call(
            "send_email",
            to=["Bo <bo@example.org>"],
            cc=["cy@example.org"],
            subject="Re: Lunch?\nBcc: eve@example.org",
            body="Ja, gern – um zwölf.\n.\nAna",
            answers=LUNCH,
        )
        ((receivers, sent),) = taken.taken
    assert said == "The mail was sent to Bo <bo@example.org>, cy@example.org."
    assert receivers == ("bo@example.org", "cy@example.org")
    assert sent["From"] == "Ana Müller <ana@example.org>"
    assert sent["Subject"] == "Re: Lunch? Bcc: eve@example.org"
    assert sent["Bcc"] is None
    assert sent["In-Reply-To"] == sent["References"]
    assert sent.get_content().splitlines() == ["Ja, gern – um zwölf.", ".", "Ana"]


async def test_only_those_are_written_to_whom_the_project_allows() -> None:
    with smtp() as taken:
        call = Mailbox(send=taken.port, send_to=["*@example.org", "eve@elsewhere.org"])
        for wrong in ("mallory@elsewhere.org", "bo@example.org.evil.org", "x@EVIL.org"):
            with pytest.raises(ToolDenied, match="may not write to"):
                await call("send_email", to=["bo@example.org", wrong], subject="s", body="b")
        for wrong in ("nobody", "", "a@b@c", "x@example.org\r\nBcc: y@z.org", "<>", "a b@c.org"):
            with pytest.raises(ToolArgumentsInvalid, match="no address"):
                await call("send_email", to=[wrong], subject="s", body="b")
        many = [f"p{n}@example.org" for n in range(51)]
        with pytest.raises(ToolArgumentsInvalid, match="50 receivers"):
            await call("send_email", to=many, subject="s", body="b")
        assert taken.taken == []
        await call("send_email", to=["BO@Example.ORG"], subject="s", body="b")
        assert len(taken.taken) == 1


async def test_receivers_that_the_server_refuses_are_told() -> None:
    with smtp(unknown=["gone@example.org"]) as taken:
        call = Mailbox(send=taken.port)
        to = ["bo@example.org", "gone@example.org"]
        said = await call("send_email", to=to, subject="s", body="b")
        assert said.endswith("The server refused gone@example.org.")
        with pytest.raises(ToolFailed, match=r"no mail for gone@example\.org"):
            await call("send_email", to=["gone@example.org"], subject="s", body="b")


async def test_wrong_passwords_and_servers_that_are_not_there_are_told(server: Imap) -> None:
    def without_leave(port: int) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": port, "security": "none", "password": "wrong"}

    settings = EmailTool.model_validate({"address": USER, "imap": without_leave(server.port)})
    tools = builtin_tools("email", settings, Setup(secrets={"imap.password": "wrong"}))
    with pytest.raises(ToolFailed, match=r"refused to log ana@example\.org in") as refused:
        await {each.name: each for each in tools}["list_emails"].run({}, CTX)
    assert "wrong" not in str(refused.value)
    nowhere = free_port()
    call = Mailbox(read=nowhere, send=nowhere)
    with pytest.raises(ToolFailed, match="cannot be reached"):
        await call("list_emails")
    with pytest.raises(ToolFailed, match="cannot be reached"):
        await call("send_email", to=["bo@example.org"], subject="s", body="b")


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        held: list[socket.socket] = []
        taking = threading.Thread(target=lambda: held.append(listener.accept()[0]), daemon=True)
        taking.start()
        call = Mailbox(read=port, timeout=0.3)
        with pytest.raises(ToolFailed, match="cannot be reached"):
            await call("list_emails")
        taking.join()
        held[0].close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "email needs `imap`, `smtp`, or both"),
        ({"imap": {"host": "mail.example.org", "security": "none"}}, "for localhost only"),
        ({"address": "nobody", "smtp": {"host": "localhost"}}, "an address such as"),
    ],
)
def test_a_mailbox_that_cannot_be_is_refused_when_the_project_is_read(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        EmailTool.model_validate({"address": USER, **options})


def test_what_acts_needs_a_person_and_is_there_by_leave_only() -> None:
    both = {"imap": {"host": "localhost", "password": PASSWORD}, "smtp": {"host": "localhost"}}
    settings = EmailTool.model_validate({"address": USER, **both})
    made = builtin_tools("email", settings, Setup(secrets={"imap.password": PASSWORD}))
    approvals = {each.name: each.spec.approval for each in made}
    assert approvals == {
        "list_mail_folders": False,
        "list_emails": False,
        "read_email": False,
        "send_email": True,
    }
    assert settings.offered() == tuple(approvals)
    assert set(manifest("email").tools) == set(EmailTool.functions)
    with pytest.raises(ConfigError, match="needs the mailbox's password"):
        builtin_tools("email", settings, Setup())


def test_a_mail_is_handed_to_the_model_up_to_a_bound(server: Imap) -> None:
    call = Mailbox(read=server.port, max_text=1_000)
    assert all(each.spec.max_bytes == 1_000 for each in call.tools.values())
