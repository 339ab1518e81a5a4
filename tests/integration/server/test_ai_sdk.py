"""The chat API of the AI SDK over HTTP: the chunks of answers, and what goes on from them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.front_ends import front
from support.served import Served

Told = list[dict[str, Any]]
Parts = list[dict[str, Any]]


def _user(text: str, id: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}, *more]}


def _assistant(id: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"id": id, "role": "assistant", "parts": list(parts)}


def _body(*messages: dict[str, Any], chat: str = "c", **more: Any) -> dict[str, Any]:
    return {"id": chat, "messages": list(messages), "trigger": "submit-message", **more}


async def _post(muxi: Served, body: Any, **headers: str) -> aiohttp.ClientResponse:
    return await muxi.http.post(f"{muxi.url}/api/chat", json=body, headers=headers)


def _chunks(response: aiohttp.ClientResponse, text: str) -> Told:
    assert response.status == 200, text
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    *lines, done = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert done == "[DONE]"
    return [json.loads(line) for line in lines]


async def _told(muxi: Served, body: Any) -> Told:
    response = await _post(muxi, body)
    return _chunks(response, await response.text())


def _types(chunks: Told) -> list[str]:
    return [chunk["type"] for chunk in chunks]


def _text(chunks: Told) -> str:
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


def _one(chunks: Told, kind: str) -> dict[str, Any]:
    (found,) = [chunk for chunk in chunks if chunk["type"] == kind]
    return found


async def test_an_answer_is_one_message_under_the_id_of_its_run(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        chunks = await _told(muxi, _body(_user("weather", "u1")))
        assert [kind for kind in _types(chunks) if kind != "text-delta"] == [
            "start",
            "message-metadata",
            "start-step",
            "tool-input-start",
            "tool-input-delta",
            "tool-input-available",
            "finish-step",
            "tool-output-available",
            "start-step",
            "text-start",
            "text-end",
            "finish-step",
            "finish",
        ]
        run = await muxi.client.run(chunks[0]["messageId"])
        output = _one(chunks, "tool-output-available")["output"]
        assert output == {"city": "Rome", "degrees": 21}
        end = chunks[-1]
        assert end["finishReason"] == "stop"
        assert end["messageMetadata"]["usage"]["totalTokens"] == run.usage.total_tokens
        assert end["messageMetadata"]["threadId"] == run.thread_id
        thought = await _told(muxi, _body(_user("think", "u1"), chat="d"))
        assert "reasoning-delta" in _types(thought)
        assert _types(thought).index("reasoning-end") < _types(thought).index("text-start")


async def test_a_chat_goes_on_is_answered_anew_and_is_edited(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        one, two = _user("one", "u1"), _user("two", "u2")
        first = await _told(muxi, _body(one))
        answer = _assistant(first[0]["messageId"], {"type": "text", "text": _text(first)})
        second = await _told(muxi, _body(one, answer, two))
        assert _text(second) == "You said two, after 2."
        anew = await _told(muxi, _body(one, answer, two, trigger="regenerate-message"))
        assert _text(anew) == "You said two, after 2."
        assert anew[0]["messageId"] != second[0]["messageId"]
        edited = await _told(muxi, _body(_user("three", "u1"), messageId="u1"))
        assert _text(edited) == "You said three, after 0."
        only_the_last = {"id": "c", "message": _user("four", "u4")}
        assert _text(await _told(muxi, only_the_last)) == "You said four, after 2."
        thread_id = first[0]["messageMetadata"]["threadId"]
        by_id = await _told(muxi, _body(_user("five", "u5"), chat=thread_id))
        assert _text(by_id) == "You said five, after 4."
        response = await muxi.http.get(f"{muxi.url}/api/chat/c")
        messages = (await response.json())["messages"]
        assert [m["role"] for m in messages] == ["user", "assistant"] * 3
        assert [m["id"] for m in messages[::2]] == ["u1", "u4", "u5"]


async def test_leave_is_asked_and_given_in_the_parts_of_calls(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        said = _user("pay", "u1")
        asked = await _told(muxi, _body(said))
        request = _one(asked, "tool-approval-request")
        call = _one(asked, "tool-input-available")
        assert request["toolCallId"] == call["toolCallId"]
        assert asked[-1]["finishReason"] == "tool-calls"
        response = await muxi.http.get(f"{muxi.url}/api/chat/c")
        (*_, kept) = (await response.json())["messages"][-1]["parts"]
        assert kept["state"] == "approval-requested"
        assert kept["approval"]["id"] == request["approvalId"]
        past = await _post(muxi, _body(said, _user("and now?", "u2")))
        assert (past.status, (await past.json())["code"]) == (409, "conflict")

        def answer(**approval: Any) -> dict[str, Any]:
            part = {**kept, "state": "approval-responded"}
            part["approval"] = {"id": request["approvalId"], **approval}
            return _body(said, _assistant(asked[0]["messageId"], part))

        nothing = await _post(muxi, _body(said, _assistant(asked[0]["messageId"], kept)))
        assert nothing.status == 422
        answered = await _told(muxi, answer(approved=True))
        assert answered[0]["messageId"] == asked[0]["messageId"]
        assert _one(answered, "tool-output-available")["output"] == "paid 5"
        assert "tool-input-available" not in _types(answered)
        assert answered[-1]["finishReason"] == "stop"
        assert _text(await _told(muxi, answer(approved=True))) == _text(answered)
        assert shop.paid == [5]
        assert (await _post(muxi, answer(approved=False))).status == 409


async def test_calls_of_the_front_end_come_back_with_their_output(tmp_path: Path) -> None:
    tools = [{"name": "locate", "description": "Where?", "parameters": {"type": "object"}}]
    async with front(tmp_path) as (muxi, _):
        said = _user("where", "u1")
        asked = await _told(muxi, _body(said, tools=tools))
        call = _one(asked, "tool-input-available")
        part = {"type": "tool-locate", "toolCallId": call["toolCallId"], "input": call["input"]}
        output = {**part, "state": "output-available", "output": {"city": "Oslo"}}
        answered = await _told(muxi, _body(said, _assistant(asked[0]["messageId"], output)))
        assert _text(answered) == 'So: {"city":"Oslo"}'
        asked = await _told(muxi, _body(said, tools=tools, chat="d"))
        call = _one(asked, "tool-input-available")
        failed = {**part, "toolCallId": call["toolCallId"], "state": "output-error"}
        failed["errorText"] = "No signal"
        message = _assistant(asked[0]["messageId"], failed)
        answered = await _told(muxi, _body(said, message, chat="d"))
        assert "No signal" in _text(answered)
        await _told(muxi, _body(said, tools=tools, chat="e"))
        past = await _told(muxi, _body(_user("never mind", "u2"), chat="e"))
        assert "never mind" in _text(past)


async def test_whoever_resumes_is_told_all_and_nobody_else_is(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        stream = f"{muxi.url}/api/chat/c/stream"
        assert (await muxi.http.get(stream)).status == 204
        slow = await _post(muxi, _body(_user("slow", "u1")))
        await asyncio.wait_for(shop.waits.wait(), 60)
        foreign = await muxi.http.get(stream, headers={"X-Muxi-User": "ann"})
        assert foreign.status == 204
        resumed = await muxi.http.get(stream)
        shop.go.set()
        assert _chunks(resumed, await resumed.text()) == _chunks(slow, await slow.text())
        assert (await muxi.http.get(stream)).status == 204


async def test_a_cancelled_answer_is_aborted_and_a_failed_one_is_an_error(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        slow = await _post(muxi, _body(_user("slow", "u1")))
        await asyncio.wait_for(shop.waits.wait(), 60)
        await muxi.client.cancel(slow.headers["x-run-id"])
        chunks = _chunks(slow, await slow.text())
        assert [chunk["type"] for chunk in chunks[-2:]] == ["abort", "finish"]
        assert chunks[-1]["finishReason"] == "interrupted"
        failed = await _told(muxi, _body(_user("fail", "u1"), chat="d"))
        assert failed[-1]["errorText"].startswith("Not this one.")
        broken = await _told(muxi, _body(_user("break", "u1"), chat="e"))
        assert "no such thing" in _one(broken, "tool-output-error")["errorText"]


async def test_files_and_histories_are_taken_over(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        file = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,aGVsbG8="}
        history = (
            {"id": "s", "role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
            _user("before", "h1"),
            _assistant(
                "h2",
                {"type": "step-start"},
                {
                    "type": "tool-look",
                    "toolCallId": "k",
                    "state": "output-available",
                    "input": {},
                    "output": [1],
                },
                {"type": "step-start"},
                {"type": "text", "text": "I see"},
                {"type": "data-own", "data": 1},
            ),
        )
        chunks = await _told(muxi, _body(*history, _user("instructions", "u1", file)))
        assert _text(chunks) == "Be brief."
        response = await muxi.http.get(f"{muxi.url}/api/chat/c")
        messages = (await response.json())["messages"]
        assert [m["id"] for m in messages[:3]] == ["h1", "h2", "u1"]
        look = next(part for part in messages[1]["parts"] if part["type"] == "tool-look")
        assert (look["state"], look["output"]) == ("output-available", [1])
        url = messages[2]["parts"][1]["url"]
        assert await (await muxi.http.get(muxi.url + url)).read() == b"hello"
        again = {**file, "url": url}
        assert _text(await _told(muxi, _body(_user("see", "u2", again)))).startswith("You said see")


NO_CHATS: list[Any] = [
    {},
    {"id": "c"},
    {"id": "c", "messages": []},
    {"id": "", "messages": [{"id": "u", "role": "user", "parts": []}]},
    {"id": "c", "messages": [{"id": "u", "role": "tool", "parts": []}]},
    {"id": "c", "messages": [{"id": "u", "role": "user", "parts": []}]},
    {"id": "c", "messages": [{"id": "u", "role": "assistant", "parts": []}]},
    {"id": "c", "messages": [{"id": "u", "role": "user", "parts": [{"type": "file"}]}]},
    _body(_user("x", "u", {"type": "file", "mediaType": "a/b", "url": "data:;base64,%"})),
    _body(_user("x", "u"), tools=[{"name": "no name"}]),
]


@pytest.mark.parametrize("body", NO_CHATS)
async def test_what_is_no_chat_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with front(tmp_path) as (muxi, _):
        response = await _post(muxi, body)
        assert response.status == 422
        assert (await response.json())["code"] == "invalid_input"
