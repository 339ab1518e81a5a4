"""Tools with effects, for a project whose server is killed while they work.

Each call is noted in `effects.jsonl` beside this file when it begins and when it has taken effect,
with its idempotency key: one write each, which the death of the process cannot halve.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from typing import Any

from muxi.core.context import RunContext
from muxi.core.ids import new_id
from muxi.tools.function import tool

EFFECTS = Path(__file__).with_name("effects.jsonl")


def _note(**what: Any) -> None:
    descriptor = os.open(EFFECTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, json.dumps(what).encode() + b"\n")
    finally:
        os.close(descriptor)


async def _take_effect(ctx: RunContext[None], name: str, order: int) -> str:
    receipt = new_id("receipt")
    call = {"key": ctx.idempotency_key, "tool": name, "attempt": ctx.attempt, "receipt": receipt}
    _note(phase="begun", call_id=ctx.call_id, order=order, **call)
    await asyncio.sleep(random.uniform(0, 0.2))
    _note(phase="done", call_id=ctx.call_id, order=order, **call)
    return f"{name} {order} {receipt}"


@tool(idempotent=True)
async def look_up(ctx: RunContext[None], order: int) -> str:
    """Look an order up: harmless to repeat."""
    return await _take_effect(ctx, "look_up", order)


@tool
async def charge(ctx: RunContext[None], order: int) -> str:
    """Charge for an order: what must not happen twice."""
    return await _take_effect(ctx, "charge", order)


@tool(approval=True)
async def transfer(ctx: RunContext[None], order: int) -> str:
    """Transfer money for an order: a person decides each time."""
    return await _take_effect(ctx, "transfer", order)
