"""Tenants and principals: the same ids side by side, and nobody sees what is not theirs."""

from __future__ import annotations

import pytest

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import InvalidInput, NotFound, SecretMissing
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.storage import agents, blobs, events, leases, messages, runs, secrets, steps, threads
from muxi.storage import usage as usage_rows
from muxi.storage.blobs import Blob
from muxi.storage.master_keys import KeyRing, MasterKey
from muxi.storage.transaction import Database, Scope, Tx
from muxi.testing.storage.samples import a_message, a_thread

HERE = Scope("here", "ann")
THERE = Scope("there", "ann")


class TenantConformance:
    """Inherit it through `StorageConformance`."""

    async def test_two_tenants_with_the_same_ids_never_see_each_other(
        self, database: Database
    ) -> None:
        key = KeyRing([MasterKey.fresh()])
        for scope in (HERE, THERE):
            await database.write(scope, lambda tx: _fill(tx, key))
        for scope in (HERE, THERE):
            seen = await database.read(scope, lambda tx: _see(tx, key))
            assert seen == [scope.tenant] * len(seen)
        await database.write(HERE, lambda tx: threads.delete(tx, "thr_same"))
        seen = await database.read(THERE, lambda tx: _see(tx, key))
        assert seen == [THERE.tenant] * len(seen)

    async def test_a_principal_sees_only_threads_it_takes_part_in(self, database: Database) -> None:
        ann, bob, tenant = HERE, Scope("here", "bob"), Scope("here", None)
        thread = await a_thread(database, ann)
        message = a_message(thread, "for ann")
        await database.write(ann, lambda tx: messages.insert(tx, message))
        run = Run(thread_id=thread.id, agent="a", input_id=message.id)
        await database.write(ann, lambda tx: runs.create(tx, run))

        def visible(tx: Tx) -> tuple[int, int, int, int]:
            return (
                len(threads.page(tx).items),
                len(messages.path_to_leaf(tx, thread.id)),
                len(runs.page(tx).items),
                len(runs.unfinished(tx)),
            )

        assert await database.read(ann, visible) == (1, 1, 1, 1)
        assert await database.read(tenant, visible) == (1, 1, 1, 1)
        assert await database.read(bob, visible) == (0, 0, 0, 0)
        with pytest.raises(NotFound):
            await database.write(bob, lambda tx: threads.delete(tx, thread.id))
        with pytest.raises(NotFound):
            await database.read(bob, lambda tx: messages.get(tx, message.id))
        await database.write(ann, lambda tx: threads.join(tx, thread.id, "bob"))
        assert await database.read(bob, visible) == (1, 1, 1, 1)
        assert await database.read(bob, lambda tx: threads.participants(tx, thread.id)) == {
            "ann": "owner",
            "bob": "member",
        }
        await database.write(ann, lambda tx: threads.leave(tx, thread.id, "bob"))
        assert await database.read(bob, visible) == (0, 0, 0, 0)

    async def test_a_system_job_learns_which_tenants_there_are(self, database: Database) -> None:
        for scope in (HERE, THERE):
            await a_thread(database, scope)
        assert await database.tenants("recovery") == ["here", "there"]

    async def test_a_scope_without_a_tenant_is_refused(self, database: Database) -> None:
        for tenant in ("", "a\0b"):
            with pytest.raises(InvalidInput):
                Scope(tenant, "ann")


def _fill(tx: Tx, key: KeyRing) -> None:
    """One of each noun, bearing the name of its tenant."""
    name = tx.scope.tenant
    thread = threads.create(tx, Thread(id="thr_same", title=name, owner="ann"))
    message = a_message(thread, name)
    message.id = "msg_same"
    messages.insert(tx, message)
    run = runs.create(tx, Run(id="run_same", thread_id=thread.id, agent=name))
    leases.acquire(tx, "run", run.id, name)
    usage_rows.put(tx, run, Usage(requests=1))
    agents.choose(tx, AgentDefinition(name="same", description=name))
    blobs.add(tx, Blob("sha256:" + "0" * 64, 1, name), holder=thread.id)
    secrets.put(tx, key, "same", name)


def _see(tx: Tx, key: KeyRing) -> list[str | None]:
    """What each noun says its tenant is; a thread that was deleted says nothing."""
    found: list[str | None] = [
        *(thread.title for thread in threads.page(tx).items),
        *(message.text for message in messages.of_thread(tx, "thr_same")),
        *(run.agent for run in runs.page(tx).items),
        *(run.agent for run in runs.unfinished(tx)),
        *(definition.description for definition in agents.listed(tx)),
    ]
    try:
        found.append(secrets.get(tx, key, "same"))
    except SecretMissing:
        found.append(None)
    assert usage_rows.total(tx).runs == 1
    assert list(steps.open_questions(tx).items) == []
    assert events.read(tx, "thr_same") == []
    return found
