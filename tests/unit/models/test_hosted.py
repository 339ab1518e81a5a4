"""Models of the three other formats, against a provider on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from muxi.core.errors import ModelConnectionError, ModelRateLimited
from muxi.core.events import ResponseCompleted, TextDelta
from muxi.core.messages import user_message
from muxi.core.requests import ModelRequest, ModelSettings
from muxi.models.anthropic import AnthropicModel
from muxi.models.endpoint import Endpoint
from muxi.models.gemini import GeminiModel
from muxi.models.hosted import HostedModel
from muxi.models.model import ModelProfile, Price
from muxi.models.responses import ResponsesModel

ASK = ModelRequest(messages=[user_message("Hi")])
USAGE = {"input_tokens": 1_000_000, "output_tokens": 0}
MESSAGES = [
    {"type": "message_start", "message": {"model": "claude-x-1", "usage": USAGE}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Hello"},
    },
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    {"type": "message_stop"},
]


@asynccontextmanager
async def provider(answer: Callable[[web.Request], Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    """Its base URL, and what it was asked: path, query, headers, body."""
    asked: list[Any] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, dict(request.query), request.headers, await request.json()))
        return await answer(request)

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", asked
    finally:
        await runner.cleanup()


def streamed(*events: Any, gone: asyncio.Event | None = None) -> Callable[[web.Request], Any]:
    """Answer with `events`; then, if asked to, wait until the client is `gone`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        if gone is not None:
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
        return response

    return answer


async def test_a_model_streams_and_tells_what_it_cost() -> None:
    profile = ModelProfile(price=Price(input=Decimal(3), output=Decimal(15)), output_tokens=64_000)
    async with provider(streamed(*MESSAGES)) as (url, asked):
        endpoint = Endpoint(
            url, provider="anthropic", key="k", key_header="x-api-key", key_prefix=""
        )
        model = AnthropicModel("anthropic/claude-sonnet-4-5", endpoint, profile)
        events = [event async for event in model.stream(ASK)]
        await model.close()
    assert isinstance(events[0], TextDelta)
    done = events[-1]
    assert isinstance(done, ResponseCompleted)
    assert done.model == "anthropic/claude-x-1"
    assert done.usage.cost == Decimal(3)
    path, _, headers, body = asked[0]
    assert path == "/v1/messages"
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["x-api-key"] == "k"
    assert body["max_tokens"] == 32_000


@pytest.mark.parametrize(
    ("kind", "name", "path", "query"),
    [
        (ResponsesModel, "openai/gpt-5", "/v1/responses", {}),
        (AnthropicModel, "anthropic/claude-opus-5", "/v1/messages", {}),
        (
            GeminiModel,
            "google/gemini-3-pro",
            "/v1/models/gemini-3-pro:streamGenerateContent",
            {"alt": "sse"},
        ),
        (
            GeminiModel,
            "google/tunedModels/mine",
            "/v1/tunedModels/mine:streamGenerateContent",
            {"alt": "sse"},
        ),
    ],
)
async def test_each_format_asks_at_its_own_path(
    kind: type[HostedModel], name: str, path: str, query: dict[str, str]
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        error = {"error": {"message": "Slow down."}}
        return web.json_response(error, status=429, headers={"x-request-id": "req_7"})

    async with provider(refuse) as (url, asked):
        model = kind(name, Endpoint(url, provider="p", key="k"))
        with pytest.raises(ModelRateLimited) as caught:
            _ = [event async for event in model.stream(ASK)]
        await model.close()
    assert asked[0][:2] == (path, query)
    assert caught.value.details["model"] == name
    assert caught.value.details["request_id"] == "req_7"


async def test_what_a_body_needs_of_headers_comes_with_it() -> None:
    async with provider(streamed(*MESSAGES)) as (url, asked):
        model = AnthropicModel("anthropic/claude-opus-5-5", Endpoint(url, provider="p", key="k"))
        _ = [event async for event in model.stream(ASK)]
        await model.close()
    assert asked[0][2]["anthropic-beta"] == "thinking-binding-controls-2026-08-01"


async def test_a_stream_that_ends_early_is_a_connection_error() -> None:
    async with provider(streamed(*MESSAGES[:3])) as (url, _):
        model = AnthropicModel("anthropic/claude-opus-5", Endpoint(url, provider="p", key="k"))
        with pytest.raises(ModelConnectionError):
            _ = [event async for event in model.stream(ASK)]
        await model.close()


async def test_leaving_a_stream_closes_the_connection() -> None:
    gone = asyncio.Event()
    async with provider(streamed(*MESSAGES[:3], gone=gone)) as (url, _):
        model = AnthropicModel("anthropic/claude-opus-5", Endpoint(url, provider="p", key="k"))
        stream = model.stream(ASK)
        assert isinstance(await anext(stream), TextDelta)
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 60)
        await model.close()


async def test_a_model_counts_before_it_asks() -> None:
    model = GeminiModel("google/gemini-3-pro", Endpoint("http://127.0.0.1:9", provider="google"))
    assert model.count(ASK.messages[0]) > 0
    assert model.count_text("Hello, you.") > 0
    assert model.count_text("") == 0


async def test_another_name_with_the_provider_is_what_the_provider_is_told() -> None:
    endpoint = Endpoint("http://127.0.0.1:9", provider="openai")
    model = ResponsesModel("openai/fast", endpoint, model="gpt-5-mini")
    request = ModelRequest(messages=ASK.messages, settings=ModelSettings(reasoning="off"))
    body = json.loads(model.encode(request))
    assert body["model"] == "gpt-5-mini"
    assert body["reasoning"] == {"effort": "minimal"}
