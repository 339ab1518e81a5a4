from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal

import pytest

from muxi.core.errors import (
    ConfigError,
    ModelAuthError,
    ModelConnectionError,
    ModelRateLimited,
    ModelUnavailable,
)
from muxi.core.events import ModelEvent, ModelRetried, ResponseCompleted
from muxi.core.messages import TextPart, user_message
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.concurrency import LimitedModel
from muxi.models.fallback import FallbackModel
from muxi.models.model import Model, ModelProfile, Price
from muxi.models.rate import Bucket, RatedModel
from muxi.models.retry import Backoff, RetryingModel
from muxi.models.scripted import Gate, Reply, ScriptedModel
from muxi.models.wrapper import ModelWrapper

ASK = ModelRequest(messages=[user_message("hi")])
FAST = Backoff(delay=0.001, max_delay=1)


async def collect(model: Model) -> list[ModelEvent]:
    return [event async for event in model.stream(ASK)]


def text_of(events: list[ModelEvent]) -> str:
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    return "".join(part.text for part in done.parts if isinstance(part, TextPart))


class Watched(ModelWrapper):
    """Notes when the stream of the inner model is closed."""

    def __init__(self, inner: Model) -> None:
        super().__init__(inner)
        self.closed = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        try:
            async with aclosing(self.inner.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            self.closed += 1


async def test_a_failure_that_may_pass_is_asked_again():
    inner = ScriptedModel([ModelUnavailable("down"), ModelConnectionError("cut"), "fine"])
    events = await collect(RetryingModel(inner, FAST))
    retried = [event for event in events if isinstance(event, ModelRetried)]
    assert [(event.attempt, event.problem.code) for event in retried] == [
        (1, "model_unavailable"),
        (2, "model_connection_error"),
    ]
    assert text_of(events) == "fine"


async def test_a_failure_that_stays_is_raised_after_the_last_attempt():
    inner = ScriptedModel([ModelUnavailable("down")] * 3)
    with pytest.raises(ModelUnavailable) as caught:
        await collect(RetryingModel(inner, FAST))
    assert caught.value.details["attempts"] == 3


async def test_what_cannot_pass_is_not_asked_again():
    inner = ScriptedModel([ModelAuthError("no"), "never"])
    with pytest.raises(ModelAuthError):
        await collect(RetryingModel(inner, FAST))
    assert len(inner.requests) == 1


async def test_an_answer_that_has_begun_is_never_begun_again():
    broken = Reply(parts=[TextPart(text="Once")], error=ModelConnectionError("cut"))
    inner = ScriptedModel([broken, "never"])
    events = RetryingModel(inner, FAST).stream(ASK)
    assert (await anext(events)).type == "text.delta"
    with pytest.raises(ModelConnectionError):
        await anext(events)
    assert len(inner.requests) == 1


async def test_the_wait_that_a_provider_asks_for_is_kept():
    inner = ScriptedModel([ModelRateLimited("slow", retry_after=0.05), "fine"])
    loop = asyncio.get_running_loop()
    start = loop.time()
    events = await collect(RetryingModel(inner, FAST))
    assert isinstance(events[0], ModelRetried)
    assert events[0].delay == 0.05
    assert loop.time() - start >= 0.05


async def test_a_wait_that_is_too_long_is_not_waited():
    inner = ScriptedModel([ModelRateLimited("slow", retry_after=3600), "never"])
    with pytest.raises(ModelRateLimited):
        await collect(RetryingModel(inner, FAST))


def test_waits_grow_and_differ_and_have_an_end():
    backoff = Backoff(attempts=9, delay=1, max_delay=10)
    error = ModelUnavailable("x")
    waits = [backoff.wait(attempt, error) for attempt in range(1, 10)]
    assert waits[-1] is None
    assert all(wait is not None and wait <= 10 for wait in waits[:-1])
    assert 0.5 <= (waits[0] or 0) <= 1
    assert 5 <= (waits[-2] or 0) <= 10
    assert len({backoff.wait(3, error) for _ in range(20)}) > 1


async def test_the_next_model_answers_when_one_cannot():
    first = ScriptedModel([ModelAuthError("no")], name="a/x")
    second = ScriptedModel(["second"], name="b/y")
    events = await collect(FallbackModel([first, second]))
    assert isinstance(events[0], ModelRetried)
    assert (events[0].model, events[0].problem.code) == ("a/x", "model_auth_error")
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    assert done.model == "b/y"


async def test_when_all_fail_the_last_error_is_raised():
    models = [ScriptedModel([ModelUnavailable(name)]) for name in ("one", "two")]
    with pytest.raises(ModelUnavailable, match="two"):
        await collect(FallbackModel(models))


async def test_a_chain_never_changes_models_in_the_middle_of_an_answer():
    broken = Reply(parts=[TextPart(text="Once")], error=ModelConnectionError("cut"))
    second = ScriptedModel(["never"])
    with pytest.raises(ModelConnectionError):
        await collect(FallbackModel([ScriptedModel([broken]), second]))
    assert not second.requests


def price(number: int | None) -> Price | None:
    return None if number is None else Price(input=Decimal(number), output=Decimal(number))


def test_a_chain_promises_what_all_its_models_keep():
    def scripted(context: int, cost: int | None, images: bool) -> ScriptedModel:
        profile = ModelProfile(context_tokens=context, price=price(cost), images=images)
        return ScriptedModel([], profile=profile)

    chain = FallbackModel([scripted(100, 1, True), scripted(50, 3, False)])
    assert chain.profile.context_tokens == 50
    assert chain.profile.price is not None
    assert chain.profile.price.input == 3
    assert not chain.profile.images
    unknown = FallbackModel([scripted(100, 1, True), scripted(50, None, True)])
    assert unknown.profile.price is None
    assert chain.count(user_message("four")) == 2
    assert chain.count_text("four") == 1


def test_a_chain_of_none_is_refused():
    with pytest.raises(ConfigError):
        FallbackModel([])


async def test_no_more_calls_than_allowed_run_at_once_and_in_order():
    gate = Gate()
    running = peak = 0
    order: list[int] = []
    full = asyncio.Event()

    class Counted(ModelWrapper):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            order.append(int(request.instructions))
            if running == 2:
                full.set()
            try:
                await gate.wait()
                async for event in self.inner.stream(request):
                    yield event
            finally:
                running -= 1

    model = LimitedModel(Counted(ScriptedModel(lambda request: "x")), 2)

    async def ask(number: int) -> None:
        request = ASK.model_copy(update={"instructions": str(number)})
        assert [event async for event in model.stream(request)]

    tasks = [asyncio.create_task(ask(number)) for number in range(6)]
    async with asyncio.timeout(5):
        await full.wait()
        gate.open(6)
        await asyncio.gather(*tasks)
    assert peak == 2
    assert order == sorted(order)


def test_a_bound_model_serves_one_loop_after_the_other():
    model = LimitedModel(ScriptedModel(lambda request: "x"), 1)

    async def both() -> None:
        await asyncio.gather(collect(model), collect(model))

    asyncio.run(both())
    asyncio.run(both())


@pytest.mark.parametrize("limit", [0, -1])
def test_a_bound_that_lets_nobody_in_is_refused(limit: int):
    with pytest.raises(ConfigError):
        LimitedModel(ScriptedModel([]), limit)
    with pytest.raises(ConfigError):
        Bucket(limit)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_lends_and_those_who_come_later_wait_behind():
    clock = Clock()
    bucket = Bucket(60, clock)
    assert [bucket.take(1) for _ in range(60)] == [0] * 60
    assert bucket.take(1) == pytest.approx(1)
    assert bucket.take(1) == pytest.approx(2)
    bucket.give(1)
    clock.now = 2.0
    assert bucket.take(1) == pytest.approx(0, abs=1e-9)
    clock.now = 1000.0
    assert bucket.take(61) == pytest.approx(1)


async def test_tokens_are_settled_by_what_the_answer_used():
    clock = Clock()
    used = Usage(requests=1, input_tokens=50, output_tokens=50)
    inner = ScriptedModel(lambda request: Reply(parts=[TextPart(text="x")], usage=used))
    model = RatedModel(inner, requests=1000, tokens=100, clock=clock)
    await collect(model)
    assert model._tokens is not None
    assert model._tokens.take(0) == 0
    assert model._tokens.take(1) == pytest.approx(0.6)


async def test_who_leaves_the_queue_gives_back_its_place():
    clock = Clock()
    model = RatedModel(ScriptedModel(lambda request: "x"), requests=1, clock=clock)
    await collect(model)
    task = asyncio.create_task(collect(model))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model._requests is not None
    assert model._requests.take(1) == pytest.approx(60)


@pytest.mark.parametrize(
    "wrap",
    [
        RetryingModel,
        lambda inner: FallbackModel([inner]),
        lambda inner: LimitedModel(inner, 1),
        lambda inner: RatedModel(inner, requests=1000, tokens=100_000),
    ],
    ids=["retry", "fallback", "concurrency", "rate"],
)
async def test_closing_a_wrapped_stream_closes_the_inner_one_at_once(wrap: type[RetryingModel]):
    inner = Watched(ScriptedModel(["one two three"] * 2))
    model = wrap(inner)
    async with aclosing(model.stream(ASK)) as events:
        await anext(events)
        assert inner.closed == 0
    assert inner.closed == 1
    assert text_of(await collect(model)) == "one two three"
    assert model.name == "scripted/model"
    assert model.profile.images
    await model.close()
