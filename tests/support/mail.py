"""A real IMAP server and a real SMTP server on this machine, for tests of the mailbox."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.support.ports import free_port

USER = "ana@example.org"
PASSWORD = "a mailbox's own"


@dataclass
class Imap:
    """A mailbox served by pymap, in a process of its own."""

    port: int
    process: subprocess.Popen[bytes]

    def put(self, mail: EmailMessage | bytes, *, folder: str = "INBOX") -> int:
        """A mail that has come in, and its number there."""
        from imap_tools import MailBoxUnencrypted

        data = mail if isinstance(mail, bytes) else bytes(mail)
        with MailBoxUnencrypted("127.0.0.1", self.port).login(USER, PASSWORD) as box:
            if not box.folder.exists(folder):
                box.folder.create(folder)
            box.append(data, folder)
            box.folder.set(folder)
            return max(map(int, box.uids()))

    def flags(self, number: int) -> tuple[str, ...]:
        from imap_tools import MailBoxUnencrypted

        with MailBoxUnencrypted("127.0.0.1", self.port).login(USER, PASSWORD) as box:
            return next(iter(box.fetch(uid_list=str(number), mark_seen=False))).flags


@contextmanager
def imap() -> Iterator[Imap]:
    port = free_port()
    program = Path(sys.executable).with_name("pymap")
    process = subprocess.Popen(
        [
            *(program, "--host", "127.0.0.1", "--port", str(port), "--no-tls"),
            *("dict", "--demo-user", USER, "--demo-password", PASSWORD),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port, process)
        yield Imap(port, process)
    finally:
        process.kill()
        process.wait()


@dataclass
class Smtp:
    """What was handed in to a server of aiosmtpd, and whom it refuses."""

    port: int = 0
    taken: list[tuple[Sequence[str], EmailMessage]] = field(
        default_factory=list[tuple[Sequence[str], EmailMessage]]
    )
    unknown: frozenset[str] = frozenset()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 -- the name that aiosmtpd calls
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 -- the name that aiosmtpd calls
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.taken.append((tuple(envelope.rcpt_tos), mail))
        return "250 OK"


@contextmanager
def smtp(*, unknown: Sequence[str] = ()) -> Iterator[Smtp]:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    found = Smtp(unknown=frozenset(unknown))

    def check(server, session, envelope, mechanism, data) -> AuthResult:
        right = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=right)

    controller = Controller(
        found,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=check,
        auth_require_tls=False,
    )
    controller.start()
    try:
        found.port = controller.port
        yield found
    finally:
        controller.stop()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when a process listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # a look at what another process does, with a deadline
    raise AssertionError("the server did not start")
