"""AG-UI over HTTP: every event is one of the protocol's own, and threads stay the truth."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ag_ui.core import Event as AgUiEvent
from pydantic import TypeAdapter
from support.front_ends import front
from support.served import Served

_EVENT: TypeAdapter[Any] = TypeAdapter(AgUiEvent)
Told = list[dict[str, Any]]


def _input(run: str, *messages: dict[str, Any], thread: str = "t", **more: Any) -> dict[str, Any]:
    return {"threadId": thread, "runId": run, "messages": list(messages), **more}


def _user(text: Any, id: str) -> dict[str, Any]:
    return {"id": id, "role": "user", "content": text}


async def _post(
    muxi: Served, body: dict[str, Any], path: str = "/agui", **headers: str
) -> aiohttp.ClientResponse:
    return await muxi.http.post(f"{muxi.url}{path}", json=body, headers=headers)


async def _told(muxi: Served, body: dict[str, Any], path: str = "/agui") -> Told:
    """The events of a run, each valid and in the order that the protocol demands."""
    return await _read(await _post(muxi, body, path))


async def _read(response: aiohttp.ClientResponse) -> Told:
    text = await response.text()
    assert response.status == 200, text
    assert response.content_type == "text/event-stream"
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    for event in events:
        validated = _EVENT.validate_python(event)
        assert not validated.model_extra, event
    assert events[-1]["type"] in ("RUN_FINISHED", "RUN_ERROR")
    return events


def _types(events: Told) -> list[str]:
    return [event["type"] for event in events]


def _text(events: Told) -> str:
    return "".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT")


def _one(events: Told, kind: str) -> dict[str, Any]:
    (found,) = [event for event in events if event["type"] == kind]
    return found


async def test_a_run_is_told_as_agui_does(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        events = await _told(muxi, _input("r1", _user("weather", "u1")))
        begun = events[0]
        assert (begun["threadId"], begun["runId"], begun["protocolVersion"]) == ("t", "r1", "1.0")
        told = _types(events)
        assert [kind for kind in told if kind != "TEXT_MESSAGE_CONTENT"] == [
            "RUN_STARTED",
            "STEP_STARTED",
            "TOOL_CALL_START",
            "TOOL_CALL_ARGS",
            "TOOL_CALL_END",
            "STEP_FINISHED",
            "TOOL_CALL_RESULT",
            "STEP_STARTED",
            "TEXT_MESSAGE_START",
            "TEXT_MESSAGE_END",
            "STEP_FINISHED",
            "RUN_FINISHED",
        ]
        assert json.loads(_one(events, "TOOL_CALL_ARGS")["delta"]) == {"city": "Rome"}
        assert json.loads(_one(events, "TOOL_CALL_RESULT")["content"])["degrees"] == 21
        end = events[-1]
        assert end["outcome"] == {"type": "success"}
        (usage,) = end["usage"]
        assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0
        run = await muxi.client.run(begun["metadata"]["muxi"]["runId"])
        assert (run.status, run.usage.total_tokens) == ("completed", usage["totalTokens"])
        assert run.thread_id == begun["metadata"]["muxi"]["threadId"]


async def test_the_thread_goes_on_and_may_be_forked_and_read(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        first = await _told(muxi, _input("r1", _user("one", "u1")))
        answer = {"id": _one(first, "TEXT_MESSAGE_END")["messageId"], "role": "assistant"}
        said = [_user("one", "u1"), {**answer, "content": _text(first)}]
        second = await _told(muxi, _input("r2", *said, _user("two", "u2")))
        assert _text(second) == "You said two, after 2."
        assert "MESSAGES_SNAPSHOT" not in _types(second)
        fork = await _told(muxi, _input("r3", *said, _user("three", "u3")))
        assert _text(fork) == "You said three, after 2."
        again = await _told(muxi, _input("r4", _user("one, but better", "u1")))
        assert _text(again) == "You said one, but better, after 0."
        thread_id = first[0]["metadata"]["muxi"]["threadId"]
        by_name = await _told(muxi, _input("r5", _user("four", "u9"), thread=thread_id))
        assert _text(by_name) == "You said four, after 2."
        snapshot = _one(by_name, "MESSAGES_SNAPSHOT")["messages"]
        assert [each.get("content") for each in snapshot][::2] == ["one, but better", "four"]
        assert snapshot[0]["id"] == "u1"
        stands = await _told(muxi, _input("r6"))
        assert _types(stands) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
        assert len(_one(stands, "MESSAGES_SNAPSHOT")["messages"]) == 4


async def test_a_conversation_that_no_thread_holds_is_taken_over(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    said = (
        {"id": "s", "role": "system", "content": "Be brief."},
        _user("before", "u1"),
        {"id": "a1", "role": "assistant", "toolCalls": [call]},
        {"id": "x", "role": "reasoning", "content": "Hm."},
        {"id": "r1", "role": "tool", "toolCallId": "c1", "content": "nothing"},
        {"id": "a2", "role": "assistant", "content": "I see"},
    )
    context = [{"description": "The page", "value": "checkout"}]
    async with front(tmp_path) as (muxi, _):
        body = _input("r1", *said, _user("instructions", "u2"), context=context)
        events = await _told(muxi, body)
        assert "Be brief." in _text(events)
        assert "The page: checkout" in _text(events)
        thread_id = events[0]["metadata"]["muxi"]["threadId"]
        messages = await muxi.client.messages(thread_id)
        assert [m.role for m in messages] == [
            "user", "assistant", "tool", "assistant", "user", "assistant",
        ]  # fmt: skip
        results = await _told(muxi, _input("r9", *said[1:5], thread="other"))
        assert _text(results) == "So: nothing"


async def test_leave_is_asked_and_given_in_agui_terms(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        said = _user("pay", "u1")
        asked = await _told(muxi, _input("r1", said))
        assert _types(asked)[-2:] == ["MESSAGES_SNAPSHOT", "RUN_FINISHED"]
        (interrupt,) = asked[-1]["outcome"]["interrupts"]
        call_id = _one(asked, "TOOL_CALL_START")["toolCallId"]
        assert (interrupt["reason"], interrupt["toolCallId"]) == ("tool_call", call_id)
        blocked = await _told(muxi, _input("r2", said, _user("and now?", "u2")))
        assert _types(blocked) == ["RUN_ERROR"]
        assert blocked[0]["code"] == "conflict"

        def resume(payload: Any, status: str = "resolved", run: str = "r3") -> dict[str, Any]:
            entry = {"interruptId": interrupt["id"], "status": status, "payload": payload}
            return _input(run, said, resume=[entry])

        for wrong in (None, "yes", {}, {"approved": "yes"}, {"approved": True, "x": 1}):
            refused = await _told(muxi, resume(wrong))
            assert _types(refused) == ["RUN_ERROR"], wrong
        unfit = await _told(muxi, resume({"approved": True, "editedArgs": {"amount": "all"}}))
        assert unfit[0]["code"] == "invalid_input"
        elsewhere = {**resume({"approved": True}), "threadId": "another"}
        assert _types(await _told(muxi, elsewhere)) == ["RUN_ERROR"]
        assert shop.paid == []
        answer = {"approved": True, "editedArgs": {"amount": 3}}
        answered = await _told(muxi, resume(answer))
        assert _one(answered, "TOOL_CALL_RESULT")["content"].endswith("paid 3")
        assert "TOOL_CALL_START" not in _types(answered)
        assert answered[-1]["outcome"] == {"type": "success"}
        repeated = await _told(muxi, resume(answer, run="r4"))
        assert _text(repeated) == _text(answered)
        assert shop.paid == [3]
        other = await _told(muxi, resume({"approved": False}, run="r5"))
        assert _types(other) == ["RUN_ERROR"]


async def test_an_abandoned_interrupt_is_a_refusal(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        asked = await _told(muxi, _input("r1", _user("pay", "u1")))
        (interrupt,) = asked[-1]["outcome"]["interrupts"]
        entry = {"interruptId": interrupt["id"], "status": "cancelled"}
        answered = await _told(muxi, _input("r2", resume=[entry]))
        result = _one(answered, "TOOL_CALL_RESULT")
        assert result["metadata"]["muxi"]["outcome"] == "denied"
        assert shop.paid == []


async def test_the_tools_of_the_front_end_are_called_by_it(tmp_path: Path) -> None:
    tools = [{"name": "locate", "description": "Where?", "parameters": {"type": "object"}}]
    async with front(tmp_path) as (muxi, _):
        said = _user("where", "u1")
        asked = await _told(muxi, _input("r1", said, tools=tools))
        call = _one(asked, "TOOL_CALL_START")
        assert asked[-1]["outcome"] == {
            "type": "success",
            "pendingToolCallIds": [call["toolCallId"]],
        }
        snapshot = _one(asked, "MESSAGES_SNAPSHOT")["messages"]
        result = {"id": "x", "role": "tool", "toolCallId": call["toolCallId"], "content": "Oslo"}
        answered = await _told(muxi, _input("r2", *snapshot, result, tools=tools))
        assert _text(answered) == "So: Oslo"
        assert "TOOL_CALL_RESULT" not in _types(answered)
        asked = await _told(muxi, _input("r3", _user("where", "v1"), tools=tools, thread="u"))
        (pending,) = asked[-1]["outcome"]["pendingToolCallIds"]
        failed = {"id": "y", "role": "tool", "toolCallId": pending, "content": "", "error": "No"}
        both = _input("r4", failed, _user("go on", "v2"), tools=tools, thread="u")
        assert "go on" in _text(await _told(muxi, both))
        await _told(muxi, _input("r5", _user("where", "w1"), tools=tools, thread="v"))
        past = await _told(muxi, _input("r6", _user("never mind", "w2"), thread="v"))
        assert "never mind" in _text(past)


async def test_the_state_is_shared_with_the_front_end(tmp_path: Path) -> None:
    state = {"done": 1, "note": "x", "by": {"name": "?"}}
    after = {"done": 2, "by": {"name": "a", "x/y": [1]}}
    async with front(tmp_path) as (muxi, _):
        told = await _told(muxi, _input("r0", _user("instructions", "u0"), state=state))
        assert '"note": "x"' in _text(told)
        assert "STATE_SNAPSHOT" not in _types(told), "the front end holds it"
        events = await _told(muxi, _input("r1", _user("steps", "u1"), state=state))
        ops = _one(events, "STATE_DELTA")["delta"]
        assert sorted((op["op"], op["path"]) for op in ops) == [
            ("add", "/by/x~1y"),
            ("remove", "/note"),
            ("replace", "/by/name"),
            ("replace", "/done"),
        ]
        assert _types(events).index("STATE_DELTA") == _types(events).index("TOOL_CALL_RESULT") + 1
        again = await _told(muxi, _input("r1", _user("steps", "u1"), state={}))
        assert _one(again, "STATE_SNAPSHOT")["snapshot"] == state
        assert _one(again, "STATE_DELTA") == _one(events, "STATE_DELTA")
        stands = await _told(muxi, _input("r2"))
        assert _types(stands) == [
            *("RUN_STARTED", "STATE_SNAPSHOT", "MESSAGES_SNAPSHOT", "RUN_FINISHED"),
        ]
        assert _one(stands, "STATE_SNAPSHOT")["snapshot"] == after
        other = await _told(muxi, _input("r3", _user("instructions", "u3"), state={}))
        assert _one(other, "STATE_SNAPSHOT")["snapshot"] == after
        assert '"x/y": [1]' in _text(other), "who holds nothing goes on with what is kept"
        large = await _told(muxi, _input("r4", _user("hi", "u4"), state={"x": "y" * 70_000}))
        assert _types(large) == ["RUN_ERROR"]
        others: list[Any] = [[1], "text", {}, None]
        for no_object in others:
            said = _input("r5", _user("hi", "u5"), thread=f"t{no_object}", state=no_object)
            assert "STATE_SNAPSHOT" not in _types(await _told(muxi, said))


async def test_the_same_run_is_told_again_and_not_begun_twice(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        body = _input("r1", _user("hello", "u1"))
        first = await _told(muxi, body)
        assert (await _told(muxi, body))[1:] == first[1:]
        assert len((await muxi.client.runs()).items) == 1


async def test_a_second_window_joins_the_run_under_way(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        slow = await _post(muxi, _input("r1", _user("slow", "u1")))
        await asyncio.wait_for(shop.waits.wait(), 60)
        joined = await _post(muxi, _input("r2"))
        refused = await _told(muxi, _input("r3", _user("me too", "u2")))
        assert _types(refused) == ["RUN_ERROR"]
        shop.go.set()
        told = await _read(joined)
        assert _text(await _read(slow)) == _text(told) == "begin and end"
        assert _one(told, "MESSAGES_SNAPSHOT")["messages"][0]["content"] == "slow"


async def test_ends_that_are_no_success(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, shop):
        failed = await _told(muxi, _input("r1", _user("fail", "u1")))
        assert failed[-1]["type"] == "RUN_ERROR"
        assert failed[-1]["code"] == "model_rejected"
        assert failed[-1]["message"].startswith("Not this one.")
        assert _text(failed) == "Well"
        broken = await _told(muxi, _input("r2", _user("break", "u1"), thread="b"))
        assert _one(broken, "TOOL_CALL_RESULT")["metadata"]["muxi"]["outcome"] == "error"
        slow = await _post(muxi, _input("r3", _user("slow", "u1"), thread="s"))
        await asyncio.wait_for(shop.waits.wait(), 60)
        await muxi.client.cancel(slow.headers["x-run-id"])
        assert (await _read(slow))[-1]["outcome"] == {"type": "cancelled"}


async def test_other_users_have_other_conversations_of_the_same_name(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        mine = await _told(muxi, _input("r1", _user("hello", "u1")))
        response = await _post(muxi, _input("r1", _user("hi", "u1")), **{"X-Muxi-User": "ann"})
        assert "You said hi, after 0." in "".join(
            json.loads(line[6:]).get("delta", "")
            for line in (await response.text()).splitlines()
            if line.startswith("data: ")
        )
        thread_id = mine[0]["metadata"]["muxi"]["threadId"]
        foreign = _input("r2", _user("hi", "u1"), thread=thread_id)
        response = await _post(muxi, foreign, **{"X-Muxi-User": "ann"})
        assert response.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"threadId": "t", "runId": "r"},
        {"threadId": "", "runId": "r", "messages": []},
        {"threadId": "t" * 300, "runId": "r", "messages": []},
        {"threadId": "t", "runId": "r", "messages": [{"id": "x", "role": "pope"}]},
        {"threadId": "t", "runId": "r", "messages": [{"id": "x", "role": "user", "content": 7}]},
        {"threadId": "t", "runId": "r", "messages": [], "resume": [{"status": "done"}]},
    ],
)
async def test_what_is_no_input_of_a_run_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with front(tmp_path) as (muxi, _):
        response = await _post(muxi, body)
        assert response.status == 422
        assert (await response.json())["code"] == "invalid_input"


async def test_nonsense_in_a_run_is_told_as_its_end(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        bad_bytes = {"type": "image", "source": {"type": "data", "value": "%%%"}}
        nonsense: list[dict[str, Any]] = [
            _input("r", _user([bad_bytes], "u1")),
            _input("r", _user("", "u1")),
            _input("r"),
            _input("r", {"id": "t", "role": "tool", "toolCallId": "none", "content": "x"}),
            _input("r", _user("hi", "u"), tools=[{"name": "bad name", "description": ""}]),
            _input("r", _user("hi", "u"), tools=[{"name": "weather", "description": ""}]),
        ]
        for body in nonsense:
            events = await _told(muxi, body)
            assert events[-1]["type"] == "RUN_ERROR", body
        gone = {"interruptId": "apr_none", "status": "cancelled"}
        assert (await _post(muxi, _input("r", resume=[gone]))).status == 404
        assert (await _post(muxi, _input("r", _user("hi", "u")), "/agui/none")).status == 404


async def test_media_go_in_by_value_and_come_back_by_address(tmp_path: Path) -> None:
    async with front(tmp_path) as (muxi, _):
        source = {"type": "data", "value": "aGVsbG8=", "mimeType": "image/png"}
        parts = [{"type": "text", "text": "look"}, {"type": "image", "source": source}]
        await _told(muxi, _input("r1", _user(parts, "u1")))
        stands = await _told(muxi, _input("r2"))
        (_, image) = _one(stands, "MESSAGES_SNAPSHOT")["messages"][0]["content"]
        assert image["source"]["mimeType"] == "image/png"
        response = await muxi.http.get(muxi.url + image["source"]["value"])
        assert await response.read() == b"hello"
