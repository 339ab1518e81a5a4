"""Show 1: somebody moves, in two conversations and several processes, and both places are known."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.support.command import PROJECT, Muxi, send_chunk, text_of


class Attentive:
    """A provider that notes where somebody says to live, and that knows it from its prompt only."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        system = " ".join(text_of(m["content"]) for m in body["messages"] if m["role"] == "system")
        last = body["messages"][-1]
        question = text_of([m for m in body["messages"] if m["role"] == "user"][-1]["content"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        told = re.search(r"I (?:live in|have moved to) (\w+)", question)
        if told is not None and last["role"] != "tool":
            arguments = json.dumps({"path": "location.city", "value": told[1]})
            function = {"name": "set_fact", "arguments": arguments}
            call = {"index": 0, "id": "call_1", "type": "function", "function": function}
            delta, finish = {"tool_calls": [call]}, "tool_calls"
        else:
            known = re.search(r"location\.city\W+(\w+)", system)
            answer = "Noted." if told else f"In {known[1]}." if known else "I do not know."
            delta, finish = {"content": answer}, "stop"
        await send_chunk(
            response, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        )
        await send_chunk(
            response, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
        )
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        await send_chunk(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        return response


@pytest.fixture
async def attentive(muxi: Muxi) -> AsyncIterator[Muxi]:
    provider = Attentive()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    memory = "memory: {embedder: none, tools: true}\n"
    (muxi.folder / "muxi.yaml").write_text(PROJECT.format(url=url) + memory)
    try:
        yield muxi
    finally:
        await runner.cleanup()


@pytest.mark.ci
async def test_both_cities_are_known_with_their_dates_and_messages(attentive: Muxi) -> None:
    muxi = attentive
    first = await muxi("run", "I live in Oslo, by the sea.")
    assert (first.code, first.out) == (0, "Noted.\n"), first.err
    before = json.loads((await muxi("memory", "show", "location.city", "--json")).out)
    moved = await muxi("run", "By the way, I have moved to Bergen.")
    assert moved.code == 0
    threads = json.loads((await muxi("threads", "list", "--json")).out)
    assert len(threads) == 2
    asked = await muxi("run", "Where do I live?")
    assert asked.out == "In Bergen.\n"
    old, new = json.loads((await muxi("memory", "show", "location.city", "--json")).out)
    assert (old["value"], new["value"]) == ("Oslo", "Bergen")
    assert old["valid_to"] == new["valid_from"]
    assert "valid_to" not in new
    messages = {
        message["id"]: message["parts"][0]["text"]
        for thread in threads
        for message in json.loads((await muxi("threads", "show", thread["id"], "--json")).out)
        if message["role"] == "user"
    }
    assert messages[old["source_message_id"]] == "I live in Oslo, by the sea."
    assert messages[new["source_message_id"]] == "By the way, I have moved to Bergen."
    shown = (await muxi("memory", "show", "location.city")).out.splitlines()
    assert "Oslo" in shown[0]
    assert old["source_message_id"] in shown[0]
    assert "I live in Oslo, by the sea." in shown[0]
    assert "Bergen" in shown[1]
    then = before[0]["valid_from"]
    as_of = json.loads((await muxi("memory", "show", "--as-of", then, "--json")).out)
    assert [fact["value"] for fact in as_of] == ["Oslo"]
    stranger = await muxi("run", "--user", "ben", "Where do I live?")
    assert stranger.out == "I do not know.\n"
