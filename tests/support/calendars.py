"""A real CalDAV server on this machine: Radicale, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.mail import wait_for_port
from tests.support.ports import free_port

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
        wait_for_port(port, process)
        yield Radicale(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
