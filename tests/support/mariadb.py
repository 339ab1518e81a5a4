"""A real MariaDB for tests, from the programs that the system has; without them a test is skipped.

It listens on a socket of its own and on no port, and is gone with the session.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

_SECONDS = 120


class MariaDb:
    """A running server, as its administrator sees it."""

    def __init__(self, endpoint: Path) -> None:
        self._endpoint = endpoint

    def run(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Do something as the administrator, and give the last rows."""
        rows: list[tuple[object, ...]] = []
        with (
            pymysql.connect(
                unix_socket=str(self._endpoint), user="root", database=database, autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def url(self, user: str, database: str) -> str:
        return f"mysql://{user}:hush@localhost/{database}?unix_socket={self._endpoint}"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """One MariaDB server for the session."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    server = shutil.which("mariadbd", path=path)
    installer = shutil.which("mariadb-install-db", path=path)
    if not (server and installer and shutil.which("my_print_defaults", path=path)):
        pytest.skip("needs Debian's packages mariadb-server-core and mariadb-client-core")
    # Paths of sockets are short, and pytest's own folders are not.
    with tempfile.TemporaryDirectory(prefix="muxi-mariadb-") as folder:
        data, endpoint, log = (Path(folder, name) for name in ("data", "socket", "log"))
        plain = ["--no-defaults", f"--datadir={data}"]
        if os.geteuid() == 0:
            plain.append("--user=root")
        subprocess.run(
            [
                installer,
                *plain,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--force",
            ],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        command = [
            *(server, *plain, f"--socket={endpoint}", "--skip-networking"),
            *("--innodb-buffer-pool-size=8M", "--secure-file-priv="),
            # Nothing here must survive a power cut.
            *("--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--max-allowed-packet=128M"),
        ]
        with (
            log.open("wb") as output,
            subprocess.Popen(command, stdout=output, stderr=output) as it,
        ):
            try:
                _wait(it, endpoint, log)
                yield MariaDb(endpoint)
            finally:
                it.terminate()
                it.wait(_SECONDS)


def _wait(server: subprocess.Popen[bytes], endpoint: Path, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")
        # It answers nobody before all is ready, and what comes earlier waits in the queue.
        if endpoint.exists():
            return
        time.sleep(0.05)
    raise TimeoutError(log.read_text(errors="replace"))
