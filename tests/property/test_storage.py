"""Whatever the tree and whatever the pieces: what was stored is what is read."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from muxi.core.events import Event, ReasoningDelta, TextDelta, ToolCallDelta
from muxi.core.messages import Message, TextPart
from muxi.core.threads import Thread
from muxi.storage import events, messages, threads
from muxi.storage.database import Scope, open_database
from muxi.storage.records import cursor, place
from muxi.testing.storage.samples import ANN, NOBODY, a_journal, a_thread

TEXT = st.text(max_size=30)
DELTA = st.one_of(
    st.builds(TextDelta, index=st.integers(0, 2), text=TEXT),
    st.builds(ReasoningDelta, index=st.integers(0, 2), text=TEXT),
    st.builds(ToolCallDelta, index=st.integers(0, 2), call_id=TEXT, text=TEXT),
)


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.tuples(DELTA, st.integers(1, 3), st.booleans()), max_size=40),
    since=st.integers(0, 100),
    limit=st.integers(1, 50),
)
def test_chunks_give_back_every_piece_and_number(
    pieces: list[tuple[Event, int, bool]], since: int, limit: int
) -> None:
    async def check() -> None:
        database = await open_database("sqlite://")
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        seq, sent = 0, []
        for event, step, flush in pieces:
            seq += step
            event.seq, event.run_id = seq, journal.run.id
            sent.append(event)
            journal.record(NOBODY, event)
            if flush:
                await journal.flush()
        await journal.flush()
        read = await database.read(
            ANN, lambda tx: events.read(tx, thread.id, since=since, limit=limit)
        )
        expected = [event for event in sent if event.seq > since][:limit]
        assert [e.model_dump_json() for e in read] == [e.model_dump_json() for e in expected]
        await database.close()

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(
    parents=st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=1, max_size=40),
    tenants=st.lists(st.sampled_from(["one", "two"]), min_size=40, max_size=40),
)
def test_the_path_to_any_leaf_of_any_tree_is_right(
    parents: list[int | None], tenants: list[str]
) -> None:
    async def check() -> None:
        database = await open_database("sqlite://")
        model: dict[str, dict[str, Any]] = {"one": {}, "two": {}}
        for tenant in model:
            scope = Scope(tenant, "ann")
            await database.write(scope, lambda tx: threads.create(tx, Thread(id="thr_same")))
        for number, (parent, tenant) in enumerate(zip(parents, tenants, strict=False)):
            known = list(model[tenant])
            parent_id = known[parent % len(known)] if known and parent is not None else None
            message = Message(
                id=f"msg_{len(known):04}",
                role="user",
                parts=[TextPart(text=f"{tenant} {number}")],
                thread_id="thr_same",
                parent_id=parent_id,
            )
            await database.write(Scope(tenant, "ann"), lambda tx, m=message: messages.insert(tx, m))
            model[tenant][message.id] = message
        for tenant, tree in model.items():
            for leaf in tree:
                expected = []
                at: str | None = leaf
                while at is not None:
                    expected.insert(0, tree[at])
                    at = tree[at].parent_id
                found = await database.read(
                    Scope(tenant, "ann"),
                    lambda tx, leaf=leaf: messages.path_to_leaf(tx, "thr_same", leaf_id=leaf),
                )
                assert found == expected
        await database.close()

    asyncio.run(check())


@given(st.lists(st.one_of(st.integers(), st.text().filter(lambda t: "\n" not in t)), min_size=1))
def test_a_cursor_gives_back_what_it_was_made_of(values: list[int | str]) -> None:
    try:
        made = cursor(*values)
    except UnicodeEncodeError:
        return
    assert place(made, len(values)) == [str(value) for value in values]
