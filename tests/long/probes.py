"""Random calls of the store's functions in one of two tenants that use the same ids, with a model.

The model is what the tenant must hold. Everything that is written bears the mark of its tenant,
and everything that is read is compared with the model: a row of the other tenant, or one that the
other tenant has changed or deleted, differs from it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import MuxiError, NotFound, SecretMissing
from muxi.core.events import TextDelta
from muxi.core.ids import new_id
from muxi.core.messages import Message, TextPart
from muxi.core.steps import Step
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.storage import (
    agents,
    blobs,
    events,
    leases,
    messages,
    runs,
    secrets,
    sequences,
    steps,
    threads,
    usage,
)
from muxi.storage.blobs import Blob
from muxi.storage.master_keys import KeyRing, MasterKey
from muxi.storage.transaction import Tx

PEOPLE = ("ann", "bob")
THREADS = tuple(f"thr_{n}" for n in range(5))
RUNS = tuple(f"run_{n}" for n in range(6))
NAMES = ("one", "two")
HASHES = tuple(f"sha256:{n:064d}" for n in range(3))
_KEY = KeyRing([MasterKey(bytes(32))])
_MOST_MESSAGES = 12

TABLES = (
    *("threads", "participants", "messages", "runs", "steps", "events", "sequences", "leases"),
    *("blobs", "blob_uses", "secrets", "agents", "agent_versions", "usage"),
)
"""Every table that has rows of tenants."""


@dataclass
class Kept:
    """A thread as the model knows it."""

    owner: str
    people: set[str]
    title: str
    messages: dict[str, str] = field(default_factory=dict[str, str])
    """Text by id, in the order in which they were stored."""
    runs: dict[str, str] = field(default_factory=dict[str, str])
    """Agent by run."""
    steps: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Name by run and key."""
    seqs: list[int] = field(default_factory=list[int])
    next_seq: int = 1
    blobs: set[str] = field(default_factory=set[str])


@dataclass
class Tenant:
    """One tenant and what it must hold."""

    name: str
    chance: random.Random
    threads: dict[str, Kept] = field(default_factory=dict[str, Kept])
    agents: dict[str, str] = field(default_factory=dict[str, str])
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    fences: dict[str, int] = field(default_factory=dict[str, int])
    used: dict[str, str] = field(default_factory=dict[str, str])
    """Who used something, by run; that outlives the thread."""
    count: int = 0

    def probe(self, tx: Tx, *, writes: bool) -> None:
        """One random call. What it writes and reads is compared with the model."""
        self.count += 1
        chosen = self.chance.choice(_WRITES if writes else _READS)
        chosen(self, tx)

    def mark(self) -> str:
        """A text that no other tenant has, and that tells when it was written."""
        return f"{self.name} {self.count}"

    def sees(self, tx: Tx, thread: str) -> Kept | None:
        """The thread, if there is one that the scope may see."""
        kept = self.threads.get(thread)
        person = tx.scope.principal
        return kept if kept is not None and (person is None or person in kept.people) else None

    def seen(self, tx: Tx) -> dict[str, Kept]:
        return {ref: kept for ref, kept in self.threads.items() if self.sees(tx, ref)}

    def home(self, run: str) -> str | None:
        """The thread that a run belongs to."""
        return next((ref for ref, kept in self.threads.items() if run in kept.runs), None)


def same(found: Any, wanted: Any, what: str) -> None:
    """Fail unless the store says what the model says."""
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, and {wanted!r} was stored")


def missing(call: Callable[[], object], what: str) -> None:
    """Fail unless the store says that there is no such thing."""
    try:
        found = call()
    except (NotFound, SecretMissing):
        return
    raise AssertionError(f"{what}: found {found!r}, and nothing is to be seen")


