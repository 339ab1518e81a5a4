"""A process is killed at any moment of a forgetting; the next one goes through with it."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from support.postgres import PostgresAddress

from muxi.core.memories import Memory
from muxi.core.messages import Message, TextPart
from muxi.core.threads import Thread
from muxi.memory.copies import Copies
from muxi.memory.forgetting import Forgetting
from muxi.memory.remains import Verifier
from muxi.memory.writing import remember
from muxi.storage import facts, messages, threads
from muxi.storage.blob_files import BlobFiles
from muxi.storage.database import Scope, open_database
from muxi.storage.erasing import memory_id
from muxi.storage.facts import Statement
from muxi.storage.transaction import Tx

SCRIPT = Path(__file__).parents[2] / "support" / "forgetting_owner.py"
WORDS = ("persimmon", "quagmire", "rhubarb", "sassafras")


def _said_by(tx: Tx, user: str) -> None:
    """Four threads with a memory each, and a fact."""
    owner = f"user:{user}"
    for word in WORDS:
        thread = threads.create(tx, Thread(title=f"About {word}"))
        message = Message(
            role="user",
            parts=[TextPart(text=f"{user} hides the {word} under the stairs")],
            author=user,
            thread_id=thread.id,
            created_at=datetime(2026, 4, 1, tzinfo=UTC),
        )
        messages.insert(tx, message)
        memory = Memory(
            id=memory_id(message.id),
            owner=owner,
            text=message.text,
            speaker=user,
            thread_id=thread.id,
            message_id=message.id,
        )
        remember(tx, owner, [memory])
    facts.put(tx, owner, [Statement(subject="user", predicate="secret", value='"persimmon"')])


@pytest.mark.parametrize(
    "killed_after",
    [pytest.param(1, marks=pytest.mark.ci), 4, pytest.param(9, marks=pytest.mark.ci)],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
async def test_a_forgetting_that_was_killed_ends_whole(
    dialect: str,
    killed_after: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    url = f"sqlite:///{tmp_path / 'muxi.db'}"
    copies: Copies | None = Copies(tmp_path / "muxi.db", tmp_path / "snapshots")
    if dialect == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        url, copies = address.url, None
    database = await open_database(url)
    for user in ("ann-7731", "bob-4410"):
        await database.write(Scope("default", user), partial(_said_by, user=user))
    await database.close()

    await _killed(url, tmp_path, after=killed_after)

    database = await open_database(url)
    try:
        forgetting = Forgetting(
            database=database, files=BlobFiles(tmp_path / "blobs"), copies=copies
        )
        verifier = Verifier(database=database, folder=tmp_path, copies=copies)
        before = await verifier.verify("default", "user:ann-7731")
        assert before.pending
        await forgetting.resume()
        remains = await verifier.verify(
            "default", "user:ann-7731", texts=["ann-7731", "ann-7731 hides the"]
        )
        assert [each for each in remains.searched if each.found] == []
        assert remains.clean
        kept = await verifier.verify("default", "user:bob-4410", texts=["bob-4410 hides the"])
        assert sum(each.found for each in kept.searched if each.place == "passages.text") == 4
    finally:
        await database.close()


async def _killed(url: str, folder: Path, *, after: int) -> None:
    """Let a process begin to forget, and kill it after some pieces."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        url,
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for number in range(1, after + 1):
            assert (await process.stdout.readline()) == b"piece\n"
            if number < after:
                process.stdin.write(b"on\n")
                await process.stdin.drain()
    finally:
        process.kill()
        await process.wait()
