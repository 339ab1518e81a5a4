"""The tasks of muxi's own server, asked in raw messages: whose they are, and how long they last."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
from support.long_calls import LongCalls, serving_long_calls

REVISION = "2026-07-28"
TASKS = "io.modelcontextprotocol/tasks"


class Owner:
    """A client that knows tasks."""

    def __init__(self, served: LongCalls, name: str = "ada") -> None:
        self.url = served.url
        self.name = name

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to one request, its result or its error."""
        able = {"extensions": {TASKS: {}}, "elicitation": {}}
        meta = {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": able,
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": REVISION,
            "Mcp-Method": method,
            "Mcp-Name": params.get("taskId") or params.get("name", ""),
            "X-Owner": self.name,
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        async with httpx2.AsyncClient() as client:
            response = await client.post(self.url, json=body, headers=headers)
        return response.json()

    async def begin(self, name: str = "slow_compute", **arguments: Any) -> dict[str, Any]:
        found = await self.ask("tools/call", name=name, arguments=arguments)
        return found["result"]

    async def get(self, task: dict[str, Any]) -> dict[str, Any]:
        return await self.ask("tasks/get", taskId=task["taskId"])

    async def once(self, task: dict[str, Any], *statuses: str | None) -> dict[str, Any]:
        """The answer about a task once it is in one of these states; None: it is forgotten."""
        async with asyncio.timeout(60):
            while True:
                found = await self.get(task)
                if found.get("result", {}).get("status") in statuses:
                    return found
                await asyncio.sleep(0.05)

    async def over(self, task: dict[str, Any]) -> dict[str, Any]:
        """A task once it is over."""
        return (await self.once(task, "completed", "failed", "cancelled"))["result"]

    async def asked(self, task: dict[str, Any]) -> str:
        """The key of what a task asks for."""
        (key,) = (await self.once(task, "input_required"))["result"]["inputRequests"]
        return key


async def test_nobody_sees_answers_or_cancels_the_task_of_somebody_else() -> None:
    async with serving_long_calls() as served:
        ada, eve = Owner(served), Owner(served, "eve")
        task = await ada.begin(seconds=0.3, label="secret")
        for method, more in (
            ("tasks/get", {}),
            ("tasks/cancel", {}),
            ("tasks/update", {"inputResponses": {}}),
        ):
            refused = await eve.ask(method, taskId=task["taskId"], **more)
            assert refused["error"]["code"] == INVALID_PARAMS
            assert "secret" not in str(refused)
        found = await ada.over(task)
        assert found["result"]["content"][0]["text"] == "secret took 0.3 s"


async def test_a_task_is_forgotten_after_its_life_and_not_before_it_is_over() -> None:
    async with serving_long_calls(lifetime=0.4) as served:
        ada = Owner(served)
        task = await ada.begin(seconds=3, label="it")
        assert task["ttlMs"] == 400
        await asyncio.sleep(0.5)
        assert (await ada.get(task))["result"]["status"] == "working"
        assert (await ada.once(task, None))["error"]["code"] == INVALID_PARAMS


async def test_one_owner_cannot_fill_the_memory_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("muxi.server.mcp.tasks._MOST", 5)
    async with serving_long_calls() as served:
        ada = Owner(served)
        for _ in range(5):
            await ada.begin(seconds=0, label="it")
        refused = await ada.ask("tools/call", name="slow_compute", arguments={"seconds": 0})
        assert refused["error"]["code"] == INTERNAL_ERROR
        assert "taskId" in await Owner(served, "eve").begin(seconds=0, label="it")


async def test_a_key_of_a_request_is_never_used_twice_in_the_life_of_a_task() -> None:
    async with serving_long_calls(poll=0.05) as served:
        ada = Owner(served)
        task = await ada.begin("confirm_delete", filename="a.txt")
        keys: list[str] = []
        for said in ({"confirm": "no boolean"}, {"confirm": True}):
            key = await ada.asked(task)
            keys.append(key)
            answer = {key: {"action": "accept", "content": said}}
            await ada.ask("tasks/update", taskId=task["taskId"], inputResponses=answer)
        assert len(set(keys)) == 2
        done = await ada.over(task)
        assert done["result"]["content"][0]["text"] == "a.txt was deleted."


@pytest.mark.parametrize("answer", [12, "yes", None, {"action": "maybe"}, {"content": 7}, []])
async def test_an_answer_without_a_form_never_ends_the_server(answer: object) -> None:
    async with serving_long_calls(poll=0.05) as served:
        ada = Owner(served)
        task = await ada.begin("confirm_delete", filename="a.txt")
        key = await ada.asked(task)
        responses = {key: answer}
        told = await ada.ask("tasks/update", taskId=task["taskId"], inputResponses=responses)
        assert told["error"]["code"] == INVALID_PARAMS
        assert (await ada.get(task))["result"]["inputRequests"].keys() == {key}
