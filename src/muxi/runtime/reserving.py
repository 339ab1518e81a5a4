"""Calls of models beside a run's own turns: set aside in budgets before, counted after.

Used by `voice` and `imaging`, whose calls count for the run that needs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from muxi.core.errors import ModelTimeout
from muxi.core.ports import Context, Estimate, Reservation
from muxi.core.usage import Usage
from muxi.identity.ledger import BudgetLedger


@dataclass(slots=True)
class Reserved:
    """What a call may take, and what it took, which whoever makes it writes here."""

    reservation: Reservation
    usage: Usage = field(default_factory=lambda: Usage(requests=1, cost=None))


@asynccontextmanager
async def reserved(
    ledger: BudgetLedger, ctx: Context, estimate: Callable[[], Estimate], *, timed: bool = True
) -> AsyncGenerator[Reserved]:
    """Set aside what a call may take; what it took is counted at the end of the block.

    Args:
        ledger: The budgets.
        ctx: The run that needs it.
        estimate: The most that it may take; called only if there is a budget to keep.
        timed: Whether the block is in one task, so that it can be cut short in time.

    Raises:
        LimitReached: A budget has not that much left, or ended the call.
        PriceUnknown: A budget bounds the cost, and the estimate has none.
    """
    reservation = await ledger.reserve(ctx, estimate)
    call = Reserved(reservation)
    try:
        async with asyncio.timeout(reservation.seconds if timed else None):
            yield call
    except TimeoutError:
        raise reservation.exceeded or ModelTimeout() from None
    finally:
        ctx.usage.add(call.usage)
        await ledger.settle(reservation, call.usage)
