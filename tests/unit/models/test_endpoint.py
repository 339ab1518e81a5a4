from __future__ import annotations

import asyncio
import gc
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from muxi.core.errors import (
    ConfigError,
    ModelAuthError,
    ModelConnectionError,
    ModelError,
    ModelProtocolError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    UnknownModel,
)
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.requests import ModelRequest, ModelSettings
from muxi.models.chat_completions import ChatCompletionsModel
from muxi.models.endpoint import Endpoint, Secret, Timeouts, shared_endpoint
from tests.support.ports import free_port
from tests.support.provider import Answer, Upstream, chunks, serve, sse, status

KEY = "sk-very-secret-key-0123456789"


def chunk(finish: str | None = None, **delta: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


HELLO = (chunk(content="Hel"), chunk(content="lo"), chunk("stop"), "[DONE]")


def hello(**options: Any) -> Answer:
    return chunks(sse(HELLO), **options)


def model_of(upstream: Upstream, **options: Any) -> ChatCompletionsModel:
    endpoint = Endpoint(upstream.url, provider="acme", key=KEY, **options)
    return ChatCompletionsModel("acme/m", endpoint)


async def collect(model: ChatCompletionsModel, *said: Message, **settings: Any) -> list[ModelEvent]:
    request = ModelRequest(
        messages=list(said) or [user_message("hi")], settings=ModelSettings(**settings)
    )
    return [event async for event in model.stream(request)]


def text_of(events: list[ModelEvent]) -> str:
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    return "".join(part.text for part in done.parts if isinstance(part, TextPart))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serve(hello()) as running:
        yield running


async def test_an_answer_streams_and_the_key_goes_in_its_header(upstream: Upstream):
    model = model_of(upstream)
    events = await collect(model)
    # Two pieces came in one packet, so they are told as one.
    assert [event.type for event in events] == ["text.delta", "response.completed"]
    assert text_of(events) == "Hello"
    (request,) = upstream.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    await model.close()


async def test_one_connection_serves_call_after_call(upstream: Upstream):
    model = model_of(upstream)
    for _ in range(3):
        await collect(model)
    assert len(upstream.connections) == 1
    await model.close()


async def test_a_closed_endpoint_opens_again_when_it_is_asked(upstream: Upstream):
    model = model_of(upstream)
    await collect(model)
    await model.close()
    assert text_of(await collect(model)) == "Hello"
    await model.close()


async def test_closing_spares_a_call_that_is_under_way(upstream: Upstream):
    gate = asyncio.Event()
    upstream.answer = chunks(sse(HELLO[:1]), hold=gate)
    model = model_of(upstream)
    async with aclosing(model.stream(ModelRequest(messages=[user_message("hi")]))) as events:
        assert (await anext(events)).type == "text.delta"
        await model.close()
        gate.set()
        with pytest.raises(ModelConnectionError, match="middle of the answer"):
            await anext(events)
    await model.close()


def test_one_model_serves_loop_after_loop_and_leaves_nothing_open():
    models: list[ChatCompletionsModel] = []

    async def turn() -> str:
        async with serve(hello()) as upstream:
            if not models:
                models.append(model_of(upstream))
            models[0]._endpoint.base_url = upstream.url
            models[0]._endpoint._urls.clear()
            both = await asyncio.gather(collect(models[0]), collect(models[0]))
            return text_of(both[0])

    for _ in range(3):
        # Nobody closes the model: the loop does, and a warning would be an error.
        assert asyncio.run(turn()) == "Hello"
        gc.collect()
    assert not models[0]._endpoint._sessions


@pytest.mark.parametrize(
    ("code", "payload", "kind"),
    [
        (401, {"error": {"message": "bad key", "code": "invalid_api_key"}}, ModelAuthError),
        (403, {"error": {"message": "no"}}, ModelAuthError),
        (404, {"error": {"message": "The model `m` does not exist"}}, UnknownModel),
        (400, {"error": {"message": "bad field"}}, ModelRejected),
        (422, {"detail": "bad"}, ModelRejected),
        (429, {"error": {"message": "slow down"}}, ModelRateLimited),
        (408, "", ModelTimeout),
        (500, "<html>oops</html>", ModelUnavailable),
        (502, "Bad gateway", ModelUnavailable),
        (529, {"error": {"type": "overloaded_error", "message": "busy"}}, ModelUnavailable),
        (302, "", ModelRejected),
    ],
)
async def test_each_status_is_its_own_error(
    upstream: Upstream, code: int, payload: Any, kind: type[ModelError]
):
    upstream.answer = status(code, payload, **{"x-request-id": "req-7", "Location": "http://x/"})
    model = model_of(upstream)
    with pytest.raises(kind) as caught:
        await collect(model)
    error = caught.value
    assert type(error) is kind
    assert error.details["provider"] == "acme"
    assert error.details["model"] == "acme/m"
    assert error.details["status"] == code
    assert error.details["request_id"] == "req-7"
    assert "acme/m" in error.message
    assert "req-7" in error.message
    await model.close()


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"retry-after-ms": "1500", "Retry-After": "7"}, 1.5, 1.5),
        (timedelta(hours=1), 3500, 3600),
        (timedelta(hours=-1), 0, 0),
    ],
)
async def test_the_wait_that_a_provider_asks_for_is_told(
    upstream: Upstream, headers: dict[str, str] | timedelta, low: float, high: float
):
    if isinstance(headers, timedelta):
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + headers)}
    upstream.answer = status(429, {}, **headers)
    model = model_of(upstream)
    with pytest.raises(ModelRateLimited) as caught:
        await collect(model)
    assert low <= caught.value.details["retry_after"] <= high
    await model.close()


