"""Usage: what each attempt of a run consumed, for budgets and analytics. It outlives the thread."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from muxi.core.threads import Run
from muxi.core.usage import Usage
from muxi.storage.records import column, encode, micros
from muxi.storage.sql import usage as sql
from muxi.storage.transaction import Row, Tx

_NANO = Decimal(1_000_000_000)
_EVER = 2**62


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """A sum over runs."""

    runs: int
    usage: Usage
    """Its cost is None if any run's cost is unknown; `known_cost` is then a lower bound."""
    known_cost: Decimal


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """A sum over runs that are alike in agent, owner or model, whichever are told apart."""

    key: tuple[str, str, str]
    """Agent, owner and model; empty for what is not told apart, or not known."""
    total: UsageTotal
    microseconds: int


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
        record=encode(usage, exclude_none=True),
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


def groups(
    tx: Tx,
    by: Collection[str],
    *,
    since: int,
    until: int,
    after: tuple[str, str, str] | None = None,
    limit: int = 100,
    owner: str | None = None,
    agent: str | None = None,
    model: str | None = None,
) -> list[UsageGroup]:
    """Sums over runs that ended from `since` until before `until`, in the order of their keys.

    Args:
        tx: The transaction.
        by: Which of `agent`, `owner` and `model` are told apart.
        since: Microseconds since 1970.
        until: Likewise; it lies outside.
        after: The key of the last group that is known already.
        limit: How many groups.
        owner: Whose runs; everybody's if None.
        agent: Of which agent; of any if None.
        model: Likewise.
    """
    rows = tx.rows(
        sql.GROUPED,
        **{f"by_{name}": "yes" if name in by else "no" for name in ("agent", "owner", "model")},
        **dict(
            zip(("after_agent", "after_owner", "after_model"), after or (None,) * 3, strict=True)
        ),
        since=since,
        until=until,
        owner=owner,
        agent=agent,
        model=model,
        limit=limit,
    )
    return [_group(row) for row in rows]


def last(tx: Tx, *, until: int) -> int | None:
    """When the last run before `until` ended, microseconds since 1970; None if there is none."""
    row = tx.row(sql.LAST, until=until)
    return None if row is None or row[0] is None else int(row[0])


def _group(row: Row) -> UsageGroup:
    runs, requests, calls, read, written, cached, thought, micro, nano, priced = map(int, row[3:])
    known = Decimal(nano) / _NANO
    usage = Usage(
        requests=requests,
        tool_calls=calls,
        input_tokens=read,
        output_tokens=written,
        cached_tokens=cached,
        reasoning_tokens=thought,
        cost=known if priced == runs else None,
    )
    return UsageGroup((row[0], row[1], row[2]), UsageTotal(runs, usage, known), micro)
