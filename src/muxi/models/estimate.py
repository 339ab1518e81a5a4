"""The most that a call of a model may consume, for ledgers and limits. Called by agents and memory.

Never too little: prompts are counted from above, and input at the dearest price that it may have.
"""

from __future__ import annotations

from decimal import Decimal

from muxi.core.ports import Estimate
from muxi.core.requests import ModelRequest
from muxi.models.model import Model, Price

_UNKNOWN_ANSWER = 16_384
"""Tokens that an answer may have where neither the model nor the request has a bound."""


def count_prompt(model: Model, request: ModelRequest) -> int:
    """Tokens of a whole request, never too few."""
    total = model.count_text(request.instructions)
    total += model.count(*request.messages)
    for spec in request.tools:
        total += model.count_text(spec.text)
    if request.output is not None:
        total += model.count_text(str(request.output.json_schema))
    return total


def estimate(model: Model, request: ModelRequest) -> Estimate:
    """The most that asking `model` may consume."""
    prompt = count_prompt(model, request)
    bound = request.settings.max_tokens or model.profile.output_tokens
    answer = bound or _UNKNOWN_ANSWER
    costs = cost_of(model.profile.price, prompt, answer)
    return Estimate(
        input_tokens=prompt,
        output_tokens=answer,
        bounded=bound is not None,
        input_cost=costs and costs[0],
        output_cost=costs and costs[1],
        model=model.name,
    )


def cost_of(
    price: Price | None, input_tokens: int, output_tokens: int
) -> tuple[Decimal, Decimal] | None:
    """US dollars of a prompt and of its answer at the dearest; None without a known price."""
    if price is None:
        return None
    for start, tier in reversed(price.tiers):
        if input_tokens > start:
            return cost_of(tier, input_tokens, output_tokens)
    if price.input is None or price.output is None:
        return None
    # A prompt may be written to the provider's cache, which can cost more than reading it plainly.
    dearest = max(price.input, price.cache_write or price.input)
    return input_tokens * dearest / 1_000_000, output_tokens * price.output / 1_000_000
