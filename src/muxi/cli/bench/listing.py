"""Lists of a project with very many threads and runs, written straight into its database.

Called by `parts`.
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from muxi.cli.bench.figures import Found, Options
from muxi.cli.bench.load import at
from muxi.cli.bench.processes import USER, Server
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import MuxiError
from muxi.core.threads import Run, Thread
from muxi.storage.records import cursor, encode

PathOf = Callable[[str | None], str]
"""The path of a page, by the cursor that the page before has told."""

_SELDOM: Final = "seldom"
"""Somebody who takes part in a few old threads only."""
_FEW: Final = 10
_PAGES: Final = 300
_LONGER: Final = 4
"""A list takes so many times as long as another load at most; what is slow is known before."""
_BEGAN: Final = 1_700_000_000_000
"""Milliseconds since 1970 of the first run; each follows a millisecond after the other."""
_RUN: Final = f"printf('run_%012x%020x', {_BEGAN} + i, i)"
_THREAD: Final = "printf('thr_%032x', i % :threads)"
_AT: Final = f"strftime('%Y-%m-%dT%H:%M:%fZ', ({_BEGAN} + i) / 1000.0, 'unixepoch')"
_COUNT: Final = (
    "WITH RECURSIVE numbers (i) AS "
    "(SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :count) "
)
_OWNER: Final = f"iif(i % :threads < {_FEW}, '{_SELDOM}', '{USER}')"
_STATUS: Final = "iif(i % 997 = 7, 'failed', 'completed')"


def fill(database: Path, *, threads: int, runs: int) -> None:
    """Write threads and their runs, which take turns; a run in a thousand has failed."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        run = connection.execute
        # Nothing is there yet that could be lost.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            run(f"PRAGMA {pragma}").fetchall()
        indexes = run(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'runs' "
            "AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            run(f"DROP INDEX {name}")
        run("BEGIN")
        _write_threads(run, threads)
        _write_runs(run, threads, runs)
        for _, sql in indexes:
            run(sql)
        run("COMMIT")


def _write_threads(run: Callable[..., Any], count: int) -> None:
    given = {"count": count, "threads": count, "tenant": DEFAULT_TENANT}
    record = encode(Thread(id="@thread", title="About something", owner=USER))
    run(
        f"{_COUNT} INSERT INTO threads (tenant, id, owner, created_at, updated_at, record) "  # noqa: S608 -- constants of this file
        f"SELECT :tenant, {_THREAD}, {_OWNER}, {_BEGAN} * 1000 + i, {_BEGAN} * 1000 + i, "
        f"replace(:record, '@thread', {_THREAD}) FROM numbers",
        {**given, "record": record},
    )
    run(
        f"{_COUNT} INSERT INTO participants (tenant, principal, thread_id, role, joined_at) "  # noqa: S608 -- constants of this file
        f"SELECT :tenant, {_OWNER}, {_THREAD}, 'owner', {_BEGAN} * 1000 FROM numbers",
        given,
    )


def _write_runs(run: Callable[..., Any], threads: int, runs: int) -> None:
    record = encode(Run(id="@run", thread_id="@thread", agent="instant", input_id="@input"))
    given = {
        "count": threads * runs,
        "threads": threads,
        "tenant": DEFAULT_TENANT,
        "record": record.replace('"status":"queued"', '"status":"@status"'),
    }
    made = (
        f"replace(replace(replace(:record, '@run', {_RUN}), '@thread', {_THREAD}), "
        f"'@status', {_STATUS})"
    )
    run(
        f"{_COUNT} INSERT INTO runs (tenant, id, thread_id, owner, agent, status, attempt, "  # noqa: S608 -- constants of this file
        f"created_at, finished_at, record) SELECT :tenant, {_RUN}, {_THREAD}, {_OWNER}, 'instant', "
        f"{_STATUS}, 1, ({_BEGAN} + i) * 1000, ({_BEGAN} + i) * 1000, {made} FROM numbers",
        given,
    )


def measure_lists(server: Server, upstream: str, options: Options) -> Found:
    """Pages of 50, one after the other, of lists as people look at them."""
    chance = random.Random(2026)
    threads, runs = options.threads, options.runs

    def one_thread(_: str | None) -> str:
        return f"/api/runs?thread_id=thr_{chance.randrange(threads):032x}"

    def anywhere(_: str | None) -> str:
        number = chance.randrange(threads * runs)
        return f"/api/runs?cursor={cursor(f'run_{_BEGAN + number:012x}{number:020x}')}"

    all_of, seldom = server.token, _key_of_seldom(server)
    lists: dict[str, tuple[str, PathOf]] = {
        "threads": (all_of, partial(_page, "/api/threads?limit=50")),
        "runs": (all_of, partial(_page, "/api/runs?limit=50")),
        "runs from anywhere on": (all_of, anywhere),
        "runs of one thread": (all_of, one_thread),
        "runs that failed": (all_of, partial(_page, "/api/runs?status=failed")),
        "runs that were cancelled: none": (all_of, partial(_page, "/api/runs?status=cancelled")),
        "threads of who has ten": (seldom, partial(_page, "/api/threads?limit=50")),
        "runs of who has ten": (seldom, partial(_page, "/api/runs?limit=50")),
        "failed runs of who has ten": (seldom, partial(_page, "/api/runs?status=failed")),
    }
    found: Found = {}
    for name, (token, path) in lists.items():
        load = f"lists of {threads:,} threads of {runs:,} runs: {name}"
        options.told(load)
        before = server.rss
        walls = _asked(server, token, path, seconds=_LONGER * options.seconds)
        found[load] = {
            "pages": len(walls),
            "p50 ms": at(walls, 0.5) * 1000,
            "p95 ms": at(walls, 0.95) * 1000,
            "rss MiB more": (server.rss - before) / 1024,
        }
    return found


def _key_of_seldom(server: Server) -> str:
    admin = replace(server, token=(server.folder / ".muxi" / "token").read_text().strip())
    admin.call("/api/users", {"id": _SELDOM, "roles": ["guest"]})
    return str(admin.call("/api/keys", {"user": _SELDOM})["key"])


def _page(path: str, place: str | None) -> str:
    return path if place is None else f"{path}&cursor={place}"


def _asked(server: Server, token: str, path: PathOf, *, seconds: float) -> list[float]:
    """Seconds of each page; after the last one comes the first again."""
    headers = {"Authorization": f"Bearer {token}"}
    walls: list[float] = []
    place: str | None = None
    with closing(http.client.HTTPConnection(server.host, server.port)) as connection:
        end = time.perf_counter() + seconds
        while len(walls) < _PAGES and time.perf_counter() < end:
            started = time.perf_counter()
            connection.request("GET", path(place), headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            walls.append(time.perf_counter() - started)
            if answer.status != HTTPStatus.OK:
                raise MuxiError(f"The server refused a list: {body[:200].decode()}")
            place = json.loads(body)["next"]
    return walls
