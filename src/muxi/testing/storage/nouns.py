"""The nouns: what goes in comes out, unknown fields and difficult texts included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import InvalidInput, NotFound, SecretMissing, StorageError
from muxi.core.messages import Message, TextPart, ToolCallPart
from muxi.core.steps import Step
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.storage import agents, blobs, messages, runs, secrets, steps, threads
from muxi.storage import usage as usage_rows
from muxi.storage.blobs import Blob
from muxi.storage.master_keys import KeyRing, MasterKey
from muxi.storage.transaction import Database, Scope, Tx
from muxi.testing.storage.samples import ANN, a_message, a_run, a_thread

DIFFICULT = {
    "NUL": "before\0after",
    "emoji": "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{GIRL} \N{REGIONAL INDICATOR SYMBOL LETTER D}",
    "right to left": "\u202eשלום עולם\u202c مرحبا",
    "every control": "".join(map(chr, range(32))) + "\x7f\x85\u2028",
    "quotes": "'\"`\\%s :name $1 -- ; {}",
    "five megabytes": "0123456789abcdé\0" * 330_000,
}


class NounConformance:
    """Inherit it through `StorageConformance`."""

    @pytest.mark.parametrize("kind", DIFFICULT)
    async def test_difficult_texts_come_back_as_they_were(
        self, database: Database, kind: str
    ) -> None:
        text = DIFFICULT[kind]
        thread = Thread(owner="ann", title=text[:1000], metadata={"k": text[:1000]})
        await database.write(ANN, lambda tx: threads.create(tx, thread))
        message = a_message(thread, text)
        message.author = text[:1000]
        await database.write(ANN, lambda tx: messages.insert(tx, message))
        back, path = await database.read(
            ANN, lambda tx: (threads.get(tx, thread.id), messages.path_to_leaf(tx, thread.id))
        )
        assert (back.title, back.metadata) == (thread.title, thread.metadata)
        assert path == [message]

    async def test_lone_surrogates_are_replaced_and_lose_nothing_else(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        message = Message(
            role="assistant",
            parts=[ToolCallPart(id="c", name="t", arguments={"a\ud800": ["b\udfff", 1, None]})],
            thread_id=thread.id,
            metadata={"x": "\ud83d"},
        )
        await database.write(ANN, lambda tx: messages.insert(tx, message))
        back = await database.read(ANN, lambda tx: messages.get(tx, message.id))
        assert back.tool_calls[0].arguments == {"a\ufffd": ["b\ufffd", 1, None]}
        assert back.metadata == {"x": "\ufffd"}

    async def test_fields_that_this_version_does_not_know_are_kept(
        self, database: Database
    ) -> None:
        future: dict[str, Any] = {"from_the_future": {"deep": [1, None, "x"]}}
        thread = Thread.model_validate({"owner": "ann", **future})
        await database.write(ANN, lambda tx: threads.create(tx, thread))
        part = {"type": "hologram", "beam": 3}
        message = Message.model_validate(
            {"role": "user", "parts": [part], "thread_id": thread.id, **future}
        )
        await database.write(ANN, lambda tx: messages.insert(tx, message))
        run = await a_run(database, thread)
        changed = Run.model_validate(run.model_dump() | {"status": "completed"} | future)
        await database.write(ANN, lambda tx: runs.update(tx, changed))
        await database.write(ANN, lambda tx: threads.update(tx, threads.get(tx, thread.id)))

        def extras(tx: Tx) -> list[Any]:
            stored = messages.get(tx, message.id)
            assert stored.parts[0].model_dump(exclude_none=True) == part
            nouns = (threads.get(tx, thread.id), stored, runs.get(tx, run.id))
            return [noun.model_extra for noun in nouns]

        assert await database.read(ANN, extras) == [future] * 3

    async def test_threads_are_listed_by_their_latest_activity(self, database: Database) -> None:
        made = [await a_thread(database) for _ in range(5)]
        await database.write(
            ANN, lambda tx: messages.insert(tx, a_message(made[1], "the latest word"))
        )
        expected = [made[1].id, *(thread.id for thread in reversed(made) if thread != made[1])]
        found: list[str] = []
        after = None
        while True:
            page = await database.read(
                ANN, lambda tx, at=after: threads.page(tx, after=at, limit=2)
            )
            found += [thread.id for thread in page.items]
            if (after := page.next) is None:
                break
        assert found == expected
        with pytest.raises(InvalidInput):
            await database.read(ANN, lambda tx: threads.page(tx, after="nonsense"))

    async def test_a_thread_can_be_renamed_and_deleted_with_all_that_is_in_it(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        run = await a_run(database, thread)
        thread = await database.read(ANN, lambda tx: threads.get(tx, thread.id))
        thread.title = "renamed"
        await database.write(ANN, lambda tx: threads.update(tx, thread))
        assert (await database.read(ANN, lambda tx: threads.get(tx, thread.id))).title == "renamed"
        await database.write(ANN, lambda tx: threads.delete(tx, thread.id))
        with pytest.raises(NotFound):
            await database.read(ANN, lambda tx: threads.get(tx, thread.id))
        with pytest.raises(NotFound):
            await database.read(ANN, lambda tx: runs.get(tx, run.id))
        with pytest.raises(NotFound):
            await database.read(ANN, lambda tx: messages.get(tx, run.input_id or ""))
        with pytest.raises(NotFound):
            await database.write(ANN, lambda tx: threads.update(tx, thread))

    async def test_a_thread_is_a_tree_with_a_current_leaf(self, database: Database) -> None:
        thread = await a_thread(database)
        root, left, right = (a_message(thread, text) for text in ("root", "left", "right"))
        left.parent_id = right.parent_id = root.id
        for message in (root, left, right):
            await database.write(ANN, lambda tx, message=message: messages.insert(tx, message))

        def texts(tx: Tx, leaf: str | None = None, limit: int | None = None) -> list[str]:
            path = messages.path_to_leaf(tx, thread.id, leaf_id=leaf, limit=limit)
            return [message.text for message in path]

        assert await database.read(ANN, texts) == ["root", "right"]
        assert await database.read(ANN, lambda tx: texts(tx, left.id)) == ["root", "left"]
        assert await database.read(ANN, lambda tx: texts(tx, limit=1)) == ["right"]
        await database.write(ANN, lambda tx: threads.move_leaf(tx, thread.id, left.id))
        assert await database.read(ANN, texts) == ["root", "left"]
        children = await database.read(ANN, lambda tx: messages.children(tx, thread.id, root.id))
        assert children == [left, right]
        roots = await database.read(ANN, lambda tx: messages.children(tx, thread.id, None))
        assert roots == [root]

    async def test_runs_are_listed_and_end(self, database: Database) -> None:
        thread, other = await a_thread(database), await a_thread(database)
        first, second = await a_run(database, thread), await a_run(database, thread)
        await a_run(database, other)
        first.status = "completed"
        first.output = {"answer": [1, None]}
        await database.write(ANN, lambda tx: runs.update(tx, first))
        await database.write(ANN, lambda tx: runs.set_status(tx, second.id, "waiting"))

        def listed(tx: Tx) -> tuple[list[str], list[str], int]:
            page = runs.page(tx, thread_id=thread.id, limit=1)
            rest = runs.page(tx, thread_id=thread.id, after=page.next, limit=1)
            assert rest.next is None
            waiting = runs.page(tx, status="waiting").items
            return (
                [run.id for run in (*page.items, *rest.items)],
                [run.id for run in waiting],
                len(runs.unfinished(tx)),
            )

        assert await database.read(ANN, listed) == ([second.id, first.id], [second.id], 2)
        back = await database.read(ANN, lambda tx: runs.get(tx, first.id))
        assert (back.output, back.finished_at) == (first.output, first.finished_at)
        with pytest.raises(NotFound):
            await database.write(ANN, lambda tx: runs.update(tx, Run(thread_id="t", agent="a")))

    async def test_steps_keep_number_attempt_state_and_result(self, database: Database) -> None:
        run = await a_run(database, await a_thread(database))
        ask = Step(run_id=run.id, key="approval:\0c", kind="approval", name="t", number=1)
        ask.question_id = "apr_1"
        call = Step(run_id=run.id, key="tool:c", kind="tool", name="t", number=2, input_hash="h")
        for step in (ask, call):
            await database.write(ANN, lambda tx, step=step: steps.put(tx, step))
        ask.state = "suspended"
        await database.write(ANN, lambda tx: steps.close(tx, ask))
        call.attempt, call.state, call.result = 2, "done", {"content": None}
        await database.write(ANN, lambda tx: steps.put(tx, call))
        assert await database.read(ANN, lambda tx: steps.of_run(tx, run.id)) == [ask, call]
        assert await database.read(ANN, lambda tx: steps.get(tx, run.id, ask.key)) == ask
        assert await database.read(ANN, lambda tx: steps.suspended(tx, run.id)) == [ask]
        assert await database.read(ANN, lambda tx: steps.get(tx, run.id, "tool:none")) is None

    async def test_agents_have_immutable_versions(self, database: Database) -> None:
        first = AgentDefinition(name="a", instructions="one")
        second = AgentDefinition(name="a", instructions="two")
        for definition in (first, second, first):
            await database.write(ANN, lambda tx, d=definition: agents.choose(tx, d))
        assert await database.read(ANN, lambda tx: agents.get(tx, "a")) == first
        assert await database.read(ANN, lambda tx: agents.get(tx, "a", second.hash)) == second
        versions = await database.read(ANN, lambda tx: agents.versions(tx, "a"))
        assert [(v.number, v.hash, v.author) for v in versions] == [
            (2, second.hash, "ann"),
            (1, first.hash, "ann"),
        ]
        await database.write(ANN, lambda tx: agents.retire(tx, "a"))
        assert await database.read(ANN, agents.listed) == []
        assert await database.read(ANN, lambda tx: agents.get(tx, "a", first.hash)) == first
        with pytest.raises(NotFound):
            await database.read(ANN, lambda tx: agents.get(tx, "a"))

    async def test_usage_is_summed_and_outlives_its_thread(self, database: Database) -> None:
        thread = await a_thread(database)
        began = datetime.now(UTC) - timedelta(minutes=1)
        for cost in (Decimal("0.000000001"), Decimal("1.5"), None):
            run = await a_run(database, thread)
            used = Usage(requests=2, input_tokens=10, cost=cost)
            await database.write(
                ANN, lambda tx, r=run, u=used: usage_rows.put(tx, r, u, model="p/m")
            )
            assert await database.read(ANN, lambda tx, r=run: usage_rows.of_run(tx, r.id)) == [used]
        await database.write(ANN, lambda tx: threads.delete(tx, thread.id))
        since = round(began.timestamp() * 1_000_000)
        total = await database.read(ANN, lambda tx: usage_rows.total(tx, since=since, model="p/m"))
        assert (total.runs, total.usage.requests, total.usage.input_tokens) == (3, 6, 30)
        assert total.usage.cost is None
        assert total.known_cost == Decimal("1.500000001")
        none = await database.read(ANN, lambda tx: usage_rows.total(tx, agent="other"))
        assert (none.runs, none.usage.cost) == (0, Decimal(0))

    async def test_blobs_are_counted_by_their_users(self, database: Database) -> None:
        one, two = await a_thread(database), await a_thread(database)
        blob = Blob("sha256:" + "a" * 64, 7, "image/png")
        for holder in (one.id, two.id, two.id):
            await database.write(ANN, lambda tx, at=holder: blobs.add(tx, blob, holder=at))
        assert await database.read(ANN, lambda tx: blobs.references(tx, blob.hash)) == 2
        await database.write(ANN, lambda tx: threads.delete(tx, one.id))
        assert await database.read(ANN, lambda tx: blobs.get(tx, blob.hash)) == blob
        with pytest.raises(NotFound):
            await database.read(Scope(ANN.tenant, "bob"), lambda tx: blobs.get(tx, blob.hash))
        await database.write(ANN, lambda tx: threads.delete(tx, two.id))
        assert await database.read(ANN, blobs.hashes) == set()

    async def test_secrets_are_sealed_and_survive_a_new_master_key(
        self, database: Database
    ) -> None:
        old = KeyRing([MasterKey.fresh()])
        both = old.renewed()
        new = KeyRing([both.current])
        value = "s3cret \0 \N{KEY}"
        for owner in ("", "ann"):
            await database.write(
                ANN, lambda tx, o=owner: secrets.put(tx, old, "K", value + o, owner=o)
            )
        stored = await database.read(ANN, lambda tx: tx.raw("SELECT * FROM secrets"))
        assert "s3cret" not in repr(stored)
        rewrap = partial(secrets.rewrap, keys=both, limit=2)
        assert [await database.write(ANN, rewrap) for _ in range(2)] == [2, 0]
        assert await database.read(ANN, lambda tx: secrets.get(tx, new, "K", owner="ann")) == (
            value + "ann"
        )
        with pytest.raises(StorageError):
            await database.read(ANN, lambda tx: secrets.get(tx, old, "K"))
        other = KeyRing([MasterKey.fresh()])
        with pytest.raises(StorageError, match="another master key"):
            await database.write(ANN, partial(secrets.rewrap, keys=other, limit=9))
        assert list(await database.read(ANN, secrets.names)) == ["K"]
        await database.write(ANN, lambda tx: secrets.delete(tx, "K"))
        with pytest.raises(SecretMissing):
            await database.read(ANN, lambda tx: secrets.get(tx, new, "K"))

    async def test_a_message_keeps_its_parts(self, database: Database) -> None:
        thread = await a_thread(database)
        message = Message(role="tool", parts=[TextPart(text="")], thread_id=thread.id)
        await database.write(ANN, lambda tx: messages.insert(tx, message, place="aside"))
        assert await database.read(ANN, lambda tx: messages.get(tx, message.id)) == message
        assert await database.read(ANN, lambda tx: messages.leaf(tx, thread.id)) is None
