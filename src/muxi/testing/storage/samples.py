"""Things to store, for the conformance classes of this folder."""

from __future__ import annotations

from muxi.core.context import RunContext
from muxi.core.messages import Message, Role, TextPart
from muxi.core.ports import Context
from muxi.core.threads import Run, Thread
from muxi.storage import leases, messages, runs, sequences, threads
from muxi.storage.journal import StoredJournal
from muxi.storage.transaction import Database, Scope, Tx

ANN = Scope("acme", "ann")
NOBODY: Context = RunContext(deps=None)
"""A context: the journal of a stored run asks nothing of it."""

HOLDER = "process-1"


async def a_thread(database: Database, scope: Scope = ANN, *, id: str | None = None) -> Thread:
    """A stored thread of the scope's principal."""
    thread = Thread(owner=scope.principal or "nobody")
    thread.id = id or thread.id
    return await database.write(scope, lambda tx: threads.create(tx, thread))


def a_message(
    thread: Thread, text: str, *, parent: str | None = None, role: Role = "user"
) -> Message:
    """A message that is not stored yet."""
    return Message(role=role, parts=[TextPart(text=text)], thread_id=thread.id, parent_id=parent)


async def a_run(database: Database, thread: Thread, scope: Scope = ANN) -> Run:
    """A stored run with its input."""

    def create(tx: Tx) -> Run:
        question = a_message(thread, "question")
        run = Run(thread_id=thread.id, agent="assistant", input_id=question.id, status="running")
        question.run_id = run.id
        messages.insert(tx, question)
        return runs.create(tx, run)

    return await database.write(scope, create)


async def a_journal(database: Database, thread: Thread, scope: Scope = ANN) -> StoredJournal:
    """The journal of a fresh run."""
    run = await a_run(database, thread, scope)
    lease = await database.write(scope, lambda tx: leases.acquire(tx, "run", run.id, HOLDER))
    return StoredJournal(database, scope, run, lease, fresh=True)


async def numbers(database: Database, thread: Thread, count: int = 1000) -> range:
    """A block of the thread's sequence numbers."""
    return await database.write(ANN, lambda tx: sequences.reserve(tx, thread.id, count))