@pytest.mark.parametrize("value", ["soon", "-5", "inf", ""])
async def test_a_wait_that_makes_no_sense_is_passed_over(upstream: Upstream, value: str):
    upstream.answer = status(429, {}, **{"Retry-After": value})
    model = model_of(upstream)
    with pytest.raises(ModelRateLimited) as caught:
        await collect(model)
    assert "retry_after" not in caught.value.details
    await model.close()


def echo_key(where: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        words = f"Incorrect API key provided: {request.headers['Authorization']}. Check it."
        error = {"error": {"message": words, "code": KEY}}
        if where == "status":
            return web.json_response(error, status=401, headers={"x-request-id": KEY})
        return web.Response(body=sse([json.dumps(error)]), content_type="text/event-stream")

    return answer


@pytest.mark.parametrize("where", ["status", "stream"])
async def test_a_key_that_comes_back_is_never_shown(
    upstream: Upstream, where: str, caplog: pytest.LogCaptureFixture
):
    upstream.answer = echo_key(where)
    model = model_of(upstream)
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelError) as caught:
        await collect(model)
    error = caught.value
    shown = [str(error), repr(error), repr(error.args), repr(error.details), caplog.text]
    shown += traceback.format_exception(error)
    shown += [repr(model), repr(model._endpoint), repr(Secret(KEY)), repr(vars(model._endpoint))]
    assert not any(KEY in text for text in shown)
    await model.close()


async def test_an_error_hangs_on_none_that_holds_the_key(upstream: Upstream):
    upstream.answer = chunks(sse(HELLO[:1]), cut=True)
    model = model_of(upstream)
    with pytest.raises(ModelConnectionError) as caught:
        await collect(model)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    await model.close()


async def test_a_redirect_is_not_followed(upstream: Upstream):
    async with serve(hello()) as other:
        upstream.answer = status(307, "", Location=f"{other.url}/chat/completions")
        model = model_of(upstream)
        with pytest.raises(ModelRejected, match="redirects to"):
            await collect(model)
        assert other.requests == []
        await model.close()


@pytest.mark.parametrize(
    "answer",
    [
        chunks(sse(HELLO[:1]), cut=True),
        chunks(sse(HELLO[:1])),
        chunks(sse(HELLO[:1])[:-5], cut=True),
        chunks(),
    ],
    ids=["aborted", "ended early", "inside an event", "empty"],
)
async def test_a_cut_stream_is_a_typed_error(upstream: Upstream, answer: Answer):
    upstream.answer = answer
    model = model_of(upstream)
    with pytest.raises(ModelConnectionError) as caught:
        await collect(model)
    assert caught.value.retryable
    assert caught.value.details["provider"] == "acme"
    await model.close()


async def test_a_stream_that_falls_silent_times_out(upstream: Upstream):
    upstream.answer = chunks(sse(HELLO[:1]), hold=asyncio.Event())
    model = model_of(upstream)
    with pytest.raises(ModelTimeout):
        await collect(model, timeout=0.1)
    await asyncio.wait_for(upstream.disconnected.wait(), 60)
    await model.close()


async def test_a_provider_that_never_answers_times_out(upstream: Upstream):
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    upstream.answer = never
    model = model_of(upstream, timeouts=Timeouts(idle=0.1))
    with pytest.raises(ModelTimeout):
        await collect(model)
    await model.close()


