from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from muxi.core.errors import ModelAuthError, ModelError, ModelRateLimited
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import TextPart, ToolCallPart, user_message
from muxi.core.requests import ModelRequest, ToolSpec
from tests.support.provider import chunks, serve, sse, status

pytest.importorskip("litellm", reason="the extra `litellm` is not installed", exc_type=ImportError)

# The library warns of its own old habits, and of pydantic's, while it loads.
pytestmark = [pytest.mark.ci, pytest.mark.filterwarnings("ignore")]

KEY = "sk-long-tail-secret"
ADD = ToolSpec(name="add", parameters={"type": "object", "properties": {"a": {"type": "integer"}}})


def model(**options: Any) -> Any:
    from muxi.models.long_tail import LongTailModel

    return LongTailModel("hosted_vllm/m", key=KEY, **options)


async def collect(model: Any) -> list[ModelEvent]:
    request = ModelRequest(messages=[user_message("1+2?")], tools=(ADD,))
    return [event async for event in model.stream(request)]


def chunk(finish: str | None = None, **delta: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": [choice]})


async def test_what_the_library_streams_becomes_our_events():
    call = {"index": 0, "id": "c1", "type": "function"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    events = [
        chunk(role="assistant", content="Let me "),
        chunk(content="see."),
        chunk(tool_calls=[{**call, "function": {"name": "add", "arguments": '{"a"'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        chunk("tool_calls"),
        json.dumps(
            {
                "id": "r",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [],
                "usage": usage,
            }
        ),
        "[DONE]",
    ]
    async with serve(chunks(sse(events))) as upstream:
        found = await collect(model(base_url=upstream.url))
        done = found[-1]
        assert isinstance(done, ResponseCompleted)
        assert done.parts[0] == TextPart(text="Let me see.")
        assert isinstance(done.parts[1], ToolCallPart)
        assert done.parts[1].arguments == {"a": 1}
        assert done.stop_reason == "tool_calls"
        assert done.usage.input_tokens == 5
        assert upstream.bodies[0]["tools"][0]["function"]["name"] == "add"


@pytest.mark.parametrize(("code", "kind"), [(401, ModelAuthError), (429, ModelRateLimited)])
async def test_its_errors_become_ours_without_the_key(code: int, kind: type[ModelError]):
    payload = {"error": {"message": f"refused {KEY}", "type": "x", "code": str(code)}}
    async with serve(status(code, payload)) as upstream:
        with pytest.raises(kind) as caught:
            await collect(model(base_url=upstream.url))
        assert KEY not in str(caught.value)
        assert caught.value.__context__ is None
        assert caught.value.details["provider"] == "hosted_vllm"


async def test_cohere_is_spoken_to_in_its_own_words():
    from muxi.models.long_tail import LongTailModel

    seen: list[Any] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(await request.json())
        return web.Response(status=500, text="enough")

    async with serve(answer) as upstream:
        cohere = LongTailModel("cohere/command-r", key=KEY, base_url=upstream.url)
        with pytest.raises(ModelError):
            await collect(cohere)
    assert seen
