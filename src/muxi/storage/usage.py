"""Usage: what each attempt of a run consumed, for budgets and analytics. It outlives the thread."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from muxi.core.threads import Run
from muxi.core.usage import Usage
from muxi.storage.records import column, encode, micros
from muxi.storage.sql import usage as sql
from muxi.storage.transaction import Tx

_NANO = Decimal(1_000_000_000)
_EVER = 2**62


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """A sum over runs."""

    runs: int
    usage: Usage
    """Its cost is None if any run's cost is unknown; `known_cost` is then a lower bound."""
    known_cost: Decimal


def put(tx: Tx, run: Run, usage: Usage, *, model: str | None = None) -> None:
    """Store what this attempt of `run` consumed, in place of what was stored for it before."""
    began, ended = micros(run.created_at), tx.now()
    tx.run(
        sql.PUT,
        run_id=run.id,
        attempt=run.attempt,
        thread_id=run.thread_id,
        root_run_id=run.root_run_id or run.id,
        owner=tx.scope.principal or "",
        agent=column(run.agent),
        agent_hash=run.agent_hash,
        model=None if model is None else column(model),
        status=run.status,
        requests=usage.requests,
        tool_calls=usage.tool_calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        nano_dollars=None if usage.cost is None else round(usage.cost * _NANO),
        microseconds=max(0, ended - began),
        created_at=ended,
        record=encode(usage),
    )


def of_run(tx: Tx, run_id: str) -> list[Usage]:
    """The usage of each attempt of a run."""
    return [Usage.model_validate_json(row[0]) for row in tx.rows(sql.OF_RUN, run_id=run_id)]


def total(
    tx: Tx,
    *,
    since: int = 0,
    until: int = _EVER,
    owner: str | None = None,
    agent: str | None = None,
    model: str | None = None,
) -> UsageTotal:
    """The sum over runs that ended from `since` until before `until`, microseconds since 1970."""
    row = tx.row(sql.TOTAL, since=since, until=until, owner=owner, agent=agent, model=model)
    runs, requests, calls, read, written, cached, kept, thought, nano, priced = map(int, row or ())
    known = Decimal(nano) / _NANO
    usage = Usage(
        requests=requests,
        tool_calls=calls,
        input_tokens=read,
        output_tokens=written,
        cached_tokens=cached,
        cache_write_tokens=kept,
        reasoning_tokens=thought,
        cost=known if priced == runs else None,
    )
    return UsageTotal(runs, usage, known)