async def test_nobody_at_the_address_is_a_connection_error():
    port = free_port()
    endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", provider="acme", key=KEY)
    with pytest.raises(ModelConnectionError, match=str(port)):
        await collect(ChatCompletionsModel("acme/m", endpoint))
    await endpoint.close()


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_caller_that_leaves_closes_the_connection_at_once(upstream: Upstream, how: str):
    upstream.answer = chunks(sse(HELLO[:1]), hold=asyncio.Event())
    model = model_of(upstream)
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in model.stream(ModelRequest(messages=[user_message("hi")])):
            begun.set()

    if how == "close":
        async with aclosing(model.stream(ModelRequest(messages=[user_message("hi")]))) as events:
            await anext(events)
    else:
        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.wait_for(upstream.disconnected.wait(), 60)
    await model.close()


async def test_a_server_that_holds_a_finished_stream_open_holds_nobody(upstream: Upstream):
    upstream.answer = hello(hold=asyncio.Event())
    model = model_of(upstream)
    events = await asyncio.wait_for(collect(model), 60)
    assert text_of(events) == "Hello"
    await asyncio.wait_for(upstream.disconnected.wait(), 60)
    await model.close()


async def test_a_cut_after_the_answer_does_not_matter(upstream: Upstream):
    upstream.answer = hello(cut=True)
    model = model_of(upstream)
    assert text_of(await collect(model)) == "Hello"
    await model.close()


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("change", [lambda data: data, lambda data: data.replace(b"\n", b"\r\n")])
async def test_events_may_be_cut_anywhere_even_inside_a_character(
    upstream: Upstream, change: Callable[[bytes], bytes]
):
    body = b": comment\n\nevent: message\n" + sse([chunk(content="😀 مرحبا\0"), *HELLO[2:]])
    body = body.replace(b"\\ud83d\\ude00", "😀".encode())
    upstream.answer = chunks(*split(change(body), 3))
    model = model_of(upstream)
    assert text_of(await collect(model)) == "😀 مرحبا\0"
    await model.close()


@pytest.mark.parametrize(
    "answer",
    [
        chunks(b"data: {nonsense\n\n"),
        chunks(b"data: <html>\n\n"),
        status(200, "<html>Welcome</html>", **{"Content-Type": "text/html"}),
        status(200, {"unexpected": True}),
    ],
    ids=["malformed", "markup in events", "a web page", "other JSON"],
)
async def test_what_is_no_stream_is_a_typed_error(upstream: Upstream, answer: Answer):
    upstream.answer = answer
    model = model_of(upstream)
    with pytest.raises((ModelProtocolError, ModelConnectionError)) as caught:
        await collect(model)
    assert caught.value.details["provider"] == "acme"
    await model.close()


async def test_an_answer_in_one_piece_is_read_too(upstream: Upstream):
    choice = {"index": 0, "message": {"content": "Whole"}, "finish_reason": "stop"}
    upstream.answer = status(200, {"object": "chat.completion", "choices": [choice]})
    model = model_of(upstream)
    assert text_of(await collect(model)) == "Whole"
    await model.close()


async def test_messages_of_five_megabytes_go_both_ways(upstream: Upstream):
    large = "word " * 1_000_000
    upstream.answer = chunks(sse([chunk(content=large), *HELLO[2:]]))
    model = model_of(upstream)
    events = await collect(model, user_message(large + "\ud800"))
    assert text_of(events) == large
    assert upstream.bodies[0]["messages"][0]["content"] == large + "\ufffd"
    await model.close()


async def test_a_key_that_is_no_header_is_a_typed_error(upstream: Upstream):
    endpoint = Endpoint(upstream.url, provider="acme", key="sk-a\nb-secret")
    with pytest.raises(ModelError) as caught:
        await collect(ChatCompletionsModel("acme/m", endpoint))
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    await endpoint.close()


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(ConfigError, match="localhost:11434"):
        Endpoint("localhost:11434/v1", provider="ollama")


def test_models_of_one_address_and_key_share_their_connections():
    def endpoint(key: str) -> Endpoint:
        return shared_endpoint(
            "http://x/v1",
            provider="p",
            key=key,
            key_header="Authorization",
            key_prefix="",
            headers={},
            query=None,
            timeouts=Timeouts(),
        )

    first = endpoint("a")
    assert endpoint("a") is first
    assert endpoint("b") is not first
