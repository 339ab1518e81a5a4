"""What a run consumed, and what it may consume. Filled by models, summed and checked by agents."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import Field, ValidationInfo, model_validator

from muxi.core.record import Record

NotNegative = Annotated[int, Field(ge=0)]


class Usage(Record):
    """Consumption of one model call, one run, or a sum of them. Tokens are counts, cost is USD."""

    requests: int = 0
    """Model calls."""
    tool_calls: int = 0
    """Tool calls that were begun."""
    input_tokens: int = 0
    """All input tokens, cached ones included."""
    output_tokens: int = 0
    """All output tokens, reasoning included."""
    cached_tokens: int = 0
    """Input tokens that the provider read from its cache."""
    cache_write_tokens: int = 0
    """Input tokens that the provider wrote to its cache."""
    reasoning_tokens: int = 0
    """Output tokens spent on reasoning."""
    cost: Decimal | None = Decimal(0)
    """US dollars, or None when a price is not known: an unknown price is never shown as 0."""

    @model_validator(mode="before")
    @classmethod
    def _cost_left_out(cls, data: Any, info: ValidationInfo) -> Any:
        """JSON is written without empty fields: what it does not say is unknown, not free."""
        if info.mode == "json" and isinstance(data, dict):
            return {"cost": None, **cast("dict[str, Any]", data)}
        return data

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def add(self, other: Usage) -> None:
        """Add `other` to this usage in place. An unknown cost makes the sum unknown."""
        # Written past pydantic, whose assignment costs more than the whole sum: this is done for
        # every model call of every run.
        mine, theirs = vars(self), vars(other)
        for count in _COUNTS:
            mine[count] += theirs[count]
        if mine["cost"] is not None:
            mine["cost"] = None if theirs["cost"] is None else mine["cost"] + theirs["cost"]


_COUNTS = tuple(name for name in Usage.model_fields if name != "cost")


class Limits(Record):
    """Bounds on one run. Each stops the run before it is exceeded; None means no bound."""

    turns: NotNegative | None = 20
    """Model calls."""
    tool_calls: NotNegative | None = 50
    """Tool calls, counted before each is begun."""
    input_tokens: NotNegative | None = None
    """Input tokens over the whole run."""
    output_tokens: NotNegative | None = None
    """Output tokens over the whole run."""
    total_tokens: NotNegative | None = None
    """Input and output tokens over the whole run."""
    cost: Annotated[Decimal, Field(ge=0)] | None = None
    """US dollars over the whole run; refused at start for a model without a known price."""
    seconds: Annotated[float, Field(ge=0)] | None = None
    """Wall-clock time of the run."""

    def within(self, bounds: Limits) -> Limits:
        """The narrower of both, where `bounds` says anything at all."""
        narrower: dict[str, Any] = {}
        for name in bounds.model_fields_set & type(self).model_fields.keys():
            mine, theirs = getattr(self, name), getattr(bounds, name)
            if theirs is not None and (mine is None or theirs < mine):
                narrower[name] = theirs
        return self.model_copy(update=narrower) if narrower else self
