"""How an attempt of a run begins in the database: what is stored, in one transaction.

Called by `runs` inside its write; plain functions of the transaction, so that both beginnings, of
a new run and of a further attempt, give the same rights: two leases and a block of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from muxi.core.definitions import AgentDefinition
from muxi.core.errors import Conflict, NotFound
from muxi.core.events import FINAL_STATUSES, RunStatus
from muxi.core.messages import Message
from muxi.core.threads import ROOT, Run, Thread
from muxi.runtime.streams import FIRST_BLOCK
from muxi.storage import agents, blobs, leases, messages, runs, sequences, steps, threads
from muxi.storage.blobs import Blob
from muxi.storage.leases import Lease
from muxi.storage.transaction import Tx

LEASE_SECONDS = 30.0
"""How long a process that has died keeps others from its runs."""


@dataclass(slots=True)
class Begun:
    """What the transaction has given an attempt."""

    run: Run
    input: Message
    run_lease: Lease
    stream_lease: Lease
    block: range
    erasures: int
    """How often something of the thread was erased before."""


@dataclass(slots=True, kw_only=True)
class Beginning:
    """A new run, as it is to be stored."""

    run: Run
    input: Message
    new_thread: Thread | None
    """None to continue a thread that is stored."""
    parent_id: str | None
    """The message to answer to, for a fork; None for the thread's leaf."""
    definition: AgentDefinition | None
    """The agent's version, if it was not recorded yet."""
    earlier: Sequence[Message] = ()
    """What the client tells of the conversation, before the input."""
    blobs: Sequence[Blob] = ()
    """What the input and what is before it refer to."""
    ended: AbstractSet[str] = frozenset()
    """Runs that have told their end, which the database does not hold yet."""
    also: Callable[[Tx], object] | None = None
    """What else is stored with it."""

    def store(self, tx: Tx, holder: str) -> Begun:
        """Store the thread, the user's message and the run.

        Raises:
            NotFound: The thread or the message to answer is not there.
            Conflict: The thread's newest exchange is not over, and no message to answer is named.
            LeaseLost: Another process works on the thread.
        """
        run, said = self.run, self.input
        # First of all, so that nothing else is locked while another process is waited for.
        held = _acquire(tx, run, holder)
        if self.new_thread is not None:
            self.new_thread.leaf_id = said.id
            threads.create(tx, self.new_thread)
        elif self.parent_id == ROOT:
            said.parent_id = None
        elif self.parent_id is not None:
            if messages.get(tx, self.parent_id).thread_id != run.thread_id:
                raise NotFound(f"There is no message {self.parent_id} in this thread.")
            said.parent_id = self.parent_id
        else:
            tip = messages.tip(tx, run.thread_id)
            if tip.run_id is not None and tip.run_id not in self.ended:
                raise occupied(run.thread_id, tip.run_id, tip.status or "running")
            said.parent_id = tip.leaf_id
        for message in self.earlier:
            message.thread_id, message.parent_id = run.thread_id, said.parent_id
            said.parent_id = messages.insert(tx, message, place="aside").id
        if self.definition is not None:
            agents.record(tx, self.definition)
        for blob in self.blobs:
            blobs.add(tx, blob, holder=run.thread_id)
        block, erasures = sequences.begin(tx, run.thread_id, FIRST_BLOCK)
        run.first_seq = block.start
        runs.create(tx, run)
        # A new thread was stored with this message as its leaf.
        messages.insert(tx, said, place="leaf" if self.new_thread is None else "aside")
        if self.also is not None:
            self.also(tx)
        return Begun(run, said, *held, block, erasures)


def occupied(thread_id: str, run_id: str, status: RunStatus) -> Conflict:
    """Why nothing new is said in a thread: the answer to come would stand beside it, not after."""
    if status == "waiting":
        text = "The agent waits for a person in this thread."
        hint = f"Answer or cancel run {run_id}, or name a `parent_id` to fork."
    else:
        text = "The agent is still at work in this thread."
        hint = f"Wait for run {run_id} or cancel it, or name a `parent_id` to fork."
    return Conflict(text, hint=hint, thread_id=thread_id, run_id=run_id, status=status)


def take_over(tx: Tx, run_id: str, holder: str, *, close: bool) -> Begun:
    """Begin a further attempt of a run that nobody drives.

    Args:
        tx: The transaction.
        run_id: The run.
        holder: Name of this process.
        close: Whether it is only to be ended, so that its open questions are void.

    Raises:
        Conflict: The run has ended, or it waits for a person.
        LeaseLost: Another process drives it.
    """
    # First of all, so that two who want the same run come one after the other.
    leases.acquire(tx, "run", run_id, holder, seconds=LEASE_SECONDS)
    run = runs.get(tx, run_id)
    held = _acquire(tx, run, holder)
    if run.status in FINAL_STATUSES:
        raise Conflict(f"The run has ended: it is {run.status}.", run_id=run_id)
    if close:
        steps.void_questions(tx, run_id)
    elif run.status == "waiting" and steps.suspended(tx, run_id):
        raise Conflict("The run waits for a person.", run_id=run_id)
    else:
        # The call in whose middle a person was asked died with its process.
        steps.void_questions(tx, run_id, only_live=True)
    # A process that leaves a run in good order says so: it is queued.
    run.crashes += run.status == "running"
    run.attempt += 1
    run.status = "running"
    runs.update(tx, run)
    said = messages.get(tx, run.input_id or "")
    return Begun(run, said, *held, *sequences.begin(tx, run.thread_id, FIRST_BLOCK))


def _acquire(tx: Tx, run: Run, holder: str) -> tuple[Lease, Lease]:
    acquire = partial(leases.acquire, tx, holder=holder, seconds=LEASE_SECONDS)
    return acquire("run", run.id), acquire("thread", run.thread_id)