def create_thread(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(THREADS)
    if ref in tenant.threads:
        return
    owner = tx.scope.principal or "ann"
    kept = tenant.threads[ref] = Kept(owner, {owner}, tenant.mark())
    threads.create(tx, Thread(id=ref, title=kept.title, owner=owner))


def rename_thread(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(THREADS)
    kept = tenant.sees(tx, ref)
    if kept is None:
        missing(lambda: threads.update(tx, Thread(id=ref, title="foreign")), f"rename {ref}")
        return
    thread = threads.get(tx, ref)
    thread.title = kept.title = tenant.mark()
    threads.update(tx, thread)


def delete_thread(tenant: Tenant, tx: Tx) -> None:
    if tenant.chance.random() > 0.3:
        return
    ref = tenant.chance.choice(THREADS)
    kept = tenant.sees(tx, ref)
    if kept is None:
        missing(lambda: threads.delete(tx, ref), f"delete {ref}")
        return
    threads.delete(tx, ref)
    del tenant.threads[ref]
    for name in (ref, *kept.runs):
        tenant.fences.pop(name, None)


def join_or_leave(tenant: Tenant, tx: Tx) -> None:
    ref, who = tenant.chance.choice(THREADS), tenant.chance.choice(PEOPLE)
    kept = tenant.sees(tx, ref)
    if kept is None:
        missing(lambda: threads.join(tx, ref, who), f"join {ref}")
    elif who not in kept.people:
        threads.join(tx, ref, who)
        kept.people.add(who)
    elif len(kept.people) > 1:
        threads.leave(tx, ref, who)
        kept.people.discard(who)


def add_message(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(THREADS)
    kept = tenant.sees(tx, ref)
    if kept is None or len(kept.messages) >= _MOST_MESSAGES:
        return
    # The place in the thread makes the id: the other tenant comes to the very same ones.
    number = len(kept.messages)
    text = tenant.mark()
    parent = f"msg_{ref}_{number - 1:02}" if number else None
    message = Message(
        id=f"msg_{ref}_{number:02}",
        role="user",
        parts=[TextPart(text=text)],
        thread_id=ref,
        parent_id=parent,
    )
    messages.insert(tx, message)
    kept.messages[message.id] = text


def add_run(tenant: Tenant, tx: Tx) -> None:
    ref, thread = tenant.chance.choice(RUNS), tenant.chance.choice(THREADS)
    kept = tenant.sees(tx, thread)
    if kept is None or tenant.home(ref) is not None:
        return
    kept.runs[ref] = tenant.mark()
    runs.create(tx, Run(id=ref, thread_id=thread, agent=kept.runs[ref], status="running"))


def add_step(tenant: Tenant, tx: Tx) -> None:
    run, key = tenant.chance.choice(RUNS), tenant.chance.choice(NAMES)
    thread = tenant.home(run)
    kept = tenant.sees(tx, thread) if thread else None
    if kept is None or (run, key) in kept.steps:
        return
    kept.steps[run, key] = tenant.mark()
    state = tenant.chance.choice(("started", "suspended"))
    step = Step(run_id=run, key=key, kind="approval", name=kept.steps[run, key], state=state)
    step.question_id = new_id("apr")
    steps.put(tx, step)


def add_events(tenant: Tenant, tx: Tx) -> None:
    run = tenant.chance.choice(RUNS)
    thread = tenant.home(run)
    kept = tenant.sees(tx, thread) if thread else None
    if thread is None or kept is None or len(kept.seqs) > 40:
        return
    block = sequences.reserve(tx, thread, 3)
    same(block.start, kept.next_seq, f"numbers of {thread}")
    kept.next_seq = block.stop
    row = {"thread_id": thread, "root_run_id": run, "parent_run_id": None, "attempt": 1}
    event = TextDelta(run_id=run, seq=block.start, text=tenant.mark())
    chunk = events.Chunk(event, created_at=tx.now())
    chunk.add(event)
    events.insert(tx, [{**row, **chunk.row()}])
    kept.seqs.append(block.start)


def take_lease(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(RUNS)
    lease = leases.acquire(tx, "run", ref, tenant.name)
    wanted = tenant.fences.setdefault(ref, 1)
    same(lease.fence, wanted, f"fence of {ref}")
    leases.check(tx, lease)
    if tenant.chance.random() < 0.5:
        # Whoever takes it next, if only its holder of now, gets a higher number.
        leases.release(tx, lease)
        tenant.fences[ref] += 1


def use_blob(tenant: Tenant, tx: Tx) -> None:
    ref, digest = tenant.chance.choice(THREADS), tenant.chance.choice(HASHES)
    kept = tenant.sees(tx, ref)
    if kept is not None:
        blobs.add(tx, Blob(digest, 1, tenant.name), holder=ref)
        kept.blobs.add(digest)


def choose_agent(tenant: Tenant, tx: Tx) -> None:
    name = tenant.chance.choice(NAMES)
    # Few versions, so that both tenants come to have many of the same shape.
    tenant.agents[name] = f"{tenant.name} {tenant.count % 7}"
    agents.choose(tx, AgentDefinition(name=name, description=tenant.agents[name]))


def put_secret(tenant: Tenant, tx: Tx) -> None:
    name = tenant.chance.choice(NAMES)
    tenant.secrets[name] = tenant.mark()
    secrets.put(tx, _KEY, name, tenant.secrets[name])


def delete_secret(tenant: Tenant, tx: Tx) -> None:
    name = tenant.chance.choice(NAMES)
    if tenant.secrets.pop(name, None) is None:
        missing(lambda: secrets.delete(tx, name), f"delete secret {name}")
    else:
        secrets.delete(tx, name)


def put_usage(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(RUNS)
    usage.put(tx, Run(id=ref, thread_id="thr_0", agent=tenant.name), Usage(requests=1))
    tenant.used[ref] = tx.scope.principal or ""


def see_threads(tenant: Tenant, tx: Tx) -> None:
    found = {thread.id: thread.title for thread in threads.page(tx).items}
    same(found, {ref: kept.title for ref, kept in tenant.seen(tx).items()}, "threads")


def see_thread(tenant: Tenant, tx: Tx) -> None:
    ref = tenant.chance.choice(THREADS)
    kept = tenant.sees(tx, ref)
    if kept is None:
        missing(lambda: threads.get(tx, ref), ref)
        same(messages.of_thread(tx, ref), [], f"messages of {ref}")
        same(messages.leaf(tx, ref), None, f"leaf of {ref}")
        same(threads.participants(tx, ref), {}, f"participants of {ref}")
        same(events.read(tx, ref), [], f"events of {ref}")
        same(events.last_seq(tx, ref), 0, f"last event of {ref}")
        return
    same(threads.get(tx, ref).title, kept.title, ref)
    same(set(threads.participants(tx, ref)), kept.people, f"participants of {ref}")
    found = {m.id: m.text for m in messages.path_to_leaf(tx, ref)}
    same(found, kept.messages, f"path of {ref}")
    same(messages.leaf(tx, ref), next(reversed(kept.messages), None), f"leaf of {ref}")
    _all_mine(tenant, (event.text for event in _texts(tx, ref)), f"events of {ref}")  # pyright: ignore[reportAttributeAccessIssue] -- only texts were stored
    same([event.seq for event in _texts(tx, ref)], kept.seqs, f"events of {ref}")


def see_message(tenant: Tenant, tx: Tx) -> None:
    thread = tenant.chance.choice(THREADS)
    ref = f"msg_{thread}_{tenant.chance.randrange(_MOST_MESSAGES):02}"
    kept = tenant.sees(tx, thread)
    if kept is None or ref not in kept.messages:
        missing(lambda: messages.get(tx, ref), ref)
        same(messages.children(tx, thread, ref), [], f"children of {ref}")
    else:
        same(messages.get(tx, ref).text, kept.messages[ref], ref)
        answers = [m.id for m in messages.children(tx, thread, ref)]
        after = [other for other in kept.messages if other > ref][:1]
        same(answers, after, f"children of {ref}")


def see_runs(tenant: Tenant, tx: Tx) -> None:
    wanted = {ref: agent for kept in tenant.seen(tx).values() for ref, agent in kept.runs.items()}
    same({run.id: run.agent for run in runs.page(tx).items}, wanted, "runs")
    same({run.id: run.agent for run in runs.unfinished(tx)}, wanted, "unfinished runs")
    ref = tenant.chance.choice(RUNS)
    if ref in wanted:
        same(runs.get(tx, ref).agent, wanted[ref], ref)
    else:
        missing(lambda: runs.get(tx, ref), ref)
    kept = [k.steps for k in tenant.seen(tx).values()]
    names = {key: name for found in kept for key, name in found.items() if key[0] == ref}
    same({(s.run_id, s.key): s.name for s in steps.of_run(tx, ref)}, names, f"steps of {ref}")
    _all_mine(tenant, (step.name for step in steps.open_questions(tx).items), "open questions")


def see_feed(tenant: Tenant, tx: Tx) -> None:
    page = events.feed(tx, limit=50)
    _all_mine(tenant, (getattr(event, "text", "") for _, event in page.events), "the feed")
    allowed = set(tenant.seen(tx))
    same({thread for thread, _ in page.events} <= allowed, True, "threads of the feed")


def see_rest(tenant: Tenant, tx: Tx) -> None:
    same({a.name: a.description for a in agents.listed(tx)}, tenant.agents, "agents")
    same(sorted(secrets.names(tx)), sorted(tenant.secrets), "secrets")
    for name, value in tenant.secrets.items():
        same(secrets.get(tx, _KEY, name), value, f"secret {name}")
    held = {digest for kept in tenant.threads.values() for digest in kept.blobs}
    same(blobs.hashes(tx), held, "blobs")
    digest = tenant.chance.choice(HASHES)
    count = sum(digest in kept.blobs for kept in tenant.threads.values())
    same(blobs.references(tx, digest), count, f"uses of {digest}")
    seen = {digest for kept in tenant.seen(tx).values() for digest in kept.blobs}
    if digest in seen:
        same(blobs.get(tx, digest).media_type, tenant.name, digest)
    else:
        missing(lambda: blobs.get(tx, digest), digest)
    person = tx.scope.principal
    used = [ref for ref, owner in tenant.used.items() if person in (None, owner)]
    same(usage.total(tx).runs, len(used), "usage")


def see_raw(tenant: Tenant, tx: Tx) -> None:
    """Without any condition: on PostgreSQL the database itself holds tenants apart."""
    if tx.dialect == "postgresql":
        table = tenant.chance.choice(TABLES)
        found = {row[0] for row in tx.raw(f"SELECT DISTINCT tenant FROM {table}")}
        same(found <= {tenant.name}, True, f"tenants in {table}: {found}")


def change_raw(tenant: Tenant, tx: Tx) -> None:
    """A change without any condition changes no foreign row; the models tell if it did."""
    if tx.dialect == "postgresql":
        tx.raw("UPDATE threads SET updated_at = updated_at + 1 RETURNING id")
        tx.raw("DELETE FROM secrets RETURNING name")
        tenant.secrets.clear()


def _texts(tx: Tx, thread: str) -> list[Any]:
    return list(events.read(tx, thread))


def _all_mine(tenant: Tenant, texts: Iterable[str], what: str) -> None:
    foreign = [text for text in texts if not text.startswith(f"{tenant.name} ")]
    same(foreign, [], f"{what}: foreign")


def forge(tenant: Tenant, tx: Tx) -> None:
    """Write a row in the other tenant's name, past the store: never possible on PostgreSQL."""
    other = "there" if tenant.name == "here" else "here"
    with suppress(MuxiError):
        tx.raw(
            "INSERT INTO participants (tenant, principal, thread_id, role, joined_at) "
            "VALUES (%s, 'eve', 'thr_0', 'member', 0) RETURNING 1",
            (other,),
        )
        raise AssertionError("a row was written in the name of another tenant")


_WRITES = (
    *(create_thread, rename_thread, delete_thread, join_or_leave, add_message, add_message),
    *(add_message, add_run, add_run, add_step, add_events, add_events, take_lease, use_blob),
    *(choose_agent, put_secret, delete_secret, put_usage, change_raw, see_thread, see_runs),
)
_READS = (see_threads, see_thread, see_thread, see_message, see_runs, see_feed, see_rest, see_raw)
