"""What is forgotten is nowhere any more, on both databases, and its neighbours are whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from support.postgres import PostgresAddress, PostgresServer

from muxi.core.errors import AccessDenied, InvalidInput, NotFound
from muxi.core.events import RunCompleted, RunStarted, TextDelta
from muxi.core.forgetting import Forget, Remains
from muxi.core.memories import Memory
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.memory.copies import Copies, Needles, texts_in
from muxi.memory.forgetting import Forgetting
from muxi.memory.remains import Verifier
from muxi.memory.turns import memory_id
from muxi.memory.writing import remember
from muxi.retrieval.words import words
from muxi.storage import blobs, events, facts, messages, passages, runs, secrets, threads, vectors
from muxi.storage.blob_files import BlobFiles
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.event_thinning import thin, whole_events
from muxi.storage.facts import Statement
from muxi.storage.master_keys import KeyRing, MasterKey
from muxi.storage.schema import metadata
from muxi.storage.snapshots import Snapshots
from muxi.storage.transaction import Tx

ANN = Scope("default", "ann-7731")
BOB = Scope("default", "bob-4410")
WHOLE = Scope("default", None)
OF_ANN = "user:ann-7731"
OF_BOB = "user:bob-4410"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Place:
    """A database with what lies beside it."""

    database: Database
    forgetting: Forgetting
    verifier: Verifier
    folder: Path

    async def clean(self, *texts: str, owner: str | None = None, ids: tuple[str, ...] = ()) -> bool:
        remains = await self.remains(*texts, owner=owner, ids=ids)
        return remains.clean

    async def remains(
        self, *texts: str, owner: str | None = None, ids: tuple[str, ...] = ()
    ) -> Remains:
        return await self.verifier.verify("default", owner, ids=ids, texts=texts)


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> AsyncIterator[PostgresAddress]:
    address = postgres.migrated()
    yield address
    postgres.drop(address)


@pytest.fixture(params=["sqlite", "postgresql"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    path = tmp_path / "muxi.db"
    files = BlobFiles(tmp_path / "blobs")
    copies = None
    if request.param == "sqlite":
        database = await open_database(f"sqlite:///{path}")
        copies = Copies(path, tmp_path / "snapshots")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        address: PostgresAddress = request.getfixturevalue("address")
        server.clean(address)
        database = await open_database(address.url, owner_url=address.owner_url, pool=3)
    forgetting = Forgetting(database=database, files=files, copies=copies)
    verifier = Verifier(database=database, folder=tmp_path, copies=copies)
    yield Place(database, forgetting, verifier, tmp_path)
    await database.close()


def conversation(tx: Tx, said: list[str], *, start: datetime = START) -> tuple[Thread, list[str]]:
    """A thread of one run a question, remembered; the ids of its messages."""
    user = tx.scope.principal or ""
    thread = threads.create(tx, Thread(title=said[0][:20], created_at=start))
    parent: str | None = None
    ids: list[str] = []
    for number, text in enumerate(said):
        at = start + timedelta(minutes=number)
        message = Message(
            role="user",
            parts=[TextPart(text=text)],
            author=user,
            thread_id=thread.id,
            parent_id=parent,
            created_at=at,
        )
        run = Run(
            thread_id=thread.id,
            agent="a",
            input_id=message.id,
            status="completed",
            output=f"heard: {text}",
            finished_at=at,
        )
        messages.insert(tx, message)
        runs.create(tx, run)
        store_events(tx, thread.id, run, text, first=3 * number + 1)
        parent = message.id
        ids.append(message.id)
        memory = Memory(
            id=memory_id(message.id),
            owner=f"user:{user}",
            text=text,
            speaker=user,
            role="user",
            said_at=at,
            thread_id=thread.id,
            message_id=message.id,
        )
        remember(tx, f"user:{user}", [memory])
    return thread, ids


def store_events(tx: Tx, thread_id: str, run: Run, text: str, *, first: int) -> None:
    begun = RunStarted(thread_id=thread_id, agent="a", run_id=run.id, seq=first)
    chunk = events.Chunk(begun, created_at=1)
    chunk.add(begun)
    chunk.add(TextDelta(run_id=run.id, seq=first + 1, index=0, text=text))
    done = RunCompleted(run_id=run.id, seq=first + 2, status="completed", text=text, usage=Usage())
    chunk.add(done)
    own = {"thread_id": thread_id, "root_run_id": run.id, "parent_run_id": None, "attempt": 1}
    events.insert(tx, [{**own, **chunk.row()}])


async def test_a_forgotten_memory_is_in_no_table_and_no_file_and_its_neighbours_are_found(
    place: Place,
) -> None:
    said = [
        "My sister Rosalind collects antique typewriters",
        "The vault code is qzxv-9982 and the vault is green",
        "We will travel to Trondheim in the first week of May",
    ]
    _, ids = await place.database.write(ANN, partial(conversation, said=said))
    gone = memory_id(ids[1])
    assert not await place.clean("qzxv-9982")

    report = await place.forgetting.forget(ANN, OF_ANN, Forget(memories=[gone]))

    assert report.counts["memories"] == 1
    assert report.counts["messages blanked"] == 1
    remains = await place.remains("qzxv-9982", owner=None, ids=(gone,))
    assert [each for each in remains.searched if each.found and each.by != "ids"] == []
    assert await found(place, "vault code green") == []
    assert await found(place, "Rosalind typewriters") == [memory_id(ids[0])]
    assert await found(place, "Trondheim travel") == [memory_id(ids[2])]


async def found(place: Place, query: str, owner: str = OF_ANN) -> list[str]:
    def look(tx: Tx) -> list[str]:
        hits = passages.match(tx, [owner], "memory", words(query))
        rows = {row.number: row.id for row in passages.by_numbers(tx, [owner], dict(hits))}
        return [rows[number] for number, _ in hits][:1]

    return await place.database.read(WHOLE, look)


async def test_the_path_of_a_thread_stays_whole_when_a_message_of_it_is_blanked(
    place: Place,
) -> None:
    said = ["I was born in Ostrava", "My PIN is 80-11-93", "I like plums"]
    thread, ids = await place.database.write(ANN, partial(conversation, said=said))
    await place.forgetting.forget(ANN, OF_ANN, Forget(memories=[memory_id(ids[1])]))

    path = await place.database.read(ANN, partial(messages.path_to_leaf, thread_id=thread.id))
    assert [each.text for each in path] == ["I was born in Ostrava", "[forgotten]", "I like plums"]
    told = await place.database.read(ANN, partial(events.read, thread_id=thread.id))
    assert [each.type for each in told] == [
        *("run.started", "text.delta", "run.completed"),
        *("run.started", "gap", "run.completed"),
        *("run.started", "text.delta", "run.completed"),
    ]


async def test_a_fact_is_forgotten_and_others_stay(place: Place) -> None:
    def tell(tx: Tx) -> list[str]:
        statements = [
            Statement(subject="user", predicate="pet.name", value='"Zyxomma"'),
            Statement(subject="user", predicate="city", value='"Lyon"'),
        ]
        return [each.fact_id for each in facts.put(tx, OF_ANN, statements)]

    pet, city = await place.database.write(ANN, tell)
    report = await place.forgetting.forget(ANN, OF_ANN, Forget(facts=[pet]))
    assert report.counts == {"facts": 1}
    assert await place.clean("Zyxomma", ids=(pet,))
    assert not await place.clean("Lyon", ids=(city,))


async def test_a_forgotten_thread_takes_its_memories_facts_and_bytes_along(place: Place) -> None:
    said = ["The launch word is Kwyjibo", "My badge says 55-ab-77"]
    thread, ids = await place.database.write(ANN, partial(conversation, said=said))
    blob = place.forgetting.files.put("default", b"a picture of Kwyjibo", "image/png")  # pyright: ignore[reportOptionalMemberAccess] -- set by the fixture

    def more(tx: Tx) -> None:
        blobs.add(tx, blob, holder=thread.id)
        facts.put(
            tx,
            OF_ANN,
            [Statement(subject="user", predicate="badge", value='"55-ab-77"', message_id=ids[1])],
        )

    await place.database.write(ANN, more)
    # Files that were put since the forgetting began might be about to be used.
    backdate(place.folder / "blobs")

    report = await place.forgetting.forget(ANN, OF_ANN, Forget(threads=[thread.id]))

    assert report.counts["threads"] == 1
    assert report.counts["memories"] == 2
    assert report.counts["facts"] == 1
    assert await place.clean("Kwyjibo", "55-ab-77", ids=(thread.id, *ids))
    assert not [path for path in (place.folder / "blobs").rglob("*") if path.is_file()]


def backdate(folder: Path) -> None:
    import os
    import time

    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 60, time.time() - 60))


async def test_nothing_of_a_forgotten_user_is_left_and_another_keeps_everything(
    place: Place,
) -> None:
    said = ["My passport is XK-4471", "I moved to Reykjavik last winter"]
    key = KeyRing([MasterKey.fresh()])
    for who, owner in ((ANN, OF_ANN), (BOB, OF_BOB)):
        await place.database.write(who, partial(conversation, said=said))
        await place.database.write(who, partial(everything_else, owner=owner, key=key))
    shared = await place.database.write(BOB, partial(conversation, said=["What did Ann say?"]))
    await place.database.write(BOB, partial(ann_speaks, thread=shared[0]))
    if place.database.dialect == "sqlite":
        take_snapshot(place.folder)

    report = await place.forgetting.forget(ANN, OF_ANN, Forget(everything=True))

    assert report.counts["threads"] == 1
    assert len(report.files) == (1 if place.database.dialect == "sqlite" else 0)
    remains = await place.remains("Ann whispers sesame-19", "ann-7731", owner=OF_ANN)
    assert [each for each in remains.searched if each.found] == []
    assert remains.clean
    assert remains.outside
    assert await found(place, "passport Reykjavik", OF_BOB) != []
    kept = await place.database.read(BOB, partial(facts.history, owner=OF_BOB))
    assert len(kept.items) == 1
    names = await place.database.read(BOB, partial(secrets.names, owner="bob-4410"))
    assert list(names) == ["key"]


def everything_else(tx: Tx, owner: str, key: KeyRing) -> None:
    user = owner.removeprefix("user:")
    facts.put(tx, owner, [Statement(subject="user", predicate="city", value='"Reykjavik"')])
    secrets.put(tx, key, "key", "value", owner=user)
    number = passages.match(tx, [owner], "memory", words("passport"))[0][0]
    vectors.put(tx, owner, "memory", "m", "turn", made=[(number, [0.5] * 4)])


def ann_speaks(tx: Tx, thread: Thread) -> None:
    message = user_message("Ann whispers sesame-19", author="ann-7731")
    messages.insert(tx, message.model_copy(update={"thread_id": thread.id}), place="next")


def take_snapshot(folder: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "muxi.db")) as connection:
        Snapshots(folder / "snapshots").take(connection, 2)


async def test_a_span_of_time_is_forgotten_and_what_lies_around_it_stays(place: Place) -> None:
    said = ["On the first day I ate sorrel", "Then I told of the affair at Gorky", "Then I slept"]
    _, ids = await place.database.write(ANN, partial(conversation, said=said))
    span = Forget(since=START + timedelta(seconds=30), until=START + timedelta(seconds=90))

    dry = await place.forgetting.forget(ANN, OF_ANN, span, dry_run=True)
    assert dry.counts == {"memories": 1, "messages blanked": 1, "facts": 0}
    assert not await place.clean("affair at Gorky")

    await place.forgetting.forget(ANN, OF_ANN, span)
    assert await place.clean("affair at Gorky")
    assert await found(place, "sorrel") == [memory_id(ids[0])]


async def test_what_is_not_ones_own_cannot_be_forgotten(place: Place) -> None:
    thread, ids = await place.database.write(ANN, partial(conversation, said=["I am Ann here"]))
    with pytest.raises(AccessDenied):
        await place.forgetting.forget(BOB, OF_ANN, Forget(everything=True))
    with pytest.raises(NotFound):
        await place.forgetting.forget(BOB, OF_BOB, Forget(memories=[memory_id(ids[0])]))
    with pytest.raises(NotFound):
        await place.forgetting.forget(BOB, OF_BOB, Forget(threads=[thread.id]))
    with pytest.raises(InvalidInput):
        await place.forgetting.forget(BOB, OF_BOB, Forget())


async def test_what_was_begun_is_gone_through_with_at_the_next_start(place: Place) -> None:
    await place.database.write(ANN, partial(conversation, said=["The word is Brobdingnag"]))
    breaking = Forgetting(database=place.database, files=place.forgetting.files)

    def break_down(_: str, __: str) -> None:
        raise InterruptedError

    breaking.listeners.append(break_down)
    with pytest.raises(InterruptedError):
        await breaking.forget(ANN, OF_ANN, Forget(everything=True))
    assert len((await place.remains(owner=OF_ANN)).pending) == 1

    (done,) = await place.forgetting.resume()

    assert done.counts["threads"] == 1
    assert await place.clean("Brobdingnag", owner=OF_ANN)
    assert await place.forgetting.resume() == []


async def test_pieces_of_texts_go_and_the_whole_of_them_stays(place: Place) -> None:
    thread, _ = await place.database.write(ANN, partial(conversation, said=["a", "b"]))
    run = (await place.database.read(ANN, partial(runs.page, thread_id=thread.id))).items[0]

    for _ in range(2):
        await place.database.write(
            WHOLE,
            partial(thin, thread_id=thread.id, run_ids=[run.id], keep=whole_events),
        )
        told = await place.database.read(
            ANN, partial(events.read, thread_id=thread.id, run_id=run.id)
        )
        assert [each.type for each in told] == ["run.started", "gap", "run.completed"]
    assert told[1].seq == told[0].seq + 1


async def test_no_dead_tuple_is_left_after_the_owner_of_the_tables_has_vacuumed(
    postgres: PostgresServer, address: PostgresAddress
) -> None:
    postgres.clean(address)
    database = await open_database(address.url, owner_url=address.owner_url, pool=3)
    try:
        said = ["My passport is XK-4471", "I moved to Reykjavik last winter"]
        await database.write(ANN, partial(conversation, said=said))
        report = await Forgetting(database=database).forget(ANN, OF_ANN, Forget(everything=True))
        assert not any("Dead tuples" in each for each in report.outside)
    finally:
        await database.close()
    assert dead_tuples(address) == []


def dead_tuples(address: PostgresAddress) -> list[str]:
    """Tables in which another vacuum finds something to remove, as it tells."""
    told: list[str] = []
    found: list[str] = []
    with psycopg.connect(address.owner_url, autocommit=True) as owner:
        owner.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        for table in metadata.sorted_tables:
            told.clear()
            owner.execute(f"VACUUM (VERBOSE) {table.name}")
            (counts,) = re.findall(r"tuples: (\d+) removed.*?(\d+) are dead", "\n".join(told))[:1]
            # Its own row says since then that the forgetting is whole.
            if counts != ("0", "0") and table.name != "forgettings":
                found.append(f"{table.name}: {counts}")
    return found


async def test_without_the_owner_of_the_tables_the_report_names_dead_tuples(
    postgres: PostgresServer, address: PostgresAddress
) -> None:
    postgres.clean(address)
    database = await open_database(address.url, pool=2)
    try:
        await database.write(ANN, partial(conversation, said=["I live in Reykjavik"]))
        report = await Forgetting(database=database).forget(ANN, OF_ANN, Forget(everything=True))
        assert any("Dead tuples" in each for each in report.outside)
        assert any("write-ahead log" in each for each in report.outside)
    finally:
        await database.close()


async def test_a_deleted_thread_takes_along_what_was_drawn_from_it(place: Place) -> None:
    said = ["The password of the lighthouse is Amaranth", "I like plums"]
    thread, ids = await place.database.write(ANN, partial(conversation, said=said))
    await place.forgetting.drop_thread(ANN, OF_ANN, thread.id)
    assert await found(place, "lighthouse password") == []
    remains = await place.remains(ids=(thread.id, *ids))
    assert [each for each in remains.searched if each.found] == []


async def test_a_text_that_is_too_short_to_be_looked_for_is_named_as_such(place: Place) -> None:
    report = await place.remains("Ann", owner=OF_ANN)
    assert any("fewer than 4 characters (1)" in line for line in report.outside)
    assert not any(each.by == "text" for each in report.searched)


async def test_every_column_that_may_hold_an_owner_or_an_id_is_looked_through() -> None:
    """A table that comes later must be known to the forgetting and to its proof."""
    looked = {
        (table, column) for table, column, _, _ in Needles(owner=OF_ANN, ids=("mem_1",)).looks()
    }
    named = {"owner", "principal", "author", "speaker", "thread_id", "group_id", "holder"}
    there = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name in named
    }
    # Whose memory an id leads to is held by the row that has the id; processes hold leases.
    elsewhere = {("sequences", "thread_id"), ("usage", "thread_id")}
    elsewhere |= {("leases", "holder"), ("idempotency_keys", "holder")}
    assert there - looked <= elsewhere


async def test_a_file_that_moves_while_all_are_looked_through_is_found_where_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    coming, there = tmp_path / "unfinished" / "upload", tmp_path / "blobs"
    coming.parent.mkdir()
    there.mkdir()
    coming.write_text("a heliotrope parrot")

    def looked(path: Path, texts: list[bytes]) -> list[int]:
        if coming.exists():
            coming.rename(there / "whole")
            coming.parent.rmdir()
        return texts_in(path, texts)

    monkeypatch.setattr("muxi.memory.remains.texts_in", looked)
    verifier = Verifier(database=database, folder=tmp_path)
    remains = await verifier.verify("default", None, texts=["heliotrope parrot"])
    await database.close()
    assert [each.place for each in remains.searched if each.found] == ["blobs/whole"]
