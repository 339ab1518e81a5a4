"""A real CalDAV server on this machine: Radicale, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.mail import free_port

USER = "ana"
PASSWORD = "a calendar's own"


@dataclass
class Radicale:
    """A server with one account."""

    url: str

    def make(self, name: str, title: str) -> str:
        """A new calendar, and its address."""
        url = f"{self.url}/{USER}/{name}/"
        body = (
            '<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop>'
            f"<displayname>{title}</displayname></prop></set></c:mkcalendar>"
        )
        self._ask("MKCALENDAR", url, body)
        return url

    def put(self, url: str, text: str) -> None:
        """Store an object as another program would."""
        lines = "\r\n".join(line.strip() for line in text.strip().splitlines())
        self._ask("PUT", url, f"{lines}\r\n")

    def get(self, url: str) -> str:
        return self._ask("GET", url)

    def _ask(self, method: str, url: str, body: str = "") -> str:
        response = requests.request(
            method, url, data=body.encode(), auth=(USER, PASSWORD), timeout=30
        )
        response.raise_for_status()
        response.encoding = "utf-8"
        return response.text


@contextmanager
def radicale(folder: Path) -> Iterator[Radicale]:
    port = free_port()
    users = folder / "users"
    users.write_text(f"{USER}:{PASSWORD}\n")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "radicale", "--hosts", f"127.0.0.1:{port}"),
            *("--auth-type", "htpasswd", "--auth-htpasswd-filename", str(users)),
            *("--auth-htpasswd-encryption", "plain", "--auth-delay", "0"),
            *("--storage-filesystem-folder", str(folder / "kept"), "--logging-level", "critical"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield Radicale(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # a look at what another process does, with a deadline
    raise AssertionError("the CalDAV server did not start")
