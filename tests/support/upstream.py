"""A provider for examples: speaks chat completions and answers everything in the right shape.

It calls the first tool that it is offered once, with arguments made from the tool's schema, and
then answers; a structured answer is made from its schema likewise. Used by the tests of the docs.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web


@contextmanager
def serving() -> Iterator[str]:
    """Serve in a thread of its own while the context lasts; gives the base URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="example upstream")
    thread.start()
    runner, port = asyncio.run_coroutine_threadsafe(_start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _start() -> tuple[web.AppRunner, int]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/chat/completions", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for choice in _choices(body):
        await _send(response, {"choices": [{"index": 0, **choice}]})
    usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    await _send(response, {"choices": [], "usage": usage})
    await response.write(b"data: [DONE]\n\n")
    return response


def _choices(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    last = body["messages"][-1]
    tools = body.get("tools") or []
    if tools and last["role"] != "tool" and body.get("tool_choice") != "none":
        function = tools[0]["function"]
        call = {
            "index": 0,
            "id": f"call_{len(body['messages'])}",
            "type": "function",
            "function": {
                "name": function["name"],
                "arguments": json.dumps(sample(function.get("parameters") or {})),
            },
        }
        yield {"delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}
        yield {"delta": {}, "finish_reason": "tool_calls"}
        return
    for piece in _pieces(_text(body, last)):
        yield {"delta": {"content": piece}, "finish_reason": None}
    yield {"delta": {}, "finish_reason": "stop"}


def _text(body: dict[str, Any], last: dict[str, Any]) -> str:
    shape = (body.get("response_format") or {}).get("json_schema")
    if shape is not None:
        return json.dumps(sample(shape["schema"]))
    if last["role"] == "tool":
        return f"The tool says: {last['content']}"
    return "Hello from the example upstream."


def _pieces(text: str) -> list[str]:
    return [text[i : i + 7] for i in range(0, len(text), 7)]


async def _send(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    whole = {"id": "c1", "object": "chat.completion.chunk", "model": "example", **chunk}
    await response.write(f"data: {json.dumps(whole)}\n\n".encode())


def sample(schema: dict[str, Any], defs: dict[str, Any] | None = None) -> Any:
    """A value that fits `schema`: enough of JSON Schema for the examples of the docs."""
    defs = schema.get("$defs", {}) if defs is None else defs
    if "$ref" in schema:
        return sample(defs[schema["$ref"].rsplit("/", 1)[-1]], defs)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample(schema[key][0], defs)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    if kind == "object":
        required = schema.get("required", [])
        properties = schema.get("properties", {})
        return {name: sample(properties[name], defs) for name in required}
    if kind == "array":
        return [sample(schema["items"], defs)] if "items" in schema else []
    return {"integer": 7, "number": 7.5, "boolean": True, "null": None}.get(kind, "example")
