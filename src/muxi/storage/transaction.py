"""The scoped transaction that every store function takes, and the face of a database.

Store functions call `Tx`; `runtime` and the journal call `Database`. There is no transaction
without a scope: tenant and principal are bound by `Tx` itself and cannot be left out or forged by
the parameters of a statement.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from muxi.core.scope import Scope
from muxi.storage.statements import Dialect, Statement

T = TypeVar("T")
Row = tuple[Any, ...]


class Tx(ABC):
    """A transaction bound to a scope. It lives as long as the function that was given it."""

    __slots__ = ("scope",)

    dialect: Dialect

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @abstractmethod
    def rows(self, statement: Statement, **parameters: Any) -> list[Row]:
        """All rows that `statement` gives."""

    @abstractmethod
    def row(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row, or None."""

    @abstractmethod
    def run(self, statement: Statement, **parameters: Any) -> int:
        """Execute and return the number of rows that were changed."""

    @abstractmethod
    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        """Execute once for each set of parameters."""

    @abstractmethod
    def raw(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of hand-written SQL in the database's own dialect: for tests and diagnosis."""

    def now(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000

    def clock(self) -> int:
        """Microseconds since 1970 by the clock that all nodes of this database share."""
        return time.time_ns() // 1000


class Database(ABC):
    """An open database. Made by `open_database`; safe to use from one event loop at a time."""

    dialect: Dialect

    @abstractmethod
    async def read(self, scope: Scope, fn: Callable[[Tx], T], *, tiny: bool = False) -> T:
        """Run `fn` on a consistent snapshot and return what it returns.

        Args:
            scope: Whose data.
            fn: Plain function of the transaction; it must not write.
            tiny: It reads a handful of rows by key. SQLite then answers on the calling thread,
                which costs less than handing the question to another.

        Raises:
            StorageError: The database could not answer.
        """

    @abstractmethod
    async def write(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        tiny: bool = False,
        early: Callable[[T], None] | None = None,
    ) -> T:
        """Run `fn` as one atomic unit and return once it is durable.

        Units that wait at the same time share one commit; one that raises is undone alone, and its
        error is raised here. A caller that is cancelled meanwhile does not undo its unit.

        Args:
            scope: Whose data.
            fn: Plain function of the transaction.
            tiny: It touches a handful of rows by key, none of them large. SQLite then works on the
                calling thread, save for the commit, and waits for no busy interpreter.
            early: Called on the event loop with what `fn` returned, while the commit is under way,
                where that is possible. Whoever uses it must show nothing until this returns, and
                undo everything if it raises.

        Raises:
            StorageError: Nothing of the unit was stored.
        """

    @abstractmethod
    def write_blocking(self, scope: Scope, fn: Callable[[Tx], T]) -> T:
        """As `write`, holding the calling thread: for the rare moment that cannot await."""

    @abstractmethod
    async def purge(self) -> str | None:
        """Take from the database's files what deleted rows have left there.

        SQLite's file is written anew, and other writers wait for that; PostgreSQL's tables are
        vacuumed by their owner.

        Returns:
            What this could not reach, in words; None if nothing of deleted rows is left.

        Raises:
            StorageError: The files are as they were, and it may be tried again.
        """

    @abstractmethod
    def index_shared(self) -> None:
        """Begin to index vectors that many share, where the database can; returns at once.

        Elsewhere, as on SQLite, all vectors are compared, and this does nothing.
        """

    @abstractmethod
    async def tenants(self, job: str) -> list[str]:
        """All tenants, for the system job of that name, which then works in one scope each."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted, then let go of the database."""


@dataclass(frozen=True, slots=True)
class _Condition:
    check: Callable[[Tx], None]
    locks: bool


_conditions: ContextVar[list[_Condition] | None] = ContextVar("muxi_conditions", default=None)


@contextmanager
def only_if(check: Callable[[Tx], None], *, locks: bool = False) -> Generator[None]:
    """Let the first unit that is written inside this block be undone if `check` raises in it.

    Args:
        check: Called in the transaction, before anything else; more than once if somebody else
            changes, meanwhile, what it has read.
        locks: Whether it first takes the lock that everybody takes who changes what it reads.
    """
    waiting = [_Condition(check, locks)]
    token = _conditions.set(waiting)
    try:
        yield
    finally:
        # Tasks that were begun inside have the list too, and are to find nothing in it.
        waiting.clear()
        _conditions.reset(token)


def is_guarded() -> bool:
    """Whether the next unit that is written here has a condition that takes no lock.

    The database then has to see to it that what was read still holds at the commit.
    """
    waiting = _conditions.get()
    return bool(waiting) and not waiting[0].locks


_notes: ContextVar[tuple[str, list[Callable[[Tx], None]]] | None] = ContextVar(
    "muxi_notes", default=None
)


@contextmanager
def along_with(tenant: str, note: Callable[[Tx], None]) -> Generator[None]:
    """Let the first unit of `tenant` that is written inside this block write `note` too."""
    waiting = [note]
    token = _notes.set((tenant, waiting))
    try:
        yield
    finally:
        # Likewise for tasks that outlive the block.
        waiting.clear()
        _notes.reset(token)


def unit_of(scope: Scope, fn: Callable[[Tx], T]) -> Callable[[Tx], T]:
    """`fn` behind the condition and with the note that its caller has set; for `write`."""
    conditions, noted = _conditions.get(), _notes.get()
    condition = conditions.pop() if conditions else None
    note = noted[1].pop() if noted and noted[1] and noted[0] == scope.tenant else None
    if condition is None and note is None:
        return fn

    def unit(tx: Tx) -> T:
        if condition is not None:
            condition.check(tx)
        result = fn(tx)
        if note is not None:
            note(tx)
        return result

    return unit
