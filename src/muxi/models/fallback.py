"""Ask the next model when one cannot answer. Put around several models by `runtime`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import chain

from muxi.core.errors import ConfigError, ModelError, WeightsUnavailable
from muxi.core.events import ModelEvent, ModelRetried
from muxi.core.messages import Message
from muxi.core.problems import problem_of
from muxi.core.requests import ModelRequest
from muxi.models.model import Model, ModelProfile, Price


class FallbackModel:
    """Several models in order, the first of which that begins to answer is the one that answers.

    What it says of itself holds for each of them: the smallest context, the dearest price, and
    only what all can do.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        if not models:
            raise ConfigError("A fallback needs at least one model.")
        self.models = tuple(models)
        self._profile = _common([model.profile for model in self.models])

    @property
    def name(self) -> str:
        return self.models[0].name

    @property
    def profile(self) -> ModelProfile:
        return self._profile

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`. When all fail, the error of the last one is raised."""
        for number, model in enumerate(self.models, 1):
            begun = False
            try:
                async with aclosing(model.stream(request)) as events:
                    async for event in events:
                        begun = begun or type(event) is not ModelRetried
                        yield event
                return
            except (ModelError, WeightsUnavailable) as error:
                if begun or number == len(self.models):
                    raise
                problem = problem_of(error)
            yield ModelRetried(model=model.name, attempt=number, delay=0, problem=problem)

    def count(self, *messages: Message) -> int:
        return max(model.count(*messages) for model in self.models)

    def count_text(self, text: str) -> int:
        return max(model.count_text(text) for model in self.models)

    async def close(self) -> None:
        for model in self.models:
            await model.close()


def _common(profiles: Sequence[ModelProfile]) -> ModelProfile:
    return ModelProfile(
        context_tokens=_least(profile.context_tokens for profile in profiles),
        output_tokens=_least(profile.output_tokens for profile in profiles),
        price=_dearest([profile.price for profile in profiles]),
        tools=all(profile.tools for profile in profiles),
        structured_output=all(profile.structured_output for profile in profiles),
        images=_every(profile.images for profile in profiles),
        audio=_every(profile.audio for profile in profiles),
        files=_every(profile.files for profile in profiles),
        media=_common_types([profile.media for profile in profiles]),
        largest_image=_least(profile.largest_image for profile in profiles),
        small=all(profile.small for profile in profiles),
    )


def _every(abilities: Iterable[bool | None]) -> bool | None:
    """Whether all can do it; None if nobody knows that of one, and the others can."""
    known = list(abilities)
    if False in known:
        return False
    return None if None in known else True


def _common_types(types: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The media types that all take, whether they say so of each or by a pattern."""
    return tuple(
        each
        for each in dict.fromkeys(chain.from_iterable(types))
        if all(any(fnmatchcase(each, other) for other in others) for others in types)
    )


def _least(numbers: Iterable[int | None]) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _dearest(prices: Sequence[Price | None]) -> Price | None:
    """A price that none of `prices` exceeds; None as soon as one is unknown."""
    if len(prices) == 1:
        return prices[0]
    known = [_flat(price) for price in prices if price is not None]
    if len(known) < len(prices):
        return None

    def most(of: Callable[[Price], Decimal | None]) -> Decimal | None:
        values = [of(price) for price in known]
        return None if None in values else max(value for value in values if value is not None)

    return Price(
        input=most(lambda price: price.input),
        output=most(lambda price: price.output),
        cached=most(lambda price: price.input if price.cached is None else price.cached),
        cache_write=most(
            lambda price: price.input if price.cache_write is None else price.cache_write
        ),
    )


def _flat(price: Price) -> Price:
    """`price` at its last and dearest tier."""
    return price.tiers[-1][1] if price.tiers else price
